"""Data directories with up to a million keys whose tokens are known, filled in seconds by SQL."""

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from bench.seed import DAY
from bench.target import opened
from flowkeys.bootstrap import clock
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.token import ALPHABET, PREFIX, RANDOM_LENGTH
from flowkeys.flows.drafts.templates import reply_flow
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import NewKey

SAMPLE: Final = 20_000
"""So many tokens are sent in turn: enough that no cache of a few thousand answers holds them."""
FEW: Final = 1_000
_BATCH: Final = 20_000
_PAIRS: Final = tuple(a + b for a in ALPHABET for b in ALPHABET)
_ASIDE: Final = """SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ('api_key', 'token')
    AND sql IS NOT NULL AND type IN ('trigger', 'index')"""
_KEY: Final = """INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, expires_at,
    created_by_type, created_by_name, created_at, updated_at, version, hint)
    VALUES (?, ?, ?, ?, '[]', 'active', ?, 'operator', 'operator', ?, ?, 1, ?)"""
_TOKEN: Final = "INSERT INTO token (workspace_id, key_id, digest, hint, created_at) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Filled:
    """A data directory, what opens it, and files of tokens to send."""

    folder: Path
    count: int
    token: str
    """Of a key that is bound to `chatflow`."""
    owner: str
    chatflow: str
    few: Path
    """A thousand of the keys' tokens."""
    hits: Path
    """Tokens of 20,000 keys, or of all."""
    misses: Path
    """Well-formed tokens that nobody has."""
    garbage: Path
    """Of the right shape, with a wrong checksum."""
    ids: tuple[str, ...]
    """Of the keys that `hits` begins with."""


def fill(data_dir: Path, count: int) -> Filled:
    """Make a data directory with `count` keys beside its owner's and one that is bound to a chatflow."""
    with opened(data_dir) as target:
        runtime, run = target.runtime, target.run
        owner = run(runtime.keyring.create(target.caller, NewKey(name="owner", permissions=frozenset({"*"}))))
        patch = ChatflowPatch(name="Echo", flow_data=reply_flow("You said: {{ question }}"))
        flow = run(runtime.chatflows.create(target.caller, patch)).chatflow.id
        made = run(runtime.keyring.create(target.caller, NewKey(name="caller", chatflow_ids=(flow,))))
        hasher, workspace, database = (
            runtime.hasher,
            target.caller.workspace_id,
            runtime.settings.database_file,
        )
    chance = random.Random(7)
    hits, ids = _insert(database, workspace, hasher, count, chance)
    misses = [token(chance) for _ in range(SAMPLE)]
    return Filled(
        data_dir, count, made.token.reveal(), owner.token.reveal(), flow,
        _lines(data_dir / "few.txt", hits[:FEW]),
        _lines(data_dir / "hits.txt", hits),
        _lines(data_dir / "misses.txt", misses),
        _lines(data_dir / "garbage.txt", [wrong(text) for text in misses]),
        ids,
    )  # fmt: skip


def token(chance: random.Random) -> str:
    """Return a well-formed token: a quick way to `Token.mint`, not a secret one."""
    body = f"{chance.getrandbits(RANDOM_LENGTH * 4):0{RANDOM_LENGTH}x}"
    high, low = divmod(crc32(body.encode()), 3844)
    top, middle = divmod(high, 3844)
    return f"{PREFIX}{body}{_PAIRS[top]}{_PAIRS[middle]}{_PAIRS[low]}"


def wrong(text: str) -> str:
    """Return a token with another last character, and so with a wrong checksum."""
    return text[:-1] + ("a" if text[-1] != "a" else "b")


def _insert(
    database: Path, workspace: str, hasher: TokenHasher, count: int, chance: random.Random
) -> tuple[list[str], tuple[str, ...]]:
    """Insert keys, with the triggers put aside meanwhile; return a sample of their tokens and their ids.

    What only lists of keys need is left out, since it takes most of the time: their indexes, and names in the
    index of searches.
    """
    tag, now = hasher.newest_tag, clock()
    every = max(1, count // SAMPLE)
    sample: list[str] = []
    ids: list[str] = []
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        for pragma in ("synchronous=OFF", "cache_size=-400000", "foreign_keys=OFF"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("BEGIN")
        aside = raw.execute(_ASIDE).fetchall()
        for kind, what, _ in aside:
            raw.execute(f"DROP {kind} {what}")
        for start in range(0, count, _BATCH):
            keys, tokens = [], []
            for number in range(start, min(start + _BATCH, count)):
                key_id = f"{number:08x}-0000-4000-8000-{chance.getrandbits(48):012x}"
                text, called = token(chance), f"customer-{chance.getrandbits(40):010x} production"
                expires = now + 400 * DAY if number % 3 == 0 else None
                keys.append((key_id, workspace, called, called, expires, now, now, text[-4:]))
                digest = tag + hasher.newest(text.encode()).hex()
                tokens.append((workspace, key_id, digest, text[-4:], now))
                if number % every == 0 and len(sample) < SAMPLE:
                    sample.append(text)
                    ids.append(key_id)
            raw.executemany(_KEY, keys)
            raw.executemany(_TOKEN, tokens)
        raw.execute("UPDATE key_count SET total = total + ? WHERE chatflow_id = ''", (count,))
        for _, what, sql in aside:
            if not what.startswith("ix_api_key"):
                raw.execute(sql)
        raw.execute("COMMIT")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sample, tuple(ids)


def _lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), "ascii")
    return path
