"""One-time links within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.people.link import Link, Purpose
from flowkeys.domain.people.person import Role
from flowkeys.storage.schema import link
from flowkeys.storage.statement import Connection, Statement

_CREATOR: Final = ("created_by_type", "created_by_id", "created_by_name")
_NAMES: Final = [*(name for name in Link.__struct_fields__ if name != "created_by"), *_CREATOR]
_COLUMNS: Final = tuple(link.c[name] for name in _NAMES)

_this = (link.c.workspace_id == bindparam("workspace"), link.c.id == bindparam("link"))
_such = (link.c.workspace_id == bindparam("workspace"), link.c.purpose == bindparam("purpose"))
_INSERT = Statement(insert(link), [*_NAMES, "digest"])
# A look-up without a workspace: that is how the workspace is learnt.
_FIND = Statement(
    select(*_COLUMNS).where(link.c.digest == bindparam("digest"), link.c.purpose == bindparam("purpose"))
)
_GET = Statement(select(*_COLUMNS).where(*_this))
_OF = Statement(select(*_COLUMNS).where(*_such).order_by(link.c.seq.desc()))
_REMOVE = Statement(delete(link).where(*_this))
_VOID = Statement(delete(link).where(*_such))
_VOID_EMAIL = Statement(delete(link).where(*_such, link.c.email == bindparam("email")))
_VOID_PERSON = Statement(delete(link).where(*_such, link.c.person_id == bindparam("person")))
_FORGET = Statement(delete(link).where(link.c.expires_at <= bindparam("now")))


class LinkTable:
    """Implements the port `Links`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Link, digest: str) -> None:
        """Add a link."""
        values = msgspec.structs.asdict(item)
        creator: Creator = values.pop("created_by")
        values.update(zip(_CREATOR, (creator.type, creator.id, creator.name), strict=True))
        values["purpose"], values["role"] = item.purpose.value, item.role.value
        values["permissions"] = msgspec.json.encode(sorted(item.permissions)).decode()
        self._connection.run(_INSERT, {**values, "digest": digest})

    def find(self, purpose: Purpose, digest: str) -> Link | None:
        """Return the link of a secret, in whichever workspace, expired or not."""
        row = self._connection.row(_FIND, {"purpose": purpose.value, "digest": digest})
        return _link(row) if row else None

    def get(self, workspace_id: str, link_id: str) -> Link | None:
        """Return a link of the workspace."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "link": link_id})
        return _link(row) if row else None

    def of(self, workspace_id: str, purpose: Purpose) -> list[Link]:
        """Return the workspace's links for a purpose, newest first, expired ones included."""
        found = self._connection.rows(_OF, {"workspace": workspace_id, "purpose": purpose.value})
        return [_link(row) for row in found]

    def remove(self, workspace_id: str, link_id: str) -> bool:
        """Delete a link; tell whether there was one."""
        return self._connection.run(_REMOVE, {"workspace": workspace_id, "link": link_id}) > 0

    def void(
        self, workspace_id: str, purpose: Purpose, *, email: str | None = None, person_id: str | None = None
    ) -> None:
        """Delete the workspace's links for a purpose: all, or those for an address or a person."""
        such = {"workspace": workspace_id, "purpose": purpose.value}
        if person_id is not None:
            self._connection.run(_VOID_PERSON, {**such, "person": person_id})
        elif email is not None:
            self._connection.run(_VOID_EMAIL, {**such, "email": email})
        else:
            self._connection.run(_VOID, such)

    def forget(self, now: int) -> None:
        """Delete links that expired by `now`."""
        self._connection.run(_FORGET, {"now": now})


def _link(row: tuple[Any, ...]) -> Link:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    creator = Creator(*(values.pop(name) for name in _CREATOR))
    values["purpose"], values["role"] = Purpose(values["purpose"]), Role(values["role"])
    values["permissions"] = msgspec.json.decode(values["permissions"], type=frozenset[str])
    return Link(**values, created_by=creator)
