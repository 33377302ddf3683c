"""Running a piece of code for a run of a chatflow."""

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from flowkeys.flows.code.processes import CodeProcesses
from flowkeys.flows.code.wire import CodeFailed, Job, Returned
from flowkeys.outbound.endpoints import Endpoints

if TYPE_CHECKING:
    from flowkeys.flows.code.outward import OutwardCalls
    from flowkeys.flows.context import Run
    from flowkeys.flows.limits import Limits
    from flowkeys.flows.settings import FlowSettings
    from flowkeys.outbound.connecting import Resolve

_NAME: Final = re.compile(r"[A-Za-z0-9_$]{1,200}")


class CodeRunner:
    """What runs code: its processes, and the way out of them. Made with the engine, closed with it."""

    def __init__(self, settings: "FlowSettings", resolve: "Resolve | None" = None) -> None:
        """Start nothing yet.

        Raises:
            ConfigurationError: an entry of the operator's list of MCP servers is no URL.
        """
        self.mcp_servers = Endpoints(settings.mcp_servers, "An MCP server")
        self._settings = settings
        self._resolve = resolve
        self._processes = CodeProcesses(settings)
        self._outward: OutwardCalls | None = None
        self._to_mcp: OutwardCalls | None = None

    async def run(self, code: str, given: Mapping[str, Any], limits: "Limits") -> Returned:
        """Run code with its variables, for a run that has so much left.

        Raises:
            CodeFailed: it threw, or took more than it may.
            RunLimitExceeded: it called out more often than the whole run may.
        """
        outward = self.outward().of_run(limits)
        values = msgspec.json.encode(given).decode()
        now = time.time_ns() // 1_000_000
        try:
            returned = await self._processes.run(Job(code, values, now), outward.call)
        except CodeFailed:
            outward.check()
            raise
        outward.check()
        return returned

    def outward(self) -> "OutwardCalls":
        """Return what makes calls to services: those of code, and of nodes."""
        if self._outward is None:
            from flowkeys.flows.code.outward import OutwardCalls

            self._outward = OutwardCalls(self._settings, self._resolve)
        return self._outward

    def to_mcp(self) -> "OutwardCalls":
        """Return what makes calls to MCP servers: to those that the operator lists, and nowhere else."""
        if self._to_mcp is None:
            from flowkeys.flows.code.outward import OutwardCalls

            self._to_mcp = OutwardCalls(self._settings, self._resolve, only=self.mcp_servers)
        return self._to_mcp

    async def aclose(self) -> None:
        """End the processes, and close connections."""
        await self._processes.aclose()
        for calls in (self._outward, self._to_mcp):
            if calls is not None:
                await calls.aclose()


class _Resources(Protocol):
    code: CodeRunner


class Code:
    """A piece of code of a chatflow, ready to run."""

    def __init__(self, resources: _Resources, code: str) -> None:
        self._runner = resources.code
        self._code = code

    async def run(self, run: "Run", given: Mapping[str, Any]) -> Returned:
        """Run it; `given` are its variables by their whole names.

        Raises:
            CodeFailed: it threw, or took more than it may.
            RunLimitExceeded: it called out more often than the whole run may.
        """
        return await self._runner.run(self._code, given, run.limits)

    def common(self, run: "Run") -> dict[str, Any]:
        """Return the variables that all code of a run has."""
        return {"$vars": dict(run.variables), "$input": run.question}


def is_name(name: str) -> bool:
    """Tell whether a variable of code can be called ``$name``."""
    return _NAME.fullmatch(name) is not None
