"""JSON and JSON Lines: what a value says, under the names that lead to it.

A list of objects is a table, each a passage of its own; so is a list of lists, with the names of its columns
in the first of them or beside it. What is nested is a section under the names above it,
or, where it is small, a line: ``address city: Berlin``.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from flowkeys.documents import rows
from flowkeys.documents.refusals import Refused
from flowkeys.documents.sections import Block, Section

_SMALL: Final = 800
"""Characters of an object that is one section whatever is nested in it."""
_DEEPEST: Final = 40
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")
_COLUMNS: Final = ("columns", "headers", "header", "fields", "cols")
_NAMES: Final = ("name", "title", "label", "question", "key", "id")

Path = tuple[str, ...]


def sections(text: str) -> list[Section]:
    """Return the sections of a JSON text; of several values, one a line, those of all.

    Raises:
        Refused: it is not JSON.
    """
    text = text.lstrip("\ufeff")
    try:
        value = _decoded(text)
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2:  # noqa: PLR2004
            raise Refused(f"It is not JSON: {error}") from error
        return line_sections(text)
    return list(_sections((), value))


def line_sections(text: str) -> list[Section]:
    """Return the sections of JSON Lines, a value in each.

    Raises:
        Refused: a line is not JSON; its number is named.
    """
    values = []
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        if line.strip():
            try:
                values.append(_decoded(line))
            except ValueError as error:
                raise Refused(f"It is not JSON, nor is its line {number}: {error}") from error
    return list(_sections((), values))


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return json.loads(text)  # takes NaN, and names line and column


def _sections(path: Path, value: Any) -> Iterator[Section]:
    if len(path) >= _DEEPEST:
        yield Section(path, (Block("text", json.dumps(value, ensure_ascii=False)),))
    elif _is_grid(value):
        yield from rows.sections(map(_cells, value), path)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield from _records(path, value)
    elif isinstance(value, dict):
        yield from _object(path, value)
    elif text := _text(value):
        yield Section(path, (Block("list", text),))


def _is_grid(value: Any) -> bool:
    """Tell whether a value is rows of values, as spreadsheets and data frames write tables."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(row, list) and row and not any(map(_is_nested, row)) for row in value)
        and any(len(row) > 1 for row in value)
    )


def _cells(row: list[Any]) -> list[str]:
    return list(map(_text, row))


def _columns(value: dict[str, Any]) -> tuple[list[str], str] | None:
    """Return the names of the columns that stand beside rows, and under which name those are; or None."""
    for key in _COLUMNS:
        names = value.get(key)
        if not isinstance(names, list) or not names:
            continue
        names = [
            item.get("name", item.get("title", "")) if isinstance(item, dict) else item for item in names
        ]
        for of_rows, rows_ in value.items():
            if isinstance(rows_, list) and all(isinstance(r, list) and len(r) == len(names) for r in rows_):
                return list(map(_text, names)), of_rows
    return None


def _object(path: Path, value: dict[str, Any]) -> Iterator[Section]:
    if table := _columns(value):
        names, key = table
        yield from rows.named_sections(names, map(_cells, value[key]), path)
        value = {name: inner for name, inner in value.items() if name not in {key, "index", *_COLUMNS}}
    lines = dict(_lines("", value))
    if sum(len(name) + len(text) for name, text in lines.items()) <= _SMALL and not _is_table(value):
        if lines:
            yield Section(path, (Block("record", rows.record([*lines], [*lines.values()])),))
        return
    own = {_name(key): _text(inner) for key, inner in value.items() if not _is_nested(inner)}
    if any(own.values()):
        yield Section(path, (Block("record", rows.record([*own], [*own.values()])),))
    for key, inner in value.items():
        if _is_nested(inner):
            yield from _sections((*path, _name(key)), inner)


def _records(path: Path, values: list[Any]) -> Iterator[Section]:
    """Yield the objects of a list as the rows of a table; large ones as sections of their own."""
    flat = [dict(_lines("", value)) if isinstance(value, dict) else {"": _text(value)} for value in values]
    if all(sum(map(len, row.values())) <= 4 * _SMALL for row in flat):
        names = list(dict.fromkeys(name for row in flat for name in row))
        yield from rows.named_sections(names, ([row.get(name, "") for name in names] for row in flat), path)
        return
    for number, value in enumerate(values, 1):
        title = (
            next((str(value[key]) for key in _NAMES if value.get(key)), "") if isinstance(value, dict) else ""
        )
        yield from _sections((*path, title or str(number)), value)


def _is_table(value: dict[str, Any]) -> bool:
    """Whether an object holds several others of one kind, in a list or by name."""
    return any(
        _is_grid(inner) or (isinstance(inner, list) and sum(isinstance(item, dict) for item in inner) > 1)
        for inner in value.values()
    ) or (len(value) > 1 and all(isinstance(inner, dict) for inner in value.values()))


def _is_nested(value: Any) -> bool:
    if isinstance(value, list):
        return _is_grid(value) or any(map(_is_nested, value))
    return isinstance(value, dict)


def _lines(prefix: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of all that is in a value."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _lines(f"{prefix} {_name(key)}".strip(), inner, depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST and any(map(_is_nested, value)):
        for number, inner in enumerate(value, 1):
            yield from _lines(f"{prefix} {number}".strip(), inner, depth + 1)
    else:
        yield prefix, _text(value)


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(key: str) -> str:
    """Return a key as words, as people ask for it: ``deliveryDays`` is delivery Days."""
    return _CAMEL.sub(" ", key).strip() or key
