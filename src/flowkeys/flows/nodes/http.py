"""`httpAgentflow`: calls a service over HTTP. Whatever it answers is data; only no answer is a failure."""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from flowkeys.domain.chatflows.credential import OpenCredential
from flowkeys.flows.code.wire import Answer, Request
from flowkeys.flows.context import Run
from flowkeys.flows.graph.relaxed import NotRead
from flowkeys.flows.graph.variables import text_of
from flowkeys.flows.nodes.http_body import body_of, rows_of
from flowkeys.flows.nodes.shown import compile_json
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.outbound.endpoints import Endpoint, read_endpoint

_INPUTS: Final = ("method", "url", "headers", "queryParams", "bodyType", "body", "responseType")
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
_BODIES: Final = frozenset({"", "json", "raw", "formData", "xWwwFormUrlencoded"})
_ANSWERS: Final = frozenset({"", "json", "text", "arraybuffer", "base64"})
_CREDENTIAL: Final = ("credential", "FLOWISE_CREDENTIAL_ID")
_ACCEPT: Final = "application/json, text/plain, */*"
_AGENT: Final = "axios/1.15.0"
"""As Flowise sends it: services that know its callers by it go on knowing them."""


class Http(Step):
    """Makes one call."""

    def __init__(self, build: Build, credential: OpenCredential | None, own: Endpoint | None) -> None:
        super().__init__(build.node)
        self._calls = build.resources.code
        given = build.inputs
        self._inputs = {
            name: compile_json(build, "" if given.get(name) is None else given[name]) for name in _INPUTS
        }
        self._credential = credential
        self._own = own

    async def run(self, run: Run) -> Outcome:
        """Make it."""
        from flowkeys.flows.code.outward import CallRefused

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
        secret = self._secrets(url)
        headers.update(secret)
        headers.setdefault("user-agent", _AGENT)
        request = Request(0, 0, url, method, headers, body, redirect=True)
        try:
            answer, content = await self._calls.outward().fetch(request, secret.keys())
        except CallRefused as error:
            raise self.failed(str(error)) from error
        http = {
            "data": _data(shown["responseType"], answer.body, content),
            "status": answer.status,
            "statusText": answer.reason,
            "headers": _headers(answer),
        }
        return Outcome(input={"http": shown}, output={"http": http})

    def _secrets(self, url: str) -> dict[str, str]:
        """Return the headers of the credential; it is sent to its own address alone."""
        credential = self._credential
        if credential is None or self._own is None:
            return {}
        there = read_endpoint(url.partition("?")[0].partition("#")[0])
        if isinstance(there, str) or not self._own.covers(there):
            raise self.failed("its credential is for another address, and is sent to no other.")
        values = credential.values
        if credential.kind == "httpBasicAuth":
            pair = f"{values.get('basicAuthUsername', '')}:{values.get('basicAuthPassword', '')}"
            return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if credential.kind == "httpApiKey":
            return {values.get("key", "").lower(): values.get("value", "")}
        return {"authorization": f"Bearer {credential.key}"}


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
    if kind == "arraybuffer":
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
    if not build.text("url"):
        build.problem("it has no URL.")
    named = [ref for name in _CREDENTIAL if isinstance(ref := inputs.get(name), str) and ref]
    credential, own = _credential(build, named[0]) if named else (None, None)
    return Http(build, credential, own)


def _credential(build: Build, ref: str) -> tuple[OpenCredential | None, Endpoint | None]:
    """Return the credential that a node names, and the address that it is for; noted when it has none."""
    found = build.resources.models.kept(build.workspace_id, ref)
    if isinstance(found, str):
        build.problem(found)
        return None, None
    own = read_endpoint(found.base_url)
    if not found.kind.startswith("http") or isinstance(own, str):
        build.problem(f"the credential {found.name!r} is not for services.")
        return None, None
    return found, own


KIND = Kind("httpAgentflow", _build)
