"""Which keys expire when, and up to when that was announced, within one transaction."""

from sqlalchemy import bindparam, func, literal_column, select

from flowkeys.domain.keys.api_key import Status
from flowkeys.storage.elements import upsert
from flowkeys.storage.schema import api_key, webhook_expiry
from flowkeys.storage.statement import Connection, Statement

# As the index of keys by expiry has it.
_expiry = func.coalesce(api_key.c.expires_at, literal_column("9223372036854775807"))
_ENDING = Statement(
    select(api_key.c.id)
    .where(
        api_key.c.workspace_id == bindparam("workspace"),
        _expiry > bindparam("after"),
        _expiry <= bindparam("until"),
        api_key.c.status == Status.ACTIVE.value,
    )
    .order_by(_expiry, api_key.c.seq)
)
_UP_TO = Statement(
    select(webhook_expiry.c.up_to).where(webhook_expiry.c.workspace_id == bindparam("workspace"))
)
_put = upsert(webhook_expiry)
_SET_UP_TO = Statement(
    _put.on_conflict_do_update(index_elements=["workspace_id"], set_={"up_to": _put.excluded.up_to}),
    ["workspace_id", "up_to"],
)


class ExpiryTable:
    """Implements the port `Expiries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ending(self, workspace_id: str, after: int, until: int) -> list[str]:
        """Return the ids of active keys that expire after a time and by another, first first."""
        times = {"workspace": workspace_id, "after": after, "until": until}
        return [row[0] for row in self._connection.rows(_ENDING, times)]

    def announced_up_to(self, workspace_id: str) -> int | None:
        """Return up to when expiries were announced; None: never."""
        row = self._connection.row(_UP_TO, {"workspace": workspace_id})
        return int(row[0]) if row else None

    def set_announced(self, workspace_id: str, up_to: int) -> None:
        """Note up to when expiries were announced."""
        self._connection.run(_SET_UP_TO, {"workspace_id": workspace_id, "up_to": up_to})
