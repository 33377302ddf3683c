"""Flowise's ``searXNG``: a search of the web, at a SearXNG server."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from flowkeys.flows.code.wire import CallRefused, Request
from flowkeys.flows.context import Run
from flowkeys.flows.graph.relaxed import NotRead
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.secret import NotItsAddress, carried, read_secret
from flowkeys.flows.tools.tool import MISMATCH, ToolFailed, takes
from flowkeys.flows.tools.written import headers_of, text_in, written_in

_NOTHING: Final = "No good results found."
_MOST: Final = 10
_PARAMETERS: Final = ("categories", "engines", "language", "pageno", "time_range", "safesearch")
_DESCRIPTION: Final = (
    "A meta search engine. Useful for when you need to answer questions about current events. "
    "Input should be a search query. Output is a JSON array of the query results"
)


class _Result(msgspec.Struct, frozen=True):
    title: str | None = None
    url: str | None = None
    content: str | None = None


class _Found(msgspec.Struct, frozen=True):
    results: list[_Result] = []
    answers: list[Any] = []
    infoboxes: list[Any] = []
    suggestions: list[str] = []


_decoder: Final = msgspec.json.Decoder(_Found)


class SearXng:
    """Searches. Its answers are asked for as JSON, which the operator of that server has to allow."""

    kind = "searXNG"
    label = "SearXNG"
    schema: Mapping[str, Any] = takes({"input": {"type": "string"}})
    return_direct = False

    def __init__(self, build: Build, config: Mapping[str, Any]) -> None:
        self._calls = build.resources.code
        self.name = text_in(config, "toolName") or "searxng-search"
        self.description = text_in(config, "toolDescription") or _DESCRIPTION
        self._base = text_in(config, "apiBase").strip().rstrip("/")
        if not self._base:
            build.problem("apiBase: the tool searXNG has no base URL.")
        given = {name: text for name in _PARAMETERS if (text := text_in(config, name))}
        self._parameters = {**given, "format": "json"}
        self._headers = written_in(build, config, "headers")
        self._secret = read_secret(build, config)

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:
        """Search, and say what is found first, each as JSON.

        Raises:
            ToolFailed: there is no text to search for, or no answer that can be read.
        """
        query = arguments.get("input", "")
        if not isinstance(query, str):
            raise ToolFailed(MISMATCH)
        url = f"{self._base}/search?{urlencode({'q': query, **self._parameters})}"
        try:
            secret, own = carried(self._secret, url)
            sent = {"content-type": "application/json", **headers_of(self._headers, run)}
            request = Request(0, 0, url, "POST", sent, None, redirect=True)
            answer, content = await self._calls.outward().fetch(request, run.limits, secret, own)
        except (CallRefused, NotItsAddress, NotRead) as error:
            raise ToolFailed(str(error)) from error
        if not 200 <= answer.status < 300:  # noqa: PLR2004
            raise ToolFailed(answer.reason or f"HTTP Error {answer.status}")
        try:
            return _said(_decoder.decode(content))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ToolFailed("the search server answers no JSON, or not as SearXNG does.") from error


def _said(found: _Found) -> str:
    if found.results:
        rows = [
            {"title": one.title or "", "link": one.url or "", "snippet": one.content or ""}
            for one in found.results[:_MOST]
        ]
        return ",".join(msgspec.json.encode(row).decode() for row in rows)
    if found.answers:
        first = found.answers[0]
        return str(first.get("answer", "")) if isinstance(first, dict) else str(first)
    if found.infoboxes:
        first = found.infoboxes[0]
        return str(first.get("content") or "") if isinstance(first, dict) else ""
    if found.suggestions:
        return "Suggestions: " + "".join(f"{one}, " for one in found.suggestions)
    return _NOTHING
