"""What a server asks its database meanwhile, on both."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from flowkeys.storage.postgres.line import Line
from flowkeys.storage.postgres.lines import Lines
from flowkeys.storage.postgres.watched import Watched
from tests.support.databases import ON_POSTGRES
from tests.support.server import Running


@contextmanager
def statements(server: Running) -> Iterator[list[str]]:
    """Collect every statement that the look-ups and the readers run meanwhile.

    Whether anything was changed at all is asked each few milliseconds, however many calls there are, and
    what, once after each commit: these two questions are left out. So is what the server looks for from time
    to time, whoever calls: webhooks to send, rotations to finish, with the ends of such readings.
    """
    seen: list[str] = []
    with _on_postgres(server, seen) if ON_POSTGRES else _on_sqlite(server, seen):
        yield seen


def look_ups(seen: list[str]) -> int:
    """Return how many of the statements looked for a token."""
    return len([text for text in seen if "FROM token" in text])


def _is_asked_anyhow(statement: str) -> bool:
    first = ("PRAGMA data_version", "SELECT seq, subject", "BEGIN", "COMMIT", "ROLLBACK")
    return statement.startswith(first) or "webhook" in statement or "finish_unused" in statement


@contextmanager
def _on_sqlite(server: Running, seen: list[str]) -> Iterator[None]:
    runtime = server.runtime
    connections = [runtime.lookups.connection, *runtime.store._open]

    async def trace(callback: object) -> None:
        for connection in connections:
            connection.set_trace_callback(callback)

    server.do(trace(lambda statement: _is_asked_anyhow(statement) or seen.append(statement)))
    try:
        yield
    finally:
        server.do(trace(None))


@contextmanager
def _on_postgres(server: Running, seen: list[str]) -> Iterator[None]:
    lines: Lines = server.runtime.lookups._lines
    ask_for, execute = Line.ask_for, Watched.execute
    readers = server.runtime.store._opened

    def asked(self: Line, who: Any, name: bytes, values: Any) -> Any:
        if self in lines._lines:
            seen.append(lines._statements[name])
        return ask_for(self, who, name, values)

    def executed(self: Watched, statement: Any, *arguments: Any, **options: Any) -> Any:
        if any(self is reader._raw for reader in readers) and not _is_asked_anyhow(statement):
            seen.append(statement)
        return execute(self, statement, *arguments, **options)

    with patch.object(Line, "ask_for", asked), patch.object(Watched, "execute", executed):
        yield
