"""The keys that somebody made, those included that were made by such keys, however far that goes.

There are few creators beside the keys that they made, so they are what is read: along the index of creators,
from each to the next, without reading the keys between.
"""

import hashlib
from collections import defaultdict
from typing import Final

from sqlalchemy import text

from flowkeys.service.ports.keys.makers import KeysMade, MadeThrough
from flowkeys.storage.statement import Connection, Statement, in_json

_OF_TAGS: Final = """FROM api_key INDEXED BY ix_api_key_creator
    WHERE workspace_id = :workspace AND creator_tag IN (SELECT CAST(value AS BIGINT) FROM json_each(:tags))
        AND status IN ('active', 'disabled')"""
# Every key that made keys, in whatever status it is, with who made it; the first made first.
_MAKERS = Statement(
    text(
        """WITH RECURSIVE maker(tag) AS (
            SELECT min(creator_tag) FROM api_key INDEXED BY ix_api_key_creator WHERE workspace_id = :workspace
            UNION ALL
            SELECT (SELECT min(creator_tag) FROM api_key INDEXED BY ix_api_key_creator
                WHERE workspace_id = :workspace AND creator_tag > maker.tag)
            FROM maker WHERE maker.tag IS NOT NULL
        )
        SELECT api_key.id, api_key.name, api_key.created_by_id FROM maker CROSS JOIN api_key
        WHERE api_key.workspace_id = :workspace AND api_key.id = (
            SELECT made.created_by_id FROM api_key AS made INDEXED BY ix_api_key_creator
            WHERE made.workspace_id = :workspace AND made.creator_tag = maker.tag LIMIT 1)
        ORDER BY api_key.seq"""
    )
)
_COUNTS = Statement(text(f"SELECT creator_tag, count(*) {_OF_TAGS} GROUP BY creator_tag"))
_USABLE = Statement(text(f"SELECT count(*) {_OF_TAGS} AND coalesce(expires_at, 9223372036854775807) > :now"))
_IDS = Statement(text(f"SELECT id {_OF_TAGS} ORDER BY seq LIMIT :most"))


def tag_of_creator(creator_id: str | None) -> int | None:
    """Return the number that lists know a creator by: 48 bits of a hash, so that no two will share one."""
    if creator_id is None:
        return None
    return int.from_bytes(hashlib.sha256(creator_id.encode()).digest()[:6])


def count(connection: Connection, workspace_id: str, creator_id: str) -> KeysMade:
    """Count the keys that are not revoked."""
    makers = _makers(connection, workspace_id, creator_id)
    tags = [tag_of_creator(each) for each in (creator_id, *makers)]
    counted: dict[int | None, int] = dict(
        connection.rows(_COUNTS, {"workspace": workspace_id, "tags": in_json(tags)})
    )
    through = (
        MadeThrough(key_id, name, counted.get(tag_of_creator(key_id), 0)) for key_id, name in makers.items()
    )
    return KeysMade(counted.get(tags[0], 0), tuple(each for each in through if each.total))


def ids(connection: Connection, workspace_id: str, creator_id: str, most: int) -> list[str]:
    """Return the ids of the keys that are not revoked, the first made first, at most so many."""
    makers = _makers(connection, workspace_id, creator_id)
    tags = in_json([tag_of_creator(each) for each in (creator_id, *makers)])
    rows = connection.rows(_IDS, {"workspace": workspace_id, "tags": tags, "most": most})
    return [key_id for (key_id,) in rows]


def count_usable(connection: Connection, workspace_id: str, creator_id: str, now: int) -> int:
    """Count the keys that are not revoked and whose time is not over."""
    makers = _makers(connection, workspace_id, creator_id)
    tags = in_json([tag_of_creator(each) for each in (creator_id, *makers)])
    ((total,),) = connection.rows(_USABLE, {"workspace": workspace_id, "tags": tags, "now": now})
    return int(total)


def _makers(connection: Connection, workspace_id: str, creator_id: str) -> dict[str, str]:
    """Return the names, by id, of the keys that made keys and go back to a creator."""
    made: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key_id, name, by in connection.rows(_MAKERS, {"workspace": workspace_id}):
        made[by].append((key_id, name))
    found: dict[str, str] = {}
    ahead = [creator_id]
    while ahead:
        for key_id, name in made.pop(ahead.pop(), ()):  # popped: nobody is looked at twice
            found[key_id] = name
            ahead.append(key_id)
    return found
