"""Reports for commands: of the data directory, or of a server."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from flowkeys.cli.backends.part import Json, Listed, Part, listed, slice_of
from flowkeys.domain.principal import Caller
from flowkeys.service.keys.keyring import Keyring
from flowkeys.web import render


class Reports(Protocol):
    """What commands ask about the keys that somebody should look at."""

    def all(self) -> list[Json]:
        """Return every report, with the number of keys in it."""
        ...

    def keys(self, name: str, part: Part) -> Listed:
        """Return a report's keys: an array, or a page when one is asked for."""
        ...


class LocalReports:
    """Of the data directory, read as the operator."""

    def __init__(
        self, run: Callable[[Coroutine[Any, Any, Any]], Any], keyring: Keyring, caller: Caller
    ) -> None:
        """Let `run` run what `keyring` is asked."""
        self._run = run
        self._keyring = keyring
        self._caller = caller

    def all(self) -> list[Json]:
        """Return every report."""
        from flowkeys.web.schemas.reports import report

        return [report(item) for item in self._run(self._keyring.reports.all(self._caller))]

    def keys(self, name: str, part: Part) -> Listed:
        """Return a report's keys."""
        from flowkeys.bootstrap import clock

        found = self._run(self._keyring.reports.page(self._caller, name, *slice_of(part)))
        return listed(part, [render.key(item, clock()) for item in found.items], found.total)


class RemoteReports:
    """Of a server, with the right of a key."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def all(self) -> list[Json]:
        """Return every report."""
        from flowkeys.client.call import path

        found: list[Json] = self._call("GET", path("reports"))
        return found

    def keys(self, name: str, part: Part) -> Listed:
        """Return a report's keys."""
        from flowkeys.client.call import path, query

        params = query(page=part.page, limit=part.limit)
        found: Listed = self._call("GET", path("reports", name), params=params)
        return found
