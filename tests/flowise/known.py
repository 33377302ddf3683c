"""What is known to differ from Flowise so far: a list that only gets shorter."""

from collections.abc import Iterable, Mapping
from pathlib import Path

FILE = Path(__file__).with_name("known.txt")
_HEAD = """\
# Requests whose answers differ from Flowise's, by the names of their recordings: a form and the numbers of
# the requests. Take off what begins to agree, add nothing: `python -m tests.flowise --write` does it.
"""


def known() -> Mapping[str, frozenset[str]]:
    """Return the names of exchanges that differ, by their recording."""
    return dict(_line(line) for line in FILE.read_text("utf-8").splitlines() if line and line[0] != "#")


def write(differing: Mapping[str, Iterable[str]]) -> None:
    """Store the list."""
    lines = []
    for recording, names in sorted(differing.items()):
        forms: dict[str, list[str]] = {}
        for name in names:
            form, number = name.split(" ")
            forms.setdefault(form, []).append(number)
        if forms:
            lines.append(f"{recording}: " + "; ".join(f"{form} {' '.join(n)}" for form, n in forms.items()))
    FILE.write_text(_HEAD + "".join(f"{line}\n" for line in lines), "utf-8")


def _line(line: str) -> tuple[str, frozenset[str]]:
    recording, _, rest = line.partition(": ")
    names = set()
    for part in rest.split("; "):
        form, *numbers = part.split(" ")
        names.update(f"{form} {number}" for number in numbers)
    return recording, frozenset(names)
