"""`httpAgentflow`: calls a service over HTTP. Whatever it answers is data; only no answer is a failure."""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from flowkeys.flows.code.wire import Answer, CallRefused, Request
from flowkeys.flows.context import Run
from flowkeys.flows.graph.relaxed import NotRead
from flowkeys.flows.graph.variables import text_of
from flowkeys.flows.nodes.http_body import body_of, rows_of
from flowkeys.flows.nodes.shown import compile_json
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.tools.secret import NotItsAddress, Secret, carried, read_secret

_INPUTS: Final = ("method", "url", "headers", "queryParams", "bodyType", "body", "responseType")
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
_BODIES: Final = frozenset({"", "json", "raw", "formData", "xWwwFormUrlencoded"})
_BUFFER: Final = "arraybuffer"
_ANSWERS: Final = frozenset({"", "json", "text", _BUFFER, "base64"})
_OF_A_BYTE: Final = 4
"""What a byte comes to that is shown as a number."""
_ACCEPT: Final = "application/json, text/plain, */*"
_AGENT: Final = "axios/1.15.0"
"""As Flowise sends it: services that know its callers by it go on knowing them."""


class Http(Step):
    """Makes one call."""

    def __init__(self, build: Build, secret: Secret | None) -> None:
        super().__init__(build.node)
        self._calls = build.resources.code
        given = build.inputs
        self._inputs = {
            name: compile_json(build, "" if given.get(name) is None else given[name]) for name in _INPUTS
        }
        self._secret = secret

    async def run(self, run: Run) -> Outcome:
        """Make it."""
        shown = {name: value.value(run) for name, value in self._inputs.items()}
        method = shown["method"] or "GET"
        try:
            content_type, body = body_of(method, shown["bodyType"], shown["body"])
        except NotRead as error:
            raise self.failed(f"its body is no JSON: {error}.") from error
        headers = {"accept": _ACCEPT, **rows_of(shown["headers"])}
        headers = {name.lower(): value for name, value in headers.items()}
        if content_type is not None:
            headers.setdefault("content-type", content_type)
        url = _with_query(text_of(shown["url"]).strip(), rows_of(shown["queryParams"]))
        try:
            secret, own = carried(self._secret, url)
        except NotItsAddress as error:
            raise self.failed(str(error)) from error
        headers.update(secret)
        headers.setdefault("user-agent", _AGENT)
        request = Request(0, 0, url, method, headers, body, redirect=True)
        try:
            answer, content = await self._calls.outward().fetch(request, run.limits, secret, own)
        except CallRefused as error:
            raise self.failed(str(error)) from error
        run.limits.take_bytes(len(content) * (_OF_A_BYTE if shown["responseType"] == _BUFFER else 1))
        http = {
            "data": _data(shown["responseType"], answer.body, content),
            "status": answer.status,
            "statusText": answer.reason,
            "headers": _headers(answer),
        }
        return Outcome(input={"http": shown}, output={"http": http})


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    if not parameters:
        return url
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in parameters.items())
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"


def _data(kind: str, text: str, content: bytes) -> Any:
    if kind == "text":
        return text
    if kind == "base64":
        # Of the text, each character cut to a byte, as Flowise does it.
        return base64.b64encode(bytes(ord(sign) & 0xFF for sign in text)).decode()
    if kind == _BUFFER:
        return {"type": "Buffer", "data": list(content)}
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text


def _headers(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in answer.headers:
        if name == "set-cookie":
            found.setdefault(name, []).append(value)
        else:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _build(build: Build) -> Step:
    inputs = build.inputs
    for name, known in (("method", _METHODS | {""}), ("bodyType", _BODIES), ("responseType", _ANSWERS)):
        if (value := build.text(name)) not in known:
            build.problem(f"{name} {value[:40]!r} is none that this server has.")
    _check_address(build)
    return Http(build, read_secret(build, inputs))


def _check_address(build: Build) -> None:
    """Note what is wrong with an address that is the same in each run."""
    url = build.template(build.text("url")).fixed
    refusal = build.resources.models.refusal(url) if url else "it has no URL." if url is not None else None
    if refusal is not None:
        build.problem(refusal)


KIND = Kind("httpAgentflow", _build)
