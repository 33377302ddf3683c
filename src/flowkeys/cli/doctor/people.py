"""Whether somebody can sign in who may do everything."""

from flowkeys.cli.doctor.finding import Finding, ok
from flowkeys.domain.people.workspace import DEFAULT_NAME
from flowkeys.storage.transaction import Tables


def check_owners(tables: Tables) -> Finding:
    """Look whether the pages were set up. It is no fault when they were not: the API needs no people."""
    workspace = tables.workspaces.find(DEFAULT_NAME)
    count = tables.people.count_owners(workspace.id) if workspace is not None else 0
    if not count:
        return ok("people", "no owner yet; each start of flowkeys serve prints a link to become the first")
    return ok("people", f"{count} owner{'' if count == 1 else 's'}")
