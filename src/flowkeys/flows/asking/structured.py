"""Answers in a form that the node lays down: a function that the model has to call, and a strict check."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from flowkeys.flows.models.reply import Reply
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.tool import DRAFT

FUNCTION: Final = "extract"
_DEPTH: Final = 20
_MOST_FAULTS: Final = 5
_SIMPLE: Final = ("string", "number", "boolean")

Schema = dict[str, Any]


class Form:
    """The form of an answer."""

    def __init__(self, properties: Mapping[str, Schema]) -> None:
        self._schema = _object(properties)
        function = {"name": FUNCTION, "parameters": {**self._schema, "$schema": DRAFT}}
        self.request: Mapping[str, Any] = {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": FUNCTION}},
        }
        """What the request has besides."""

    def read(self, reply: Reply) -> dict[str, Any] | str:
        """Return what the model answered, in the form's order; or what is wrong with it, in words."""
        written = next((call.arguments for call in reply.calls if call.name == FUNCTION), reply.answer)
        try:
            value = parsed(written)
        except (ValueError, RecursionError):
            return "it is not JSON"
        faults: list[str] = []
        for fault in _faults(value, self._schema, ""):
            faults.append(fault)
            if len(faults) == _MOST_FAULTS:
                break
        if faults:
            return "; ".join(faults)
        return _kept(value, self._schema) if isinstance(value, dict) else {}


def printed(value: Any, indent: int = 2) -> str:
    """Return JSON over several lines, as JavaScript prints it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()


def parsed(text: str) -> Any:
    """Return what a JSON text says; whole numbers are integers however they are written, as in JavaScript.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    return json.loads(text, parse_float=_number, parse_constant=_no_number, strict=False)


def _number(written: str) -> float:
    value = float(written)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value  # noqa: PLR2004


def _no_number(written: str) -> Any:
    raise ValueError(written)


def read_form(build: Build, name: str) -> Form | None:
    """Return the form of a node's answers, None where it wants text."""
    properties: dict[str, Schema] = {}
    for row in build.rows(name, ("key",)):
        key, kind = row.get("key"), row.get("type")
        if not isinstance(key, str) or not key:
            continue
        schema = _of_row(build, row, str(kind))
        if schema is None:
            build.problem(f"{name}: there is no type {str(kind)[:100]!r} (at {key[:100]!r}).")
            continue
        description = row.get("description")
        properties[str(key)] = _described(schema, description)
    return Form(properties) if properties else None


def _of_row(build: Build, row: Mapping[str, Any], kind: str) -> Schema | None:
    if kind in _SIMPLE:
        return {"type": str(kind)}
    if kind == "stringArray":
        return {"type": "array", "items": {"type": "string"}}
    if kind == "enum":
        words = str(row.get("enumValues") or "").split(",")
        return {"type": "string", "enum": [word.strip() for word in words] if any(words) else ["default"]}
    if kind != "jsonArray":
        return None
    given = row.get("jsonSchema")
    try:
        read = msgspec.json.decode(given) if isinstance(given, str) and given.strip() else given
        items = _of_properties(read) if isinstance(read, dict) and read else _anything()
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        build.problem(f"the JSON schema of {str(row.get('key'))[:100]!r} is not JSON.")
        return _anything()
    return {"type": "array", "items": items}


def _anything() -> Schema:
    return {"type": "object", "additionalProperties": {}}


def _of_properties(given: Mapping[str, Any], depth: int = 0) -> Schema:
    """Return the schema of an object whose members are given: each with its type, or by an example."""
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    properties = {}
    optional = set()
    for name, value in given.items():
        properties[name] = _of_member(value, depth)
        if isinstance(value, dict) and value.get("optional") is True:
            optional.add(name)
    schema = _object(properties)
    if optional:
        required = [name for name in properties if name not in optional]
        schema = {**schema, "required": required}
        if not required:
            del schema["required"]
    return schema


def _of_member(value: Any, depth: int) -> Schema:
    if isinstance(value, dict):
        if "type" not in value:
            return _of_properties(value, depth + 1)
        return _described(_typed(value, depth), value.get("description"))
    if isinstance(value, list):
        first = value[0] if value else None
        items = {"items": _of_properties(first, depth + 1)} if isinstance(first, dict) else {}
        return {"type": "array", **items}
    kinds = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
    return {"type": kinds[type(value)]}


def _typed(value: Mapping[str, Any], depth: int) -> Schema:
    kind = value["type"]
    if kind in _SIMPLE:
        return {"type": kind}
    if kind == "array":
        items = value.get("items")
        inner = {"items": _of_items(items, depth + 1)} if isinstance(items, dict) and items else {}
        return {"type": "array", **inner}
    if kind == "object":
        properties = value.get("properties")
        return _of_properties(properties, depth + 1) if isinstance(properties, dict) else _anything()
    return {}


def _of_items(items: Mapping[str, Any], depth: int) -> Schema:
    """Return the schema of a list's items, which are a schema, or members as those of an object."""
    return _typed(items, depth) if isinstance(items.get("type"), str) else _of_properties(items, depth)


def _object(properties: Mapping[str, Schema]) -> Schema:
    required = {"required": list(properties)} if properties else {}
    return {"type": "object", "properties": dict(properties), **required, "additionalProperties": False}


def _described(schema: Schema, description: Any) -> Schema:
    return (
        {**schema, "description": str(description)}
        if description and isinstance(description, str)
        else schema
    )


def _faults(value: Any, schema: Schema, at: str) -> Iterator[str]:
    """Yield what is wrong with a value, strictly: no text is taken for a number."""
    kind = schema.get("type")
    if kind is None:
        return
    if not _is(value, kind):
        yield f"{at or 'it'} has to be {_A[kind]}, and is {_a(value)}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at} has to be one of {', '.join(schema['enum'])}"
    elif kind == "array" and "items" in schema:
        for number, item in enumerate(value):
            yield from _faults(item, schema["items"], f"{at}[{number}]")
    elif kind == "object":
        for name, inner in schema.get("properties", {}).items():
            where = f"{at}.{name}" if at else name
            if name in value:
                yield from _faults(value[name], inner, where)
            elif name in schema.get("required", ()):
                yield f"{where} is missing"


_A: Final = {
    "string": "a text",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _a(value: Any) -> str:
    return next(_A[kind] for kind in ("boolean", *_TYPES) if _is(value, kind))


def _kept(value: Any, schema: Schema) -> Any:
    """Return a value without members that the form does not have, in the form's order."""
    if isinstance(value, dict) and "properties" in schema:
        members = schema["properties"].items()
        return {name: _kept(value[name], inner) for name, inner in members if name in value}
    if isinstance(value, list) and "items" in schema:
        return [_kept(item, schema["items"]) for item in value]
    return value
