"""What a model may give a requests tool: members of its address, or of its body."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote, quote_plus

import msgspec

from flowkeys.flows.graph.html import is_html, to_markdown
from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.graph.variables import text_of
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.fitting import NOT_FITTING, fitting
from flowkeys.flows.tools.tool import MISMATCH, ToolFailed, takes

_QUERY: Final = "queryParams"
_BODY: Final = "body"
_MOST: Final = 200
_UNQUOTED: Final = "!~*'()"
_JSON: Final[Mapping[str, Mapping[str, Any]]] = {
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object", "additionalProperties": {}},
    "array": {"type": "array"},
}

Given = dict[str, Any]


class Parameters(Protocol):
    """What a model may give, and what becomes of it."""

    schema: Mapping[str, Any]

    def read(self, arguments: Mapping[str, Any]) -> Given:
        """Return what was given.

        Raises:
            ToolFailed: it is not what the schema says.
        """
        ...

    def address(self, url: str, given: Given) -> str:
        """Return the address with what was given."""
        ...

    def body(self, own: Any, given: Given) -> str | None:
        """Return the body with what was given; None: there is none."""
        ...


class QueryParameters:
    """Members of the address: in its path, where ``:name`` stands or at the end, and in its query."""

    def __init__(self, build: Build, config: Mapping[str, Any], *names: str) -> None:
        self._members = _members(build, config, *names)
        if self._members is None:
            inner: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
            inner["description"] = "Optional query parameters to include in the request"
        else:
            # Each is a text for models, whatever it is later, as Flowise has it.
            inner = _object({name: {"type": "string"} for name in self._members}, self._members)
            inner["description"] = "Query parameters for the request"
        self.schema: Mapping[str, Any] = takes({_QUERY: inner})

    def read(self, arguments: Mapping[str, Any]) -> Given:
        """Return what was given."""
        given = _mapping(arguments.get(_QUERY), _QUERY)
        if self._members is None:
            return {name: text_of(value) for name, value in given.items() if value is not None}
        return _read(self._members, given, _QUERY)

    def address(self, url: str, given: Given) -> str:
        """Return the address with what was given."""
        query, behind = [], []
        for name, value in given.items():
            where = "query" if self._members is None else self._members[name].get("in")
            if where == "query":
                query.append(f"{_form(name)}={_form(text_of(value))}")
            elif where == "path":
                quoted = quote(text_of(value), safe=_UNQUOTED)
                if f":{name}" in url:
                    url = quoted.join(re.split(rf":{re.escape(name)}\b", url))
                else:
                    behind.append(quoted)
        address, mark, fragment = url.partition("#")
        path, _, own = address.partition("?")
        if behind:
            path = "/".join([path.removesuffix("/"), *behind])
        whole = "&".join([*([own] if own else []), *query])
        return f"{path}{'?' if whole else ''}{whole}{mark}{fragment}"

    def body(self, own: Any, given: Given) -> str | None:  # noqa: ARG002
        """Send none."""
        return None


class BodyParameters:
    """Members of the body. Without a schema the node's own body is sent, whatever a model gives."""

    def __init__(self, build: Build, config: Mapping[str, Any], *names: str) -> None:
        self._members = _members(build, config, *names)
        if self._members is None:
            inner: dict[str, Any] = {"type": "object", "additionalProperties": {}}
            inner["description"] = "Optional body data to include in the request"
        else:
            kinds = {
                name: _JSON.get(str(of.get("type")), {"type": "string"}) for name, of in self._members.items()
            }
            inner = _object(kinds, self._members)
            inner["description"] = "Request body parameters"
        self.schema: Mapping[str, Any] = takes({_BODY: inner}, () if self._members is None else (_BODY,))

    def read(self, arguments: Mapping[str, Any]) -> Given:
        """Return what was given."""
        if self._members is None:
            return {}
        return _read(self._members, _mapping(arguments.get(_BODY), _BODY), _BODY)

    def address(self, url: str, given: Given) -> str:  # noqa: ARG002
        """Return the address as it is."""
        return url

    def body(self, own: Any, given: Given) -> str | None:
        """Return the node's own body, and what was given over it."""
        whole = (
            {**own, **given} if isinstance(own, Mapping) else own if own is not None and not given else given
        )
        return msgspec.json.encode(whole).decode()


def _members(build: Build, config: Mapping[str, Any], *names: str) -> dict[str, Mapping[str, Any]] | None:
    """Return what the schema of a node describes; None where it has none."""
    name = next((name for name in names if config.get(name)), "")
    value = config.get(name)
    if isinstance(value, str):
        try:
            value = read_json(to_markdown(value) if is_html(value) else value) if value.strip() else None
        except NotRead as error:
            build.problem(f"{name} is no JSON: {error}.")
            return None
    if not value:
        return None
    if not isinstance(value, Mapping):
        build.problem(f"{name} is no object that describes each parameter.")
        return None
    if len(value) > _MOST:
        build.problem(f"{name} has more than {_MOST} parameters.")
        return None
    return {str(key): of if isinstance(of, Mapping) else {} for key, of in value.items()}


def _object(
    kinds: Mapping[str, Mapping[str, Any]], members: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    properties = {
        name: {**kind, "description": text_of(said)} if (said := members[name].get("description")) else kind
        for name, kind in kinds.items()
    }
    required = [name for name, of in members.items() if of.get("required")]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    given = {} if value is None else fitting(value, "object")
    if given is NOT_FITTING:
        raise ToolFailed(f"{MISMATCH}: {name} is no object")
    found: Mapping[str, Any] = given
    return found


def _read(members: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], at: str) -> Given:
    """Return the members that there are, as they are to be; others are left out."""
    found = dict(_found(members, given))
    wrong = [name for name, value in found.items() if value is NOT_FITTING]
    lacking = [name for name, of in members.items() if of.get("required") and name not in found]
    if wrong or lacking:
        reasons = [f"{at}.{name} is no {members[name].get('type')}" for name in wrong]
        reasons += [f"{at}.{name} is missing" for name in lacking]
        raise ToolFailed(f"{MISMATCH}: {'; '.join(reasons)}")
    return found


def _found(members: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, of in members.items():
        if (value := given.get(name)) is not None:
            yield name, fitting(value, str(of.get("type")))


def _form(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")
