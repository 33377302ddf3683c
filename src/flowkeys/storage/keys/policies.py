"""The policies of workspaces within one transaction, and what is asked about keys for their sake."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
from sqlalchemy import bindparam, select, text

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.keys.policy import Policy
from flowkeys.domain.times import DAY
from flowkeys.service.ports.keys.policies import KeysOfPerson
from flowkeys.storage.elements import upsert
from flowkeys.storage.keys import makers as key_makers
from flowkeys.storage.keys.spoilt import SPOILT
from flowkeys.storage.keys.terms import networks_from
from flowkeys.storage.schema import policy
from flowkeys.storage.statement import Connection, Statement, in_json

_FIELDS: Final = [str(c.name) for c in policy.c if c.name != "workspace_id"]
_GET = Statement(
    select(*(policy.c[name] for name in _FIELDS)).where(policy.c.workspace_id == bindparam("workspace")),
    apart=True,
)
_made = upsert(policy)
_PUT = Statement(
    _made.on_conflict_do_update(
        index_elements=["workspace_id"], set_={name: _made.excluded[name] for name in _FIELDS}
    ),
    [c.name for c in policy.c],
)
_BEGAN: Final = "(SELECT max(created_at) FROM token WHERE key_id = api_key.id)"
_BEGAN_AT = Statement(text("SELECT max(created_at) FROM token WHERE key_id = :key"))
_USABLE: Final = """workspace_id = :workspace AND status IN ('active', 'disabled')
    AND (expires_at IS NULL OR expires_at > :now)"""
_NETWORKS = Statement(
    text(
        "SELECT DISTINCT allowed_ips FROM api_key WHERE workspace_id = :workspace AND allowed_ips IS NOT NULL"
    )
)
# A look at every key of the workspace: it is asked for by people, and not often.
_BROKEN = Statement(
    text(
        f"""SELECT id, began_at, count(*) OVER () FROM (
            SELECT id, seq, expires_at, allowed_ips, {_BEGAN} AS began_at
            FROM api_key NOT INDEXED WHERE {_USABLE}
        ) AS usable WHERE (:required = 1 AND expires_at IS NULL)
            OR coalesce(expires_at, 9223372036854775807) > began_at + CAST(:lifetime AS BIGINT)
            OR allowed_ips IN (SELECT value FROM json_each(:networks))
            OR began_at + CAST(:rotation AS BIGINT) <= :now
        ORDER BY seq LIMIT :most"""  # noqa: S608 - of constants
    )
)
# Along the index of when keys were made: which are active is in it, and only for those a token is looked for.
_DUE = Statement(
    text(
        """SELECT id FROM api_key INDEXED BY ix_api_key_created
        WHERE workspace_id = :workspace AND created_at <= :before AND status = 'active'
            AND (expires_at IS NULL OR expires_at > :now)
            AND NOT EXISTS (SELECT 1 FROM token WHERE key_id = api_key.id AND created_at > :before)
        ORDER BY created_at LIMIT :most"""
    )
)
_PEOPLE = Statement(
    text(
        """SELECT DISTINCT created_by_id, created_by_name FROM api_key
        WHERE workspace_id = :workspace AND created_by_type = 'person'"""
    )
)
_MAKER = Statement(
    text(
        """SELECT created_by_type, created_by_id, created_by_name FROM api_key
        WHERE workspace_id = :workspace AND id = :key"""
    )
)


class PolicyTable:
    """Implements the port `Policies`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, workspace_id: str) -> Policy:
        """Return the policy of a workspace, or one that asks for nothing.

        Raises:
            Unavailable: its row was spoilt by hand.
        """
        row = self._connection.row(_GET, {"workspace": workspace_id})
        if row is None:
            return Policy()
        try:
            values = dict(zip(_FIELDS, row, strict=True))
            values["allowed_ips"] = networks_from(values["allowed_ips"])
            values["expiry_required"] = bool(values["expiry_required"])
            return msgspec.convert(values, Policy)
        except SPOILT as error:
            raise Unavailable("The policy cannot be read: its row was changed by hand.") from error

    def put(self, workspace_id: str, new: Policy) -> None:
        """Write the policy of a workspace."""
        values = msgspec.structs.asdict(new)
        values["allowed_ips"] = in_json(new.allowed_ips) if new.allowed_ips else None
        values["expiry_required"] = int(new.expiry_required)
        self._connection.run(_PUT, {**values, "workspace_id": workspace_id})

    def began_at(self, key_id: str) -> int:
        """Return when the newest token of a key was made."""
        row = self._connection.row(_BEGAN_AT, {"key": key_id})
        return 0 if row is None or row[0] is None else int(row[0])

    def networks_of_keys(self, workspace_id: str) -> dict[str, tuple[str, ...]]:
        """Return every list of networks that keys of the workspace have, by how it is stored.

        Those that were spoilt by hand are left out: `flowkeys doctor` names their keys, which open nothing.
        """
        found = {}
        for (stored,) in self._connection.rows(_NETWORKS, {"workspace": workspace_id}):
            with suppress(*SPOILT):
                found[stored] = networks_from(stored)
        return found

    def broken(
        self, workspace_id: str, asked: Policy, networks: Sequence[str], now: int, most: int
    ) -> tuple[dict[str, int], int]:
        """Return usable keys that do not keep to a policy, at most so many, and how many there are.

        With each id comes when its newest token was made; `networks` are stored lists that break it.
        """
        rows = self._connection.rows(
            _BROKEN,
            {
                "workspace": workspace_id,
                "now": now,
                "required": int(asked.expiry_required),
                "lifetime": _days(asked.max_lifetime_days),
                "rotation": _days(asked.rotate_after_days),
                "networks": in_json(networks),
                "most": most,
            },
        )
        return {key_id: began_at for key_id, began_at, _ in rows}, rows[0][2] if rows else 0

    def due(self, workspace_id: str, days: int, now: int, most: int) -> list[str]:
        """Return active keys whose newest token is so many days old."""
        values = {"workspace": workspace_id, "before": now - days * DAY, "now": now, "most": most}
        return [row[0] for row in self._connection.rows(_DUE, values)]

    def person_behind(self, workspace_id: str, creator: Creator) -> str | None:
        """Return the id of the person who made a key, or made the key that made it, and so on; or None."""
        seen = set()
        while creator.type == "key" and creator.id is not None and creator.id not in seen:
            seen.add(creator.id)
            row = self._connection.row(_MAKER, {"workspace": workspace_id, "key": creator.id})
            if row is None:
                return None
            creator = Creator(*row)
        return creator.id if creator.type == "person" else None

    def count_of_person(self, workspace_id: str, person_id: str, now: int) -> int:
        """Count the usable keys that a person made, and their keys did."""
        return key_makers.count_usable(self._connection, workspace_id, person_id, now)

    def people_with_more(self, workspace_id: str, most: int, now: int) -> list[KeysOfPerson]:
        """Return the people with more usable keys than that, who has most first."""
        people: dict[str, str] = dict(self._connection.rows(_PEOPLE, {"workspace": workspace_id}))
        counted = (
            KeysOfPerson(person_id, name, self.count_of_person(workspace_id, person_id, now))
            for person_id, name in people.items()
        )
        return sorted((each for each in counted if each.total > most), key=lambda each: -each.total)


def _days(days: int | None) -> int | None:
    return None if days is None else days * DAY
