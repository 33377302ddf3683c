"""Lines as they are printed on pages into headings and paragraphs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from flowkeys.documents.sections import Block, Section

_LIGATURES: Final = str.maketrans(
    {
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
        "ﬅ": "ft",
        "ﬆ": "st",
        "\0": "",
        "\u00ad": "-\u00ad",
    }
)
_BULLET: Final = re.compile(r"[\x7f\u2022\u2023\u25aa\u25ab\u25cf\u25e6\uf0a7\uf0b7]\s*")
_ITEM: Final = re.compile(r"(?:[-*\u2013]|\(?\w{1,3}[.)])\s")
_NUMBERED: Final = re.compile(r"(?:§\s*)?(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+(?![\d,.%€$£])\S.*")
_SENTENCE_END: Final = (".", "!", "?", "\u3002", "\uff01", "\uff1f", "…")
_END: Final = (*_SENTENCE_END, ":", ";")
_LEADER: Final = re.compile(r"(?:\s?\.){4,}\s*")
_PAGE_NUMBER: Final = re.compile(r"[-\u2013 ]*(?:\d{1,4}|[ivxlc]{1,6})[-\u2013 ]*")
_DIGITS: Final = re.compile(r"\d+")
_LARGER: Final = 1.12
_LONGEST_HEADING: Final = 100
_LONGEST_NUMBERED: Final = 70
_FULL: Final = 0.75
"""Of the longest line of a page: what is shorter ends a paragraph, if it ends like one."""
_SHORTEST: Final = 40
"""Characters of a line that may have ended because it was full."""
_WIDE: Final = "\u2e80"
"""From here on, scripts that put no space between words (and some that do, in Korea)."""
_REPEATED_PAGES, _REPEATED_SHARE = 3, 0.6


class Line(msgspec.Struct):
    """A line, the height of its letters in points, and whether they are bold."""

    text: str
    size: float = 0.0
    bold: bool = False


def sections(pages: Sequence[Sequence[Line]]) -> list[Section]:
    """Return the sections of each page under its number and the headings that are above them.

    Lines that most pages repeat are left out: they are the pages' own headings and numbers.
    """
    cleaned = [[_clean(line) for line in page] for page in pages]
    repeated = _repeated(cleaned)
    kept = [
        _without_number([line for line in page if _DIGITS.sub("#", line.text) not in repeated])
        for page in cleaned
    ]
    body = _body_size(kept)
    sizes = sorted({line.size for page in kept for line in page if line.size >= _LARGER * body}, reverse=True)
    found: list[Section] = []
    above: list[tuple[int, str]] = []
    is_told = True  # whether something stands under the last heading
    for number, page in enumerate(kept, 1):
        held: list[Line] = []
        longest = max((len(line.text) for line in page), default=0)
        for at, line in enumerate(page):
            level = _level(page, at, body, sizes)
            if level is None:
                held.append(line)
                continue
            blocks = _section(number, above, held, longest)
            if not blocks and above and level <= above[-1][0] and not is_told:  # a title that is all there is
                blocks = [Section((f"Page {number}", *(title for _, title in above)), ())]
            found += blocks
            held, is_told = [], False
            above = [*(heading for heading in above if heading[0] < level), (level, line.text)]
        rest = _section(number, above, held, longest)
        is_told = is_told or bool(rest)
        found += rest
    if not is_told:
        found.append(Section((f"Page {len(pages)}", *(title for _, title in above)), ()))
    return found


def _section(number: int, above: list[tuple[int, str]], lines: list[Line], longest: int) -> list[Section]:
    blocks = tuple(Block("text", paragraph) for paragraph in _paragraphs(lines, longest))
    return [Section((f"Page {number}", *(title for _, title in above)), blocks)] if blocks else []


def _clean(line: Line) -> Line:
    text = _LEADER.sub(" … ", " ".join(line.text.translate(_LIGATURES).split()))
    return Line(_BULLET.sub("- ", text, count=1) if _BULLET.match(text) else text, line.size, line.bold)


def _without_number(lines: list[Line]) -> list[Line]:
    """Return the lines of a page without its number, above or below."""
    filled = [at for at, line in enumerate(lines) if line.text]
    edges = {filled[0], filled[-1]} if len(filled) > 1 else set()
    numbers = {at for at in edges if _PAGE_NUMBER.fullmatch(lines[at].text)}
    return [line for at, line in enumerate(lines) if at not in numbers]


def _repeated(pages: Sequence[Sequence[Line]]) -> set[str]:
    """Return the first and last lines that most pages have, with # for numbers."""
    edges: Counter[str] = Counter()
    for page in pages:
        filled = [line.text for line in page if line.text]
        edges.update({_DIGITS.sub("#", text) for text in (*filled[:2], *filled[-2:])})
    least = max(_REPEATED_PAGES, _REPEATED_SHARE * len(pages))
    return {text for text, times in edges.items() if times >= least}


def _body_size(pages: Sequence[Sequence[Line]]) -> float:
    """Return the size in which most letters are."""
    letters: Counter[float] = Counter()
    for page in pages:
        for line in page:
            letters[line.size] += len(line.text)
    return letters.most_common(1)[0][0] if letters else 0.0


def _level(page: Sequence[Line], at: int, body: float, sizes: list[float]) -> int | None:
    """Return the level of a heading, from 0; None for a line of text."""
    line = page[at]
    if not 1 < len(line.text) <= _LONGEST_HEADING or not any(map(str.isalpha, line.text)) or "…" in line.text:
        return None
    following = next((other for other in page[at + 1 :] if other.text), None)
    if line.size >= _LARGER * body > 0:
        return sizes.index(line.size)
    numbered = _NUMBERED.fullmatch(line.text)
    if line.text.endswith((*_END, ",")) or following is None or line.text.startswith("- "):
        return None
    before = next((other.text for other in reversed(page[:at]) if other.text), "")
    stands_alone = not before or before.endswith(_END) or page[at - 1].text == ""
    if not stands_alone:
        return None
    if line.bold and not following.bold:
        return len(sizes) + (numbered[1].count(".") if numbered else 0)
    if numbered is None or len(line.text) > _LONGEST_NUMBERED or _NUMBERED.fullmatch(following.text):
        return None
    return len(sizes) + 1 + numbered[1].count(".") if len(following.text) > len(line.text) else None


def _paragraphs(lines: Sequence[Line], longest: int) -> Iterator[str]:
    """Yield paragraphs, whose lines are one text again; a word that a line's end divides is whole."""
    held = ""
    last = ""
    for line in lines:
        text = line.text
        ended = not text or (last.endswith(_SENTENCE_END) and len(last) < _FULL * longest)
        if ended and held:
            yield held
            held = ""
        if text:
            held = _joined(held, text, longest, last)
        last = text
    if held:
        yield held


def _joined(held: str, text: str, longest: int, last: str) -> str:
    if not held:
        return text
    if held.endswith("-\u00ad"):
        return held[:-2] + text
    if held.endswith("-") and held[-2:-1].isalpha() and text[0].isalpha():
        return (held[:-1] if text[0].islower() else held) + text
    wide = last[-1] >= _WIDE and text[0] >= _WIDE
    is_full = len(last) >= max(_FULL * longest, _SHORTEST // 3 if wide else _SHORTEST)
    wraps = text[0].islower() or (is_full and not last.endswith(_END) and "…" not in last)
    if not wraps or _ITEM.match(text):
        return f"{held}\n{text}"
    return f"{held}{text}" if wide else f"{held} {text}"
