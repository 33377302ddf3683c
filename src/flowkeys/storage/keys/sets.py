"""Sets of keys as bits by row number: what several filters leave is one operation on each block of keys.

Triggers keep a set for each status, creator and chatflow of a workspace (`key_set`), 64 keys a row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sqlalchemy import bindparam, select

from flowkeys.domain.keys.api_key import Status
from flowkeys.storage.schema import key_set
from flowkeys.storage.statement import Connection, Statement

BLOCK: Final = 512
"""Keys whose bits are one number."""

_ALL_BITS: Final = (1 << 64) - 1
_STATUS: Final = "status:"
_BEHIND_STATUS: Final = "status;"
"""The text after all that begin with `_STATUS`."""

_own = key_set.c.workspace_id == bindparam("workspace")
_words = select(key_set.c.word, key_set.c.bits).where(_own)
_MARKED = Statement(_words.where(key_set.c.mark == bindparam("mark")))
_BETWEEN = Statement(_words.where(key_set.c.mark >= bindparam("first"), key_set.c.mark < bindparam("past")))


class KeySet:
    """Row numbers of keys."""

    __slots__ = ("blocks",)

    def __init__(self, blocks: Mapping[int, int]) -> None:
        """Keep the bits of each block: bit ``n`` of block ``b`` is the key ``b * BLOCK + n``."""
        self.blocks = blocks

    @classmethod
    def of(cls, seqs: Iterable[int]) -> "KeySet":
        """Return the set of these row numbers."""
        digits: dict[int, bytearray] = defaultdict(lambda: bytearray(b"0" * BLOCK))
        one = ord("1")
        for seq in seqs:
            digits[seq // BLOCK][-1 - seq % BLOCK] = one
        return cls({block: int(written, 2) for block, written in digits.items()})

    def __and__(self, other: "KeySet") -> "KeySet":
        """Return the keys that are in both."""
        theirs = other.blocks
        return KeySet({b: left for b, bits in self.blocks.items() if (left := bits & theirs.get(b, 0))})

    def __or__(self, other: "KeySet") -> "KeySet":
        """Return the keys that are in one of both."""
        mine, theirs = self.blocks, other.blocks
        return KeySet({b: mine.get(b, 0) | theirs.get(b, 0) for b in {**mine, **theirs}})

    def __sub__(self, other: "KeySet") -> "KeySet":
        """Return the keys that are not in the other."""
        theirs = other.blocks
        return KeySet({b: left for b, bits in self.blocks.items() if (left := bits & ~theirs.get(b, 0))})

    def those(self, seqs: Iterable[tuple[int]]) -> Iterator[int]:
        """Return those of some keys, each a row of its own, that are in the set."""
        bits_of = self.blocks.get  # in a loop that may be long
        for (seq,) in seqs:
            if bits_of(seq // BLOCK, 0) >> seq % BLOCK & 1:
                yield seq

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self.blocks.values())

    def __iter__(self) -> Iterator[int]:
        for block, bits in self.blocks.items():
            left = bits
            while left:
                lowest = left & -left
                yield block * BLOCK + lowest.bit_length() - 1
                left ^= lowest


def of_status(connection: Connection, workspace_id: str, status: Status | str | None) -> KeySet:
    """Return the keys that a status is stored of: None leaves revoked ones out, ``all`` none."""
    values = {"workspace": workspace_id, "first": _STATUS, "past": _BEHIND_STATUS}
    match status:
        case "all":
            return _read(connection, _BETWEEN, values)
        case None:
            return _read(connection, _BETWEEN, {**values, "past": _STATUS + Status.REVOKED})
        case _:
            return _marked(connection, workspace_id, _STATUS + status)


def of_creator(connection: Connection, workspace_id: str, tag: int | None) -> KeySet:
    """Return the keys that somebody made, whom lists know by a number."""
    return _marked(connection, workspace_id, f"creator:{tag}")


def of_chatflow(connection: Connection, workspace_id: str, chatflow_id: str) -> KeySet:
    """Return the keys that are bound to a chatflow."""
    return _marked(connection, workspace_id, f"chatflow:{chatflow_id}")


def _marked(connection: Connection, workspace_id: str, mark: str) -> KeySet:
    return _read(connection, _MARKED, {"workspace": workspace_id, "mark": mark})


def _read(connection: Connection, statement: Statement, values: Mapping[str, object]) -> KeySet:
    blocks: dict[int, int] = defaultdict(int)
    for word, bits in connection.rows(statement, values):
        # Eight words are a block; the topmost bit of a word is the sign of its number.
        blocks[word >> 3] |= (bits & _ALL_BITS) << ((word & 7) << 6)
    return KeySet(dict(blocks))
