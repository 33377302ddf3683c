"""Sign-ins within one transaction."""

from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from flowkeys.domain.people.person import Signed, SignIn
from flowkeys.storage.people.people import PERSON_COLUMNS, person_of
from flowkeys.storage.schema import person, sign_in
from flowkeys.storage.statement import Connection, Statement

_NAMES: Final = SignIn.__struct_fields__
_COLUMNS: Final = tuple(sign_in.c[name] for name in _NAMES)

_of_person = (sign_in.c.workspace_id == bindparam("workspace"), sign_in.c.person_id == bindparam("person"))
_INSERT = Statement(insert(sign_in), [*_NAMES, "workspace_id", "digest"])
# A look-up without a workspace: that is how the workspace is learnt.
_FIND = Statement(
    select(*_COLUMNS, *PERSON_COLUMNS)
    .select_from(sign_in.join(person, person.c.id == sign_in.c.person_id))
    .where(sign_in.c.digest == bindparam("digest"))
)
_OF = Statement(
    select(*_COLUMNS).where(*_of_person).order_by(sign_in.c.last_seen_at.desc(), sign_in.c.seq.desc())
)
# Before anybody is signed in, so without a workspace; ended ones that are still there included.
_ADDRESSES = Statement(
    select(sign_in.c.address)
    .select_from(person.join(sign_in, sign_in.c.person_id == person.c.id))
    .where(person.c.email == bindparam("email"))
    .distinct()
)
_TOUCH = Statement(
    update(sign_in).where(sign_in.c.id == bindparam("b_id"), sign_in.c.last_seen_at < bindparam("b_at")),
    ["last_seen_at"],
)
_TOUCH_PERSON = Statement(
    update(person).where(
        person.c.id == select(sign_in.c.person_id).where(sign_in.c.id == bindparam("b_id")).scalar_subquery(),
        func.coalesce(person.c.last_seen_at, 0) < bindparam("b_at"),
    ),
    ["last_seen_at"],
)
_END = Statement(delete(sign_in).where(*_of_person, sign_in.c.id == bindparam("id")))
_END_ALL = Statement(delete(sign_in).where(*_of_person, sign_in.c.id != bindparam("keep")))
_FORGET = Statement(
    delete(sign_in).where(
        or_(sign_in.c.expires_at <= bindparam("now"), sign_in.c.last_seen_at <= bindparam("idle_since"))
    )
)


class SignInTable:
    """Implements the port `SignIns`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, workspace_id: str, item: SignIn, digest: str) -> None:
        """Add a sign-in; its person was last seen when it was made."""
        values = msgspec.structs.asdict(item)
        self._connection.run(_INSERT, {**values, "workspace_id": workspace_id, "digest": digest})
        self._seen(item.id, item.last_seen_at)

    def find(self, digest: str) -> Signed | None:
        """Return the sign-in of a secret with its person, in whichever workspace, expired or not."""
        row = self._connection.row(_FIND, {"digest": digest})
        if row is None:
            return None
        return Signed(person_of(row[len(_NAMES) :]), _sign_in(row[: len(_NAMES)]))

    def of(self, workspace_id: str, person_id: str) -> list[SignIn]:
        """Return a person's sign-ins, expired ones included, the one seen last first."""
        return [_sign_in(row) for row in self._connection.rows(_OF, _scope(workspace_id, person_id))]

    def addresses(self, email: str) -> list[str | None]:
        """Return the addresses of the sign-ins of whoever has this email address, in whichever workspace."""
        return [address for (address,) in self._connection.rows(_ADDRESSES, {"email": email})]

    def touch(self, sign_in_id: str, at: int) -> None:
        """Move `last_seen_at` of a sign-in and of its person forward, never back."""
        self._connection.run(_TOUCH, {"b_id": sign_in_id, "b_at": at, "last_seen_at": at})
        self._seen(sign_in_id, at)

    def end(self, workspace_id: str, person_id: str, sign_in_id: str) -> bool:
        """End one sign-in of a person; tell whether there was one."""
        return self._connection.run(_END, {**_scope(workspace_id, person_id), "id": sign_in_id}) > 0

    def end_all(self, workspace_id: str, person_id: str, keep_id: str | None = None) -> int:
        """End a person's sign-ins but the one to keep; return how many were ended."""
        return self._connection.run(_END_ALL, {**_scope(workspace_id, person_id), "keep": keep_id or ""})

    def forget(self, now: int, idle_since: int) -> None:
        """Delete sign-ins that expired by `now` or were not seen since `idle_since`."""
        self._connection.run(_FORGET, {"now": now, "idle_since": idle_since})

    def _seen(self, sign_in_id: str, at: int) -> None:
        self._connection.run(_TOUCH_PERSON, {"b_id": sign_in_id, "b_at": at, "last_seen_at": at})


def _sign_in(row: tuple[object, ...]) -> SignIn:
    return SignIn(**dict(zip(_NAMES, row, strict=True)))  # type: ignore[arg-type]


def _scope(workspace_id: str, person_id: str) -> dict[str, object]:
    return {"workspace": workspace_id, "person": person_id}
