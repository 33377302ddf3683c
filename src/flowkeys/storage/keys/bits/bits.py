"""Sets of keys as PostgreSQL keeps them, so that a list knows how many match without looking at each.

For each block of keys and each *mark* (a status, a creator, a customer, a chatflow, that it has expired, one
or two letters of its name) a row has the bits of the keys that have it. Writers do not touch them: they note
which keys changed (`key_unread`, by triggers), and nobody waits for anybody. Whoever asks looks at those one
by one; now and then they are read into the sets, in a transaction of its own (`read_new`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from sqlalchemy import text

from flowkeys.domain.keys.api_key import Status
from flowkeys.storage.keys.bits.remembered import Kept, Remembered
from flowkeys.storage.keys.sets import BLOCK, KeySet
from flowkeys.storage.statement import Connection, Query, Row, Statement

LONGEST: Final = 2
"""Letters in a row that are known of names."""
DUE: Final = 256
"""When so many keys changed, they are read."""
MOST: Final = 2048
"""Keys that are read in one transaction."""
_MOST_BLOCKS: Final = 16
"""Blocks whose letters are read in one transaction."""
_BYTES: Final = BLOCK // 8
_LETTERS: Final = "with:"
"""The beginning of marks of letters: behind all others, which are read without them."""
EXPIRED: Final = "expired"
STATUS: Final = "status:"
_STORED: Final = (Status.ACTIVE, Status.DISABLED, Status.REVOKED)
_OTHER: Final = ""
_NEVER: Final = 2**63 - 1

Mark = tuple[str, str, int]
"""Workspace, mark, block."""

_MARKED: Final = Statement(
    text("""SELECT mark, array_agg(block), string_agg(bits, ''::bytea) FROM (
        SELECT mark, block, bits FROM key_bits
        WHERE workspace_id = :workspace AND mark = ANY(CAST(:marks AS text[])) ORDER BY mark, block
    ) AS found GROUP BY mark""")
)
_STATE: Final = Statement(
    text("""SELECT (SELECT string_agg(version::text, ',' ORDER BY version) FROM key_version),
        (SELECT max(until) FROM key_expired)""")
)
_BOUND: Final = "(SELECT array_agg(chatflow_id) FROM binding WHERE key_id = k.id)"
_FIELDS: Final = f"k.seq, k.workspace_id, k.status, k.expires_at, k.creator_tag, k.customer_id, {_BOUND}"
_UNREAD: Final = Statement(
    text(
        f"SELECT u.seq, {_FIELDS}, k.name_folded"  # noqa: S608 - of constants
        " FROM (SELECT DISTINCT seq FROM key_unread) u LEFT JOIN api_key k ON k.seq = u.seq"
    )
)
_TAKE: Final = Statement(text("SELECT ctid, seq, is_named FROM key_unread LIMIT :most"))
_TAKEN: Final = Statement(text("DELETE FROM key_unread WHERE ctid = ANY(CAST(:places AS tid[]))"))
_ENDED: Final = Statement(
    text(
        "SELECT ended.seq, ended.expiry FROM workspace CROSS JOIN LATERAL ("
        " SELECT seq, coalesce(expires_at, 9223372036854775807) AS expiry FROM api_key"
        " WHERE workspace_id = workspace.id AND coalesce(expires_at, 9223372036854775807) > :until"
        " AND coalesce(expires_at, 9223372036854775807) <= :now"
        " ORDER BY coalesce(expires_at, 9223372036854775807)"
        " FETCH FIRST (CAST(:most AS bigint)) ROWS WITH TIES) AS ended"
        " ORDER BY ended.expiry FETCH FIRST (CAST(:most AS bigint)) ROWS WITH TIES"
    )
)
_FORGET_UNTIL: Final = Statement(text("DELETE FROM key_expired"))
_SET_UNTIL: Final = Statement(text("INSERT INTO key_expired(until) VALUES (:until)"))
_KEYS: Final = Statement(
    text(f"SELECT {_FIELDS}, k.name_folded FROM api_key k WHERE k.seq = ANY(CAST(:seqs AS bigint[]))")  # noqa: S608
)
_BEFORE: Final = Statement(
    text(
        "SELECT workspace_id, mark, block, bits FROM key_bits"
        " WHERE block = ANY(CAST(:whole AS bigint[]))"
        " OR block = ANY(CAST(:rest AS bigint[])) AND mark < :letters"
    )
)
_KEEP: Final = Statement(
    text(
        "INSERT INTO key_bits(workspace_id, mark, block, bits) SELECT * FROM unnest("
        "CAST(:workspaces AS text[]), CAST(:marks AS text[]), CAST(:blocks AS bigint[]),"
        " CAST(:bits AS bytea[]))"
        " ON CONFLICT (workspace_id, mark, block) DO UPDATE SET bits = excluded.bits"
    )
)
_DROP: Final = Statement(
    text(
        "DELETE FROM key_bits USING unnest(CAST(:workspaces AS text[]), CAST(:marks AS text[]),"
        " CAST(:blocks AS bigint[])) AS gone(workspace_id, mark, block)"
        " WHERE key_bits.workspace_id = gone.workspace_id AND key_bits.mark = gone.mark"
        " AND key_bits.block = gone.block"
    )
)


class Key(NamedTuple):
    """What lists ask of a key, as its row has it now."""

    seq: int
    workspace_id: str
    status: str
    expires_at: int | None
    creator_tag: int | None
    customer_id: str | None
    chatflow_ids: list[str] | None
    name_folded: str

    def ends(self) -> int:
        """Return when it expires."""
        return _NEVER if self.expires_at is None else self.expires_at


def of_status(status: str) -> str:
    """Return the mark of keys that a status is stored of; one mark is of whatever was written by hand."""
    return STATUS + (status if status in _STORED else _OTHER)


def of_creator(tag: int | None) -> str:
    """Return the mark of keys that somebody made, whom lists know by a number."""
    return f"creator:{tag}"


def of_customer(customer_id: str) -> str:
    """Return the mark of keys that belong to a customer."""
    return f"customer:{customer_id}"


def of_chatflow(chatflow_id: str) -> str:
    """Return the mark of keys that are bound to a chatflow."""
    return f"chatflow:{chatflow_id}"


def of_letters(name: str) -> set[str]:
    """Return the marks of each letter of a name, and of each two in a row."""
    return {_LETTERS + letters for letters in {*name, *map("".join, pairwise(name))}}


def of_text(searched: str) -> set[str]:
    """Return the marks that every name has which has a text."""
    if len(searched) <= LONGEST:
        return {_LETTERS + searched}
    return {_LETTERS + one + other for one, other in pairwise(searched)}


class Known(NamedTuple):
    """What there is of the keys that a list is about."""

    version: str | None
    """Of the sets; None: nobody knows, since somebody took it away."""
    sets: dict[str, KeySet]
    """The keys of each mark, as far as they were read into the sets."""
    unread: KeySet
    """The keys that changed since then."""
    keys: list[Key]
    """What is known of those that are there."""
    until: int
    """Up to when the sets say which keys have expired."""


def find(
    connection: Connection, workspace_id: str, marks: Collection[str], more: Sequence[Query] = ()
) -> tuple[Known, list[list[Row]]]:
    """Return what is known of the keys of some marks, and the rows of further queries.

    The database is asked once, for what is not remembered; once more if that is of another version.
    """
    remembered: Remembered = connection.remembered
    version = remembered.version
    sets = _remembered(remembered, version, workspace_id, marks)
    wanted = [mark for mark in marks if mark not in sets]
    asked = [(_MARKED, {"workspace": workspace_id, "marks": wanted})] if wanted else []
    ((now, until),), changed, *found = connection.several([(_STATE, {}), (_UNREAD, {}), *asked, *more])
    read = _decoded(found.pop(0), wanted) if wanted else {}
    if sets and now != version:
        again = connection.rows(_MARKED, {"workspace": workspace_id, "marks": list(sets)})
        sets = _decoded(again, list(sets))
        read |= sets
    for mark, keys in read.items():
        remembered.put(now, (workspace_id, mark), Kept(keys))
    connection.is_behind = len(changed) >= DUE
    known = [Key(*row[1:]) for row in changed if row[1] is not None]
    return Known(now, sets | read, KeySet.of([row[0] for row in changed]), known, until or 0), found


def _remembered(
    remembered: Remembered, version: str | None, workspace_id: str, marks: Iterable[str]
) -> dict[str, KeySet]:
    found = ((mark, remembered.get(version, (workspace_id, mark))) for mark in marks)
    return {mark: kept.keys for mark, kept in found if kept is not None}


def _decoded(rows: list[Row], marks: Iterable[str]) -> dict[str, KeySet]:
    """Return the set of each mark; of one that no key has there is no row."""
    sets = dict.fromkeys(marks, KeySet({}))
    for mark, blocks, packed in rows:
        sets[mark] = KeySet(
            {
                block: int.from_bytes(packed[at : at + _BYTES], "little")
                for block, at in zip(blocks, range(0, len(packed), _BYTES), strict=True)
            }
        )
    return sets


def read_new(connection: Connection, now: int) -> bool:
    """Read changed keys into the sets, and which expired; tell whether there are more.

    One at a time may do it: the caller has a lock, and a snapshot that was taken behind it.
    """
    changed = connection.rows(_TAKE, {"most": MOST})
    taken = _taken(changed)
    ((_, known),) = connection.rows(_STATE)
    until = known or 0
    ended = connection.rows(_ENDED, {"until": until, "now": now, "most": MOST})
    # All that expire at one moment, as keys that were made together may, are read together: more than `MOST`.
    new_until = ended[-1][1] if len(ended) >= MOST else now
    if new_until > until:
        connection.run(_FORGET_UNTIL, {})
        connection.run(_SET_UNTIL, {"until": new_until})
    due = dict.fromkeys((seq for seq, _ in ended), False)
    for _, seq, is_named in taken:
        due[seq] = is_named or due.get(seq, False)
    if due:
        keys = {key.seq: key for key in (Key(*row) for row in connection.rows(_KEYS, {"seqs": list(due)}))}
        _write(connection, due, keys, max(new_until, until))
        connection.run(_TAKEN, {"places": [row[0] for row in taken]})
    return len(taken) < len(changed) or len(changed) == MOST or new_until < now


def _taken(changed: list[Row]) -> list[Row]:
    """Return those that are read now: few blocks of those whose names changed, of which all is read."""
    blocks = sorted({seq // BLOCK for _, seq, is_named in changed if is_named})[:_MOST_BLOCKS]
    return [row for row in changed if not row[2] or row[1] // BLOCK in blocks]


def _write(connection: Connection, due: Mapping[int, bool], keys: Mapping[int, Key], until: int) -> None:
    whole = {seq // BLOCK for seq, is_named in due.items() if is_named}
    rest = {seq // BLOCK for seq in due} - whole
    rows = connection.rows(_BEFORE, {"whole": list(whole), "rest": list(rest), "letters": _LETTERS})
    before: dict[Mark, int] = {
        (workspace, mark, block): int.from_bytes(bits, "little") for workspace, mark, block, bits in rows
    }
    gone: dict[int, int] = defaultdict(int)
    new: dict[Mark, int] = defaultdict(int)
    for seq in due:
        block, place = divmod(seq, BLOCK)
        gone[block] |= 1 << place
        key = keys.get(seq)
        if key is not None:
            for mark in _marks(key, until, named=block in whole):
                new[key.workspace_id, mark, block] |= 1 << place
    after = {mark: before.get(mark, 0) & ~gone[mark[2]] | new.get(mark, 0) for mark in {**before, **new}}
    _keep(connection, [(mark, bits) for mark, bits in after.items() if bits and bits != before.get(mark)])
    _drop(connection, [mark for mark, bits in after.items() if not bits])


def _marks(key: Key, until: int, *, named: bool) -> Iterable[str]:
    yield of_status(key.status)
    if key.ends() <= until:
        yield EXPIRED
    if key.creator_tag is not None:
        yield of_creator(key.creator_tag)
    if key.customer_id is not None:
        yield of_customer(key.customer_id)
    yield from map(of_chatflow, key.chatflow_ids or ())
    if named:
        yield from of_letters(key.name_folded)


def _keep(connection: Connection, rows: list[tuple[Mark, int]]) -> None:
    if rows:
        workspaces, marks, blocks = zip(*(mark for mark, _ in rows), strict=True)
        bits = [each.to_bytes(_BYTES, "little") for _, each in rows]
        values = {"workspaces": [*workspaces], "marks": [*marks], "blocks": [*blocks], "bits": bits}
        connection.run(_KEEP, values)


def _drop(connection: Connection, gone: list[Mark]) -> None:
    if gone:
        workspaces, marks, blocks = zip(*gone, strict=True)
        connection.run(_DROP, {"workspaces": [*workspaces], "marks": [*marks], "blocks": [*blocks]})


def statuses(status: Status | str | None) -> list[str]:
    """Return the marks of the statuses that a list asks for; None leaves revoked ones out, ``all`` none."""
    match status:
        case "all":
            return [of_status(each) for each in (*_STORED, _OTHER)]
        case None:
            return [of_status(each) for each in (*_STORED, _OTHER) if each != Status.REVOKED]
        case Status.EXPIRED:
            return [of_status(Status.ACTIVE)]
        case _:
            return [of_status(status)]
