"""Which page of a list an address asks for."""

from typing import Final

from starlette.datastructures import QueryParams

_PAGE_DIGITS: Final = 9


def page_number(asked: QueryParams) -> int:
    """Return which page an address asks for; the first, when it says nothing that makes sense."""
    text = asked.get("page", "")
    makes_sense = text.isascii() and text.isdigit() and len(text) <= _PAGE_DIGITS
    return max(1, int(text)) if makes_sense else 1
