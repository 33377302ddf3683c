"""People and their passwords within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from flowkeys.domain.people.person import Person, PersonSeen, Role
from flowkeys.storage.schema import person
from flowkeys.storage.statement import Connection, Statement

PERSON_NAMES: Final = Person.__struct_fields__
PERSON_COLUMNS: Final = tuple(person.c[name] for name in PERSON_NAMES)

_this = (person.c.workspace_id == bindparam("b_workspace"), person.c.id == bindparam("b_person"))
_INSERT = Statement(insert(person), [*PERSON_NAMES, "password_hash"])
_GET = Statement(select(*PERSON_COLUMNS).where(*_this))
# The one look-up without a workspace: an address is one person in all of them, and says which.
_FIND = Statement(select(*PERSON_COLUMNS).where(person.c.email == bindparam("email")))
_ALL = Statement(
    select(*PERSON_COLUMNS, person.c.last_seen_at)
    .where(person.c.workspace_id == bindparam("workspace"))
    .order_by(person.c.seq)
)
_OWNERS = Statement(
    select(func.count()).where(
        person.c.workspace_id == bindparam("workspace"), person.c.role == Role.OWNER.value
    )
)
_UPDATE = Statement(update(person).where(*_this), ["name", "role", "permissions", "updated_at", "version"])
_REMOVE = Statement(delete(person).where(*_this))  # sign-ins and links go with it
_PASSWORD = Statement(select(person.c.password_hash).where(*_this))
_SET_PASSWORD = Statement(update(person).where(*_this), ["password_hash"])


class PersonTable:
    """Implements the port `People`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Person, password_hash: str) -> None:
        """Add a person; the address must be free."""
        values = msgspec.structs.asdict(item)
        self._connection.run(_INSERT, {**values, **_mutable(item), "password_hash": password_hash})

    def get(self, workspace_id: str, person_id: str) -> Person | None:
        """Return a person of the workspace."""
        row = self._connection.row(_GET, _named(workspace_id, person_id))
        return person_of(row) if row else None

    def find(self, email: str) -> Person | None:
        """Return who has this address, in whichever workspace."""
        row = self._connection.row(_FIND, {"email": email})
        return person_of(row) if row else None

    def all(self, workspace_id: str) -> list[PersonSeen]:
        """Return the workspace's people, who came first first."""
        rows = self._connection.rows(_ALL, {"workspace": workspace_id})
        return [PersonSeen(person_of(row[:-1]), row[-1]) for row in rows]

    def count_owners(self, workspace_id: str) -> int:
        """Count the workspace's owners."""
        (count,) = self._connection.row(_OWNERS, {"workspace": workspace_id}) or (0,)
        return int(count)

    def update(self, item: Person) -> None:
        """Write what may change of a person, and no password."""
        self._connection.run(_UPDATE, {**_mutable(item), **_named(item.workspace_id, item.id)})

    def remove(self, workspace_id: str, person_id: str) -> None:
        """Remove a person with their sign-ins and the links for their password."""
        self._connection.run(_REMOVE, _named(workspace_id, person_id))

    def password_hash(self, workspace_id: str, person_id: str) -> str | None:
        """Return what is stored of a person's password."""
        row = self._connection.row(_PASSWORD, _named(workspace_id, person_id))
        return row[0] if row else None

    def set_password_hash(self, workspace_id: str, person_id: str, password_hash: str) -> None:
        """Replace what is stored of a person's password."""
        self._connection.run(
            _SET_PASSWORD, {**_named(workspace_id, person_id), "password_hash": password_hash}
        )


def person_of(row: tuple[Any, ...]) -> Person:
    """Return the person of a row of `PERSON_COLUMNS`."""
    values: dict[str, Any] = dict(zip(PERSON_NAMES, row, strict=True))
    values["role"] = Role(values["role"])
    values["permissions"] = msgspec.json.decode(values["permissions"], type=frozenset[str])
    return Person(**values)


def _named(workspace_id: str, person_id: str) -> dict[str, object]:
    return {"b_workspace": workspace_id, "b_person": person_id}


def _mutable(item: Person) -> dict[str, object]:
    return {
        "name": item.name,
        "role": item.role.value,
        "permissions": msgspec.json.encode(sorted(item.permissions)).decode(),
        "updated_at": item.updated_at,
        "version": item.version,
    }
