"""Which names have a letter, or two in a row: what an index of trigrams cannot tell.

For each block of keys and each letter, or pair, a row has the bits of the keys whose names have it. A name
costs some fifty of those, so that they are written for many names at once: triggers note whose name is new
(`key_unread_name`), and until these are read a search looks at them one by one.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, column, delete, func, insert, literal_column, select, text

from flowkeys.storage.elements import listed
from flowkeys.storage.keys.sets import BLOCK, KeySet
from flowkeys.storage.schema import api_key, key_letters, key_unread_name
from flowkeys.storage.statement import Connection, Statement, as_list, in_json

LONGEST: Final = 2
"""Letters in a row that are known."""
TOGETHER: Final = 256
"""So many new names are read together."""
MOST: Final = 2048
"""New names that are read in one transaction."""

_BYTES: Final = BLOCK // 8
_ANY_DUE = Statement(
    select(key_unread_name.c.seq).order_by(key_unread_name.c.seq).limit(1).offset(TOGETHER - 1)
)
# As bytes: what was written by hand may be no text.
_UNREAD = Statement(
    select(key_unread_name.c.seq, literal_column("CAST(api_key.name_folded AS BLOB)"))
    .select_from(key_unread_name.outerjoin(api_key, api_key.c.seq == key_unread_name.c.seq))
    .order_by(key_unread_name.c.seq)
    .limit(bindparam("most"))
)
_READ = Statement(delete(key_unread_name).where(key_unread_name.c.seq.in_(listed("seqs"))))
_OF_BLOCK = Statement(
    select(key_letters.c.letters, key_letters.c.bits).where(key_letters.c.block == bindparam("block"))
)
_KEEP = Statement(insert(key_letters).prefix_with("OR REPLACE"))
_DROP = Statement(
    delete(key_letters).where(
        key_letters.c.block == bindparam("block"), key_letters.c.letters == bindparam("letters")
    )
)
_FIND = Statement(
    select(column("block"), column("bits"))
    .select_from(text("json_each(:blocks) AS wanted CROSS JOIN key_letters"))
    .where(column("block") == literal_column("wanted.value"), column("letters") == bindparam("letters"))
)
_WAITING = Statement(select(as_list(key_unread_name.c.seq)))
_FIND_WAITING = Statement(
    select(as_list(column("seq")))
    .select_from(text("key_unread_name CROSS JOIN api_key USING (seq)"))
    .where(func.instr(column("name_folded"), bindparam("letters")) > 0)
)


def find(connection: Connection, letters: str, among: KeySet) -> KeySet:
    """Return those of some keys whose names have one letter, or two in a row."""
    rows = connection.rows(_FIND, {"blocks": in_json(list(among.blocks)), "letters": letters})
    found = KeySet({block: int.from_bytes(bits, "little") for block, bits in rows})
    (waiting,) = connection.numbers(_WAITING)
    if waiting:
        (new,) = connection.numbers(_FIND_WAITING, {"letters": letters})
        found = found - KeySet.of(waiting) | KeySet.of(new)
    return found & among


def read_new(connection: Connection) -> None:
    """Read the new names when there are many of them; nothing otherwise, nor where names are not kept so."""
    if not connection.is_postgres and connection.row(_ANY_DUE) is not None:
        read(connection, MOST)


def read(connection: Connection, most: int) -> int:
    """Read new names, at most so many; return how many there were."""
    by_block: dict[int, list[tuple[int, bytes | None]]] = defaultdict(list)
    rows = connection.rows(_UNREAD, {"most": most})
    for seq, name in rows:
        by_block[seq // BLOCK].append((seq % BLOCK, name))
    for block, names in by_block.items():
        _read_block(connection, block, names)
    connection.run(_READ, {"seqs": in_json([seq for seq, _ in rows])})
    return len(rows)


def _read_block(connection: Connection, block: int, names: Iterable[tuple[int, bytes | None]]) -> None:
    new: dict[str, int] = defaultdict(int)
    kept = -1
    for place, name in names:
        bit = 1 << place
        kept &= ~bit
        if name is not None:
            for letters in _letters(name.decode(errors="replace")):
                new[letters] |= bit
    before = {
        letters: int.from_bytes(bits, "little")
        for letters, bits in connection.rows(_OF_BLOCK, {"block": block})
    }
    after = {letters: before.get(letters, 0) & kept | new.get(letters, 0) for letters in {**before, **new}}
    connection.run_many(
        _KEEP,
        [
            {"block": block, "letters": letters, "bits": bits.to_bytes(_BYTES, "little")}
            for letters, bits in sorted(after.items())
            if bits and bits != before.get(letters)
        ],
    )
    connection.run_many(
        _DROP, [{"block": block, "letters": letters} for letters, bits in after.items() if not bits]
    )


def _letters(name: str) -> set[str]:
    """Return each letter of a name, and each two in a row."""
    return {*name, *map(str.__add__, name, name[1:])}
