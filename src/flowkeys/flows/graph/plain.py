"""Texts without their Markdown, as conditions compare them in Flowise."""

import re
from typing import Final

LONGEST: Final = 20_000
"""Characters of a text whose Markdown is taken out; a longer one is compared as it is written."""

_SPAN: Final = ".{0,300}?"
"""What stands between two signs. Bounded, so that signs without end are not looked for again and again."""
_SIGNS: Final = re.compile(r"[*_~`<>#\[=+-]|\d\.")

_LINE: Final = re.MULTILINE
_STEPS: Final = tuple(
    (re.compile(pattern, flags), into)
    for pattern, into, flags in (
        (
            r"^(?:(?:-[ \t]{0,9}){3,99}|(?:\*[ \t]{0,9}){3,99}|(?:_[ \t]{0,9}){3,99})\s{0,99}",
            "",
            _LINE,
        ),  # rules
        (r"^(\s{0,99})(?:[*+-]|\d{1,9}\.)\s{1,99}", r"\1", _LINE),  # items of lists
        (r"\n={2,}", "\n", 0),  # what underlines a heading
        (r"~{3}[^\n]{0,300}\n", "", 0),
        (r"~~", "", 0),
        (r"`{3}[^\n]{0,300}\n", "", 0),  # the first line of a block of code
        (r"<[^>]{0,2000}>", "", 0),
        (r"\A[=-]{2,}\s{0,99}\Z", "", 0),
        (rf"\[\^.{_SPAN}\]", "", 0),  # notes
        (rf"!\[({_SPAN})\][\[(]{_SPAN}[\])]", r"\1", 0),  # images
        (rf"\[([^\]]{{0,300}}?)\][\[(]{_SPAN}[\])]", r"\1", 0),  # links
        (r"^(\n?)\s{0,3}>\s?", r"\1", _LINE),  # quotes
        (
            r"^(\n?)\s{0,99}#{1,6}\s{0,99}?(?: ([^\n]{1,2000}?))?(?: {1,9}#{1,99})?$",
            r"\1\2",
            _LINE,
        ),  # headings
        (rf"(\*{{1,9}})(\S)({_SPAN}\S)??\1", r"\2\3", 0),
        (rf"(^|\W)(_{{1,9}})(\S)({_SPAN}\S)??\2($|\W)", r"\1\3\4\5", 0),
        (rf"(`{{3,9}})({_SPAN})\1", r"\2", 0),
        (rf"`(.{_SPAN})`", r"\1", 0),
        (rf"~({_SPAN})~", r"\1", 0),
    )
)


def without_markdown(text: str) -> str:
    """Return a text without the signs of Markdown and the tags of HTML; white space stays as it is."""
    if len(text) > LONGEST or _SIGNS.search(text) is None:
        return text
    for pattern, into in _STEPS:
        text = pattern.sub(into, text)
    return text
