"""Credentials within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from flowkeys.domain.chatflows.credential import Credential
from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.webhooks.webhook import Sealed
from flowkeys.service.ports.credentials import KeptCredential
from flowkeys.storage.schema import chatflow, credential
from flowkeys.storage.statement import Connection, Row, Statement

_CREATOR: Final = ("created_by_type", "created_by_id", "created_by_name")
_SEALED: Final = ("sealed", "made_under")
_NAMES: Final = [
    *(name for name in Credential.__struct_fields__ if name != "created_by"),
    *_CREATOR,
    *_SEALED,
]

_own = credential.c.workspace_id == bindparam("workspace")
_this = (_own, credential.c.id == bindparam("credential"))
_SELECT = select(*(credential.c[name] for name in _NAMES))
_INSERT = Statement(insert(credential), _NAMES)
_GET = Statement(_SELECT.where(*_this))
_NAMED = Statement(_SELECT.where(_own, credential.c.name == bindparam("wanted")))
_ALL = Statement(_SELECT.where(_own).order_by(credential.c.name, credential.c.seq))
_UPDATE = Statement(
    update(credential).where(*_this), ["name", "base_url", "problem", "updated_at", "version", *_SEALED]
)
_DELETE = Statement(delete(credential).where(*_this))
_USED = Statement(
    select(chatflow.c.id, chatflow.c.name)
    .where(
        chatflow.c.workspace_id == bindparam("workspace"),
        or_(
            *(
                column.contains(bindparam(name), autoescape=False)
                for column in (chatflow.c.flow_data, chatflow.c.credentials)
                for name in ("by_id", "by_name")
            )
        ),
    )
    .order_by(chatflow.c.name, chatflow.c.seq)
)
# Of every workspace: a process has all of them at hand, and the server secret is the whole server's.
_EVERYWHERE = Statement(_SELECT.order_by(credential.c.seq))
_RESEAL = Statement(
    update(credential).where(
        credential.c.id == bindparam("credential"), credential.c.sealed == bindparam("old")
    ),
    list(_SEALED),
)
_COUNT = Statement(
    select(credential.c.made_under, func.count())
    .where(credential.c.made_under.is_not(None))
    .group_by(credential.c.made_under)
)


class CredentialTable:
    """Implements the port `Credentials`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, kept: KeptCredential) -> None:
        """Add a credential."""
        self._connection.run(_INSERT, _values(kept))

    def get(self, workspace_id: str, credential_id: str) -> KeptCredential | None:
        """Return a credential of the workspace, by its id."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "credential": credential_id})
        return _kept(row) if row else None

    def named(self, workspace_id: str, name: str) -> Credential | None:
        """Return the credential of the workspace that has this name."""
        row = self._connection.row(_NAMED, {"workspace": workspace_id, "wanted": name})
        return _kept(row).credential if row else None

    def all(self, workspace_id: str) -> list[Credential]:
        """Return the workspace's credentials, by name."""
        rows = self._connection.rows(_ALL, {"workspace": workspace_id})
        return [_kept(row).credential for row in rows]

    def update(self, kept: KeptCredential) -> None:
        """Write what may change of a credential, and what it holds."""
        item = kept.credential
        where = {"workspace": item.workspace_id, "credential": item.id}
        self._connection.run(_UPDATE, {**_values(kept), **where})

    def delete(self, workspace_id: str, credential_id: str) -> None:
        """Delete a credential."""
        self._connection.run(_DELETE, {"workspace": workspace_id, "credential": credential_id})

    def used_by(self, item: Credential) -> list[tuple[str, str]]:
        """Return (id, name) of chatflows that seem to name it: its id or name is in their graph."""
        name = msgspec.json.encode(item.name).decode()
        values = {"workspace": item.workspace_id, "by_id": item.id, "by_name": name}
        return [(row[0], row[1]) for row in self._connection.rows(_USED, values)]

    def everywhere(self) -> list[KeptCredential]:
        """Return the credentials of all workspaces."""
        return [_kept(row) for row in self._connection.rows(_EVERYWHERE)]

    def reseal(self, credential_id: str, sealed: Sealed, old: Sealed) -> None:
        """Write how a credential is sealed, where it still is as before."""
        values = {"credential": credential_id, "old": old.text}
        self._connection.run(_RESEAL, {**values, "sealed": sealed.text, "made_under": sealed.made_under})

    def count_by_secret(self) -> dict[str, int]:
        """Count the credentials of all workspaces by the id of the server secret they are under."""
        return dict(self._connection.rows(_COUNT))


def _values(kept: KeptCredential) -> dict[str, Any]:
    values = msgspec.structs.asdict(kept.credential)
    creator: Creator = values.pop("created_by")
    values.update(zip(_CREATOR, (creator.type, creator.id, creator.name), strict=True))
    sealed = kept.sealed
    values["sealed"], values["made_under"] = (
        (None, None) if sealed is None else (sealed.text, sealed.made_under)
    )
    return values


def _kept(row: Row) -> KeptCredential:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    creator = Creator(*(values.pop(name) for name in _CREATOR))
    text, made_under = (values.pop(name) for name in _SEALED)
    sealed = None if text is None else Sealed(text, made_under)
    return KeptCredential(Credential(**values, created_by=creator), sealed)
