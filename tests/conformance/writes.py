"""Every method of the services that writes, as their code has them."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.architecture.tree import SOURCE

_SERVICES: Final = SOURCE / "service"
_STORES: Final = {"store", "_store"}
_WRITES: Final = {"write", "add_messages"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def all_writes() -> set[str]:
    """Return ``Class.method``, or a function's name: whatever writes to the store, also by another."""
    return {name for path in _SERVICES.rglob("*.py") for name in _of(ast.parse(path.read_text("utf-8")))}


def _of(module: ast.Module) -> Iterator[str]:
    for item in module.body:
        if isinstance(item, ast.ClassDef):
            methods = {each.name: each for each in item.body if isinstance(each, Function)}
            yield from (f"{item.name}.{name}" for name in _writing(methods) if not name.startswith("_"))
        elif isinstance(item, Function) and _writing({item.name: item}) and not item.name.startswith("_"):
            yield item.name


def _writing(functions: dict[str, Function]) -> set[str]:
    uses = {name: list(_attributes(function)) for name, function in functions.items()}
    found = {
        name for name, used in uses.items() if any(of in _STORES and what in _WRITES for of, what in used)
    }
    while (
        more := {
            name for name, used in uses.items() if any(of == "self" and what in found for of, what in used)
        }
        - found
    ):
        found |= more
    return found


def _attributes(function: Function) -> Iterator[tuple[str, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            of = node.value
            yield (of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")), node.attr
