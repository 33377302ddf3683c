"""The form that a chatflow starts with, read from its graph so that people can fill it in."""

import asyncio
from typing import Any, Final, Literal

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.graph.reading import is_too_large

PREFIX: Final = "form."
"""What the form's fields are called on the page: as errors name them."""
_FIELDS: Final = 50
_OPTIONS: Final = 200
_KINDS: Final[dict[str, Literal["text", "number", "boolean", "options"]]] = {
    "string": "text",
    "number": "number",
    "boolean": "boolean",
    "options": "options",
}


class StartField(msgspec.Struct, frozen=True):
    """One field."""

    name: str
    label: str
    kind: Literal["text", "number", "boolean", "options"]
    options: tuple[str, ...] = ()


class StartForm(msgspec.Struct, frozen=True):
    """The form. `odd` holds what is asked for in a way that a page has no field for."""

    title: str
    description: str
    fields: tuple[StartField, ...]
    odd: tuple[str, ...]


async def start_form(flow_data: str) -> StartForm | None:
    """Return the form that a chatflow starts with; None when it starts with a question.

    A graph that is too large to be drawn is not read for its form either.
    """
    # In a thread: a graph may be large, and nobody else should wait for it.
    return await asyncio.to_thread(_read, flow_data)


def _read(flow_data: str) -> StartForm | None:
    if is_too_large(flow_data):
        return None
    try:
        flow = msgspec.json.decode(flow_data)
        data = next(
            node["data"] for node in flow["nodes"] if node.get("data", {}).get("name") == "startAgentflow"
        )
        inputs = data["inputs"]
        if inputs.get("startInputType") != "formInput":
            return None
        rows = [row for row in inputs.get("formInputTypes") or () if isinstance(row, dict)]
    except (msgspec.DecodeError, RecursionError, StopIteration, AttributeError, KeyError, TypeError):
        return None
    fields, odd = [], []
    for row in rows[:_FIELDS]:
        name, kind = row.get("name"), _KINDS.get(_text(row.get("type")) or "string")
        if isinstance(name, str) and name and kind is not None:
            fields.append(StartField(name, _text(row.get("label")) or name, kind, _options(row)))
        else:
            odd.append(_text(row.get("label")) or _text(name) or "a field without a name")
    return StartForm(
        _text(inputs.get("formTitle")), _text(inputs.get("formDescription")), (*fields,), (*odd,)
    )


def filled_in(form: StartForm, sent: Form) -> dict[str, Any]:
    """Return what was filled in, by the names that the chatflow knows."""
    values: dict[str, Any] = {}
    for field in form.fields:
        name = PREFIX + field.name
        values[field.name] = sent.has(name) if field.kind == "boolean" else sent.text(name)
    return values


def lacking(form: StartForm | None, sent: Form) -> InvalidInput | None:
    """Return what a person has to fill in yet: a page asks for all of it, though callers may leave it out."""
    if form is None:
        if sent.text("question").strip():
            return None
        return InvalidInput.of("question", "Ask something.")
    empty = [
        FieldError(f"form.{field.name}", f"{field.label} is missing.")
        for field in form.fields
        if field.kind != "boolean" and not sent.text(PREFIX + field.name).strip()
    ]
    return InvalidInput(*empty) if empty else None


def _options(row: dict[str, Any]) -> tuple[str, ...]:
    given = row.get("addOptions")
    items = given[:_OPTIONS] if isinstance(given, list) else []
    return tuple(text for item in items if isinstance(item, dict) and (text := _text(item.get("option"))))


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) else ""
