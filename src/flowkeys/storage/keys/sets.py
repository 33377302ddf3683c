"""Sets of keys as bits by row number: what several filters leave is one operation on each block of keys.

Triggers keep a set for each status, creator, chatflow and customer of a workspace (`key_set`), 64 keys a row.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from struct import pack
from typing import Final

from sqlalchemy import bindparam, select

from flowkeys.domain.keys.api_key import Status
from flowkeys.storage.schema import key_set
from flowkeys.storage.statement import Connection, Statement, as_list

BLOCK: Final = 512
"""Keys whose bits are one number."""

FLAGGED: Final = b"1"
"""The byte of a key that is in a set, among its flags."""
_DIGITS: Final = f"0{BLOCK}b"
_BYTES: Final = BLOCK // 8
_WORDS: Final = BLOCK // 64
_WIDEST: Final = 1 << 23
"""Row numbers that are gone through one by one: where they lie further apart, somebody wrote some by hand."""
_ALL_BITS: Final = (1 << 64) - 1
_STATUS: Final = "status:"
_BEHIND_STATUS: Final = "status;"
"""The text after all that begin with `_STATUS`."""

_own = key_set.c.workspace_id == bindparam("workspace")
_words = select(as_list(key_set.c.word), as_list(key_set.c.bits)).where(_own)
_MARKED = Statement(_words.where(key_set.c.mark == bindparam("mark")))
_BETWEEN = Statement(_words.where(key_set.c.mark >= bindparam("first"), key_set.c.mark < bindparam("past")))


class KeySet:
    """Row numbers of keys."""

    __slots__ = ("blocks",)

    def __init__(self, blocks: Mapping[int, int]) -> None:
        """Keep the bits of each block: bit ``n`` of block ``b`` is the key ``b * BLOCK + n``."""
        self.blocks = blocks

    @classmethod
    def of(cls, seqs: Collection[int]) -> "KeySet":
        """Return the set of these row numbers."""
        blocks = _blocks(seqs, BLOCK)
        if _is_wide(blocks):
            return cls(_gathered((seq // BLOCK, 1 << seq % BLOCK) for seq in seqs))
        flags, first, one = bytearray(b"0") * (len(blocks) * BLOCK), blocks.start * BLOCK, FLAGGED[0]
        for seq in seqs:
            flags[seq - first] = one
        bits = int(flags[::-1] or b"0", 2)
        return cls(_cut(blocks, bits.to_bytes(len(blocks) * _BYTES, "little")))

    @classmethod
    def of_words(cls, words: Collection[int], all_bits: Collection[int]) -> "KeySet":
        """Return the set of the keys in these words: 64 keys each, and the topmost bit is the sign."""
        blocks = _blocks(words, _WORDS)
        pairs = zip(words, all_bits, strict=True)
        if _is_wide(blocks):
            return cls(
                _gathered((word // _WORDS, (bits & _ALL_BITS) << word % _WORDS * 64) for word, bits in pairs)
            )
        numbers, first = [0] * (len(blocks) * _WORDS), blocks.start * _WORDS
        for word, bits in pairs:
            numbers[word - first] |= bits
        return cls(_cut(blocks, pack(f"<{len(numbers)}q", *numbers)))

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

    def flags(self) -> bytes | None:
        """Return a byte for each row number from 1 to the greatest; None if one is below, or too great."""
        blocks = range(max(self.blocks, default=-1) + 1)
        bits_of = self.blocks.get
        if _is_wide(blocks) or min(self.blocks, default=0) < 0 or bits_of(0, 0) & 1:
            return None
        return "".join([format(bits_of(block, 0), _DIGITS)[::-1] for block in blocks]).encode()[1:]

    def packed(self) -> bytes | None:
        """Return the bits of all row numbers from 0 to the greatest; None if one is below, or too great."""
        blocks = range(max(self.blocks, default=-1) + 1)
        if _is_wide(blocks) or min(self.blocks, default=0) < 0:
            return None
        bits_of = self.blocks.get
        return b"".join([bits_of(block, 0).to_bytes(_BYTES, "little") for block in blocks])

    def __contains__(self, seq: int) -> bool:
        return self.blocks.get(seq // BLOCK, 0) >> seq % BLOCK & 1 == 1

    def __len__(self) -> int:
        return sum(bits.bit_count() for bits in self.blocks.values())

    def __iter__(self) -> Iterator[int]:
        for block, bits in self.blocks.items():
            digits = f"{bits:b}"[::-1]
            place = digits.find("1")
            while place >= 0:
                yield block * BLOCK + place
                place = digits.find("1", place + 1)


def _blocks(numbers: Collection[int], size: int) -> range:
    """Return the blocks from the least to the greatest of these numbers, of which so many are a block."""
    return range(min(numbers) // size, max(numbers) // size + 1) if numbers else range(0)


def _is_wide(blocks: range) -> bool:
    return len(blocks) > _WIDEST // BLOCK


def _gathered(pieces: Iterable[tuple[int, int]]) -> dict[int, int]:
    blocks: dict[int, int] = defaultdict(int)
    for block, bits in pieces:
        blocks[block] |= bits
    return dict(blocks)


def _cut(blocks: range, packed: bytes) -> dict[int, int]:
    """Return the bits of each block that has any, from the bytes of all of them."""
    found = {
        block: int.from_bytes(packed[at : at + _BYTES], "little")
        for block, at in zip(blocks, range(0, len(packed), _BYTES), strict=True)
    }
    return {block: bits for block, bits in found.items() if bits}


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


def of_customer(connection: Connection, workspace_id: str, customer_id: str) -> KeySet:
    """Return the keys that belong to a customer."""
    return _marked(connection, workspace_id, f"customer:{customer_id}")


def _marked(connection: Connection, workspace_id: str, mark: str) -> KeySet:
    return _read(connection, _MARKED, {"workspace": workspace_id, "mark": mark})


def _read(connection: Connection, statement: Statement, values: Mapping[str, object]) -> KeySet:
    return KeySet.of_words(*connection.numbers(statement, values))
