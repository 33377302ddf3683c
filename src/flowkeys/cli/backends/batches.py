"""Importing many files in parts: one upload takes a limited number, a folder may hold more."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from flowkeys.domain.errors import FieldError, FlowkeysError, InvalidInput, TooLarge

FILES: Final = 200
BYTES: Final = 8 * 1024 * 1024

File = tuple[str, bytes]
Report = dict[str, Any]


def in_batches(files: Iterable[File], add: Callable[[list[File]], Report]) -> Report:
    """Add files part by part and return what became of all of them.

    Raises:
        InvalidInput: there was no file, or none could be taken.
    """
    total: Report = {"added": 0, "replaced": 0, "unchanged": 0, "passages": 0, "refused": []}
    remaining = iter(files)
    seen = False
    while batch := _batch(remaining):
        seen = True
        try:
            report = add(batch)
        except (InvalidInput, TooLarge) as error:  # every file of this part was refused
            report = {"refused": _errors(error)}
        _merge(total, report)
    if not seen:
        raise InvalidInput.of("--docs", "The folder holds no document that can be read.")
    if not (total["added"] or total["replaced"] or total["unchanged"]):
        raise InvalidInput(*(FieldError(**item) for item in total["refused"]))
    return total


def _merge(total: Report, report: Report) -> None:
    for name in ("added", "replaced", "unchanged", "passages"):
        total[name] += report.get(name, 0)
    total["refused"] += [
        item if isinstance(item, dict) else {"field": item.field, "message": item.message}
        for item in report.get("refused", ())
    ]


def _batch(files: Iterable[File]) -> list[File]:
    batch: list[File] = []
    size = 0
    for file in islice(files, FILES):
        batch.append(file)
        size += len(file[1])
        if size >= BYTES:
            break
    return batch


def _errors(error: FlowkeysError) -> list[FieldError]:
    if isinstance(error, InvalidInput):
        return list(error.errors)
    return [FieldError("files", str(error))]
