"""A cache of keys over a real SQLite file, with a clock that tests turn by hand."""

from pathlib import Path

from flowkeys.cache.keys import KeyCache
from flowkeys.cache.warming import Warming
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.token import Token
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.feed import SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups
from tests.support.template import empty_database

SECRET = "s" * 32
WORKSPACE = "w"


class Uses:
    """Remembers what a cache noted."""

    def __init__(self) -> None:
        self.old: list[tuple] = []

    def used(self, key_id: str, at: int) -> None:
        """Take no notice."""

    def outdated(self, *what: object) -> None:
        """Remember."""
        self.old.append(what)


class Log:
    """Keeps what is logged: events with their facts."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def warning(self, event: str, **facts: object) -> None:
        """Keep it."""
        self.lines.append((event, facts))

    info = error = warning


class Cached:
    """The cache, what it reads, and a second connection that changes things behind its back."""

    def __init__(self, path: Path, *, secrets: tuple[str, ...] = (SECRET,), size: int = 100) -> None:
        path.write_bytes(empty_database())
        self.other = connect(path)
        self.hasher = TokenHasher(secrets)
        self.lookups = SqliteLookups(path, len(secrets))
        self.feed = SqliteFeed(self.lookups.connection)
        self.uses = Uses()
        self.keys = KeyCache(self.lookups, self.feed, self.hasher, self.uses, size)
        self.feed.tell(self.keys)
        self.now = 10**15
        self.log = Log()
        self.statements: list[str] = []
        self.lookups.connection.set_trace_callback(self._note)
        self.other.execute("INSERT OR IGNORE INTO workspace VALUES (?, ?, 0)", (WORKSPACE, WORKSPACE))

    def _note(self, statement: str) -> None:
        if "FROM token" in statement:
            self.statements.append(statement)

    def make(self, name: str, hasher: TokenHasher | None = None) -> bytes:
        """Add a key as another process would; return its token's text."""
        token = Token.mint()
        digest = (hasher or self.hasher).digest(token).newest
        self.other.execute(
            "INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, created_by_type,"
            " created_by_name, created_at, updated_at, version) VALUES (?, ?, ?, ?, '[]', 'active',"
            " 'operator', 'o', 0, 0, 1)",
            (name, WORKSPACE, name, name),
        )
        self.other.execute(
            "INSERT INTO token (workspace_id, key_id, digest, hint, created_at) VALUES (?, ?, ?, ?, 0)",
            (WORKSPACE, name, digest, token.hint),
        )
        return token.reveal().encode()

    def find(self, text: bytes, *, after: int = 0) -> str | None:
        """Return what a look-up answers `after` microseconds: the key's name and status."""
        self.now += after
        found = self.keys.at_once(text, self.now)
        return None if found is None else f"{found.name} {found.status.value}"

    def warming(self) -> Warming:
        """Return what reads ahead."""
        return Warming(self.keys, self.lookups, self.hasher, lambda: self.now, self.log, self.lookups.of_key)

    async def read_ahead(self) -> None:
        """Read all there is, and forget which statements that took."""
        await self.warming()._fill(self.keys.generation)
        self.statements.clear()

    def close(self) -> None:
        """Close both connections."""
        self.lookups.close()
        self.other.close()
