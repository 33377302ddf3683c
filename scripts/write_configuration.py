"""``python scripts/write_configuration.py``: write the table of settings in docs/configuration.md.

What each is unless set, and what it means, comes from `flowkeys.config`. The order of the rows, and all
that is around the table, is the page's and stays; a new setting is put at the end, to be moved to where it
belongs.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticUndefined

from flowkeys.config import PREFIX, Settings

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
_HEAD: Final = "| variable | default | meaning |\n|---|---|---|\n"
_TABLE: Final = re.compile(re.escape(_HEAD) + r"((?:\|.*\n)*)")
_NAME: Final = re.compile(rf"^\| `{PREFIX}(\w+)` \|", re.MULTILINE)


def whole(page: str) -> str:
    """Return the page with the table as it has to be.

    Raises:
        ValueError: it has no such table.
    """
    found = _TABLE.search(page)
    if found is None:
        raise ValueError(f"{PAGE.name} has no table of settings: its head is {_HEAD!r}")
    there = [name.lower() for name in _NAME.findall(found[1])]
    order = [name for name in dict.fromkeys(there) if name in Settings.model_fields]
    order += [name for name in Settings.model_fields if name not in order]
    return page[: found.start()] + _HEAD + "".join(map(_row, order)) + page[found.end() :]


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    if not field.description or "|" in field.description:
        raise ValueError(
            f"{name}: its description is a cell of a table: it needs some words, and no | in them"
        )
    return f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |\n"


def _shown(default: Any) -> str:
    if default in (None, (), {}, PydanticUndefined):
        return "none"
    return f"`{json.dumps(default) if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    PAGE.write_text(whole(PAGE.read_text("utf-8")), "utf-8")
