"""Forms that were sent, within one transaction."""

import msgspec
from sqlalchemy import bindparam, delete, select

from flowkeys.service.ports.people import SentForm
from flowkeys.storage.elements import upsert
from flowkeys.storage.schema import sent_form
from flowkeys.storage.statement import Connection, Statement

_ADD = Statement(upsert(sent_form).on_conflict_do_nothing(), [c.name for c in sent_form.c if c.name != "seq"])
_MADE = Statement(
    select(sent_form.c.subject_id).where(
        sent_form.c.workspace_id == bindparam("workspace_id"),
        sent_form.c.principal_id == bindparam("principal_id"),
        sent_form.c.digest == bindparam("digest"),
    )
)
_FORGET = Statement(delete(sent_form).where(sent_form.c.sent_at < bindparam("before")))


class SentFormTable:
    """Implements the port `SentForms`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, form: SentForm) -> str | None:
        """Note a form, or return what it made when it was sent before."""
        values = msgspec.structs.asdict(form)
        if self._connection.run(_ADD, values) == 1:
            return None
        row = self._connection.row(_MADE, values)
        assert row is not None
        return str(row[0])

    def forget(self, before: int) -> None:
        """Delete what was sent before a time, in every workspace."""
        self._connection.run(_FORGET, {"before": before})
