"""Flowise's requests tools: a model calls one address of a service, as the node describes it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from flowkeys.flows.code.wire import CallRefused, Request
from flowkeys.flows.context import Run
from flowkeys.flows.graph.relaxed import NotRead
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.parameters import BodyParameters, Parameters, QueryParameters
from flowkeys.flows.tools.secret import NotItsAddress, carried, read_secret
from flowkeys.flows.tools.tool import ToolFailed
from flowkeys.flows.tools.written import headers_of, text_in, written_in

_NAME_LENGTH: Final = 64
_NAME_SIGNS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


class Method(msgspec.Struct, frozen=True):
    """One of the tools."""

    name: str
    """That of HTTP."""
    kind: str
    label: str
    description: str
    body: str = ""
    """The member with the body; empty: there is none, what models give goes into the address."""


METHODS: Final = (
    Method(
        "GET",
        "requestsGet",
        "Requests Get",
        "Use this when you need to execute a GET request to get data from a website.",
    ),
    Method(
        "POST",
        "requestsPost",
        "Requests Post",
        "Use this when you want to execute a POST request to create or update a resource.",
        "requestPostBody",
    ),
    Method(
        "PUT",
        "requestsPut",
        "Requests Put",
        "Use this when you want to execute a PUT request to update or replace a resource.",
        "requestPutBody",
    ),
    Method(
        "DELETE",
        "requestsDelete",
        "Requests Delete",
        "Use this when you need to execute a DELETE request to remove data from a website.",
    ),
)


class Requests:
    """Makes one call, and says what is answered. An answer that is an error tells the model."""

    return_direct = False

    def __init__(self, build: Build, method: Method, config: Mapping[str, Any]) -> None:
        kind = method.kind
        self.kind = kind
        self.label = method.label
        self._method = method.name
        self._calls = build.resources.code
        self.name = _name(text_in(config, "name", f"{kind}Name")) or f"requests_{method.name.lower()}"
        self.description = text_in(config, "description", f"{kind}Description") or method.description
        self._parameters: Parameters = (
            BodyParameters(build, config, f"{kind}BodySchema")
            if method.body
            else QueryParameters(build, config, "queryParamsSchema", f"{kind}QueryParamsSchema")
        )
        self.schema = self._parameters.schema
        url = text_in(config, "url", f"{kind}Url")
        if not url.strip():
            build.problem(f"{kind}Url: the tool {self.name} has no URL.")
        self._url = build.template(url)
        self._headers = written_in(build, config, "headers", f"{kind}Headers")
        self._body = written_in(build, config, "body", method.body) if method.body else None
        self._secret = read_secret(build, config)
        longest = build.resources.settings.answer_characters
        self._most = min(longest, _most(build, config, f"{kind}MaxOutputLength") or longest)

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:
        """Make it.

        Raises:
            ToolFailed: the arguments are not what it takes, no call can be made, or the answer is an error.
        """
        given = self._parameters.read(arguments)
        try:
            url = self._parameters.address(self._url.render(run).strip(), given)
            headers = headers_of(self._headers, run)
            body = self._parameters.body(self._body.value(run) if self._body is not None else None, given)
            if body is not None:
                headers.setdefault("content-type", "application/json")
            headers.setdefault("accept", "*/*")
            secret, own = carried(self._secret, url)
            request = Request(0, 0, url, self._method, headers, body, redirect=True)
            answer, _ = await self._calls.outward().fetch(request, run.limits, secret, own)
        except (CallRefused, NotItsAddress, NotRead) as error:
            raise self._failed(str(error)) from error
        if not 200 <= answer.status < 300:  # noqa: PLR2004
            raise self._failed(f"HTTP Error {answer.status}: {answer.reason}")
        return answer.body[: self._most]

    def _failed(self, why: str) -> ToolFailed:
        return ToolFailed(f"Failed to make {self._method} request: {why}")


def requests_tool(method: Method) -> Callable[[Build, Mapping[str, Any]], Requests]:
    """Return what makes the tool of a method."""
    return lambda build, config: Requests(build, method, config)


def _name(given: str) -> str:
    plain = given.lower().replace(" ", "_")
    return "".join(sign for sign in plain if sign in _NAME_SIGNS)[:_NAME_LENGTH]


def _most(build: Build, config: Mapping[str, Any], name: str) -> int | None:
    """Return how long the longest output is to be, None where the node does not say."""
    text = text_in(config, "maxOutputLength", name).strip()
    if not text:
        return None
    whole = text.partition(".")[0]
    if whole.isascii() and whole.isdigit() and len(whole) < 10:  # noqa: PLR2004
        return int(whole)
    build.problem(f"{name} is no number of characters.")
    return None
