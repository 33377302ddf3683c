"""Flowise's ``customMCP``: tools of an MCP server that the operator lists, of which the node chooses some."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from flowkeys.flows.context import Run
from flowkeys.flows.graph.html import is_html, to_markdown
from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.mcp.session import Listed, Session
from flowkeys.flows.tools.secret import NotItsAddress, Secret, carried, read_secret
from flowkeys.flows.tools.tool import Tool, ToolFailed
from flowkeys.outbound.endpoints import read_endpoint

KIND: Final = "customMCP"
LABEL: Final = "Custom MCP"
_CONFIG: Final = "mcpServerConfig"
_ACTIONS: Final = "mcpActions"
_UNFIT: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARACTERS: Final = 64
_OF_TRANSPORT: Final = frozenset({"accept", "content-type", "mcp-protocol-version", "user-agent"})
_VARIABLE: Final = "$vars."


class McpTool:
    """One of the tools, while the session lasts."""

    kind = KIND
    label = LABEL
    return_direct = False

    def __init__(self, session: Session, listed: Listed, most: int) -> None:
        """`most` is how long what it says may be."""
        self._session = session
        self._theirs = listed.name
        self._most = most
        self.name = _UNFIT.sub("_", listed.name)[:_NAME_CHARACTERS]
        self.description = listed.description or listed.name
        self.schema: Mapping[str, Any] = listed.input_schema

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:
        """Call it; what it says is its content, as JSON.

        Raises:
            ToolFailed: it cannot be called, or says more than a tool may.
            RunLimitExceeded: the run may call out no more.
        """
        run.limits.take_call()
        content = await self._session.call(self._theirs, arguments)
        text = msgspec.json.encode(content).decode()
        if len(text) > self._most:
            raise ToolFailed(f"what {self._theirs[:100]} says is longer than {self._most:,} characters")
        return text


class CustomMcp:
    """The tools that a node chooses of one server. It satisfies `Toolbox`."""

    def __init__(self, build: Build, url: Template, secret: Secret | None, actions: Sequence[str]) -> None:
        self._code = build.resources.code
        self._settings = build.resources.settings
        self._url = url
        self._secret = secret
        self._actions = tuple(dict.fromkeys(actions))

    @asynccontextmanager
    async def open(self, run: Run) -> AsyncIterator[Sequence[Tool]]:
        """Ask the server for its tools, and say goodbye at the end."""
        if not self._actions:
            yield ()
            return
        run.limits.take_call()
        url = self._url.render(run).strip()
        try:
            secret = carried(self._secret, url)
        except NotItsAddress as error:
            raise ToolFailed(f"the MCP server {url}: {error}") from error
        settings = self._settings
        session = Session(self._code.to_mcp(), url, secret, settings.whole_answer_timeout_seconds)
        try:
            try:
                await session.begin()
                tools = self._chosen(session, await session.tools(), settings.answer_characters)
            except ToolFailed as error:
                raise ToolFailed(f"the MCP server {url}: {error}") from error
            yield tools
        finally:
            await session.end()

    def _chosen(self, session: Session, listed: Sequence[Listed], most: int) -> list[McpTool]:
        there = {one.name: one for one in listed}
        missing = [name for name in self._actions if name not in there]
        if missing:
            raise ToolFailed(f"it has no tool {', '.join(repr(name[:100]) for name in missing)}")
        return [McpTool(session, there[name], most) for name in self._actions]


def custom_mcp(build: Build, config: Mapping[str, Any]) -> CustomMcp | None:
    """Return the tools that a node chooses of an MCP server; what is wrong becomes problems of the node."""
    before = len(build.problems)
    server = _server(build, config.get(_CONFIG))
    actions = _actions(build, config.get(_ACTIONS))
    if server is None:
        return None
    secret = read_secret(build, config) or read_secret(build, server)
    url = _url(build, server)
    headers = server.get("headers")
    names = sorted(str(name) for name in headers) if isinstance(headers, Mapping) else []
    unsent = [name for name in names if name.lower() not in _OF_TRANSPORT]
    if unsent and secret is None:
        build.problem(
            f"the headers of its MCP server are not sent ({', '.join(unsent)[:200]}): what they hold is kept"
            " as a credential for that address, which FLOWISE_CREDENTIAL_ID of the tool names."
        )
    return CustomMcp(build, url, secret, actions) if len(build.problems) == before else None


def _server(build: Build, value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, str) and value.strip():
        try:
            value = read_json(to_markdown(value) if is_html(value) else value)
        except NotRead as error:
            build.problem(f"{_CONFIG} is no JSON: {error}.")
            return None
    if not value:
        build.problem(f"{_CONFIG} is empty: the tool {KIND} needs the URL of an MCP server.")
        return None
    if isinstance(value, Mapping):
        return value
    build.problem(f"{_CONFIG} is no object.")
    return None


def _url(build: Build, server: Mapping[str, Any]) -> Template:
    url = server.get("url")
    template = build.template(url if isinstance(url, str) else "")
    if command := server.get("command"):
        build.problem(
            f"its MCP server is a command ({str(command)[:100]}), and this server starts none: run it apart,"
            " and give its URL."
        )
    elif not isinstance(url, str) or not url.strip():
        build.problem(f"{_CONFIG} names no url.")
    elif template.references:
        if not all(name.startswith(_VARIABLE) for name in template.references):
            build.problem(f"the url in {_CONFIG} may have variables of the workspace ($vars) and no others.")
    elif isinstance(endpoint := read_endpoint(url), str):
        build.problem(f"the url in {_CONFIG}: {endpoint}")
    elif not build.resources.code.mcp_servers.lists(endpoint):
        build.problem(
            f"the MCP server {endpoint.url} is not one that this server's operator lists"
            " (FLOWKEYS_MCP_SERVERS)."
        )
    return template


def _actions(build: Build, value: Any) -> list[str]:
    if isinstance(value, str) and value.strip():
        try:
            value = msgspec.json.decode(str(value))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            value = None
    elif not value:
        return []
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return [str(name) for name in value]
    build.problem(f"{_ACTIONS} is no list of names.")
    return []
