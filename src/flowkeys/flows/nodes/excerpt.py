"""The part of a passage that answers a question: short enough to be read, and Markdown as the passage is."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from flowkeys.domain.documents.folding import bare, fold, plain, words

LENGTH: Final = 600
"""Characters of an excerpt, about."""

_CUT: Final = "…"
_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。\uff01\uff1f])")
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
)
_GOES_ON: Final = re.compile(r"\s{0,3}(?!\S+:\s|\*\s)([^\W\d_]|[`*(\"'\u2018\u201c\u201e\xab])")
"""Lines that may be the middle of a sentence, and are no entry of a list, a log or names with values."""
_LINED: Final = re.compile(r"\s*([|>]|`{3}|~{3})")
"""Lines of what is made of lines: tables, quotations, code."""
_BREAK: Final = re.compile(r"(  |\\)$")
_WRAPPED, _FULL = 60, 0.75
"""Characters of the longest line from which on a paragraph is wrapped, and the share of it that is full."""
_ENDING, _STEM = 2, 4
"""Letters in which forms of a word differ, and those that are kept in any case."""


def excerpt(content: str, question: str, length: int = LENGTH) -> str:
    """Return the blocks of a passage that have most of what was asked, in their order; all of a short one."""
    content = content.strip()
    blocks = [_unwrapped(block) for block in _blocks(content)]
    if len(content) <= length:
        return "\n\n".join(blocks)
    roots = _roots(question)
    first, last = _window(blocks, _scores(blocks, roots), length)
    chosen = blocks[first : last + 1]
    if len(chosen) == 1 and len(chosen[0]) > length:
        chosen = [_shortened(chosen[0], roots, length)]
    before = [_CUT] if first and not _follows(blocks[first]) else []
    return "\n\n".join([*before, *chosen, *([_CUT] if last + 1 < len(blocks) else [])])


def _unwrapped(block: str) -> str:
    """Join the lines of a paragraph that end only because they were full, since a line end is shown as one.

    A line was full when the first word of the next had hardly room in it, by the longest line there is.
    Short lines, those of an address for example, stay, and so do tables, quotations and code.
    """
    lines = block.split("\n")
    width = max(map(len, lines))
    if len(lines) == 1 or width < _WRAPPED or any(_LINED.match(line) for line in lines):
        return block
    joined = lines[0]
    for before, line in itertools.pairwise(lines):
        was_full = len(before) + 1 + len(line.split(maxsplit=1)[0]) > width * _FULL
        if was_full and _goes_on(before, line):
            joined += " " + line.lstrip()
        else:
            joined += "\n" + line
    return joined


def _goes_on(before: str, line: str) -> bool:
    if before.lstrip().startswith("#") or _BREAK.search(before) or _UNSPACED.match(line.lstrip()):
        return False
    return _GOES_ON.match(line) is not None


def _blocks(content: str) -> list[str]:
    """Cut at empty lines, but not inside of code."""
    found: list[list[str]] = [[]]
    fence = ""
    for line in content.splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        if line.strip() or fence:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def _roots(question: str) -> list[str]:
    """Return the beginnings of the words of a question; of scripts without spaces, pairs of letters."""
    found: dict[str, None] = {}
    for word in words(plain(question)):
        folded = bare(word)
        if _UNSPACED.search(folded):
            found |= dict.fromkeys(folded[at : at + 2] for at in range(max(1, len(folded) - 1)))
        else:
            found[folded[: max(_STEM, len(folded) - _ENDING)]] = None
    return list(found)


def _scores(parts: Sequence[str], roots: Sequence[str]) -> list[float]:
    """Return how much of the question each part has: what few parts have counts for more."""
    held = [[root for root in roots if _has(fold(part), root)] for part in parts]
    times = Counter(root for some in held for root in some)
    return [sum(len(root) / times[root] for root in some) for some in held]


def _has(folded: str, root: str) -> bool:
    if _UNSPACED.search(root):
        return root in folded
    return re.search(rf"\b{re.escape(root)}", folded) is not None


def _window(parts: Sequence[str], scores: Sequence[float], length: int) -> tuple[int, int]:
    """Return the first and last part around the best one that fit into `length`; what follows goes before."""
    first = last = max(range(len(parts)), key=lambda at: (scores[at], -at))
    size = len(parts[first])
    if first and _leads_in(parts[first - 1]) and size + len(parts[first - 1]) <= length:
        first -= 1
        size += len(parts[first])
    while last + 1 < len(parts) and size + len(parts[last + 1]) <= length:
        last += 1
        size += len(parts[last])
    while first and size + len(parts[first - 1]) <= length:
        first -= 1
        size += len(parts[first])
    return first, last


def _leads_in(part: str) -> bool:
    return part.rstrip().endswith((":", "\uff1a"))


def _follows(part: str) -> bool:
    """Whether a block is a table or code, before which dots would look like a part of it."""
    return part.lstrip().startswith(("|", "```", "~~~"))


def _shortened(block: str, roots: Sequence[str], length: int) -> str:
    """Return the best rows of a table, lines of code or a list, or sentences of a text."""
    lines = block.split("\n")
    if len(lines) > 1:
        head = lines[:2] if lines[0].lstrip().startswith("|") else lines[:1] if _FENCE.match(lines[0]) else []
        tail = [lines[-1]] if head and _FENCE.match(lines[0]) and _FENCE.match(lines[-1]) else []
        body, glue = lines[len(head) : len(lines) - len(tail)], "\n"
    else:
        head, tail, body, glue = [], [], _SENTENCE.split(block), " "
    first, last = _window(body, _scores(body, roots), length)
    before = [_CUT] if first and not head else []
    after = [_CUT] if last + 1 < len(body) and not head else []
    return glue.join(
        [*head, *before, *(_short(part, length) for part in body[first : last + 1]), *after, *tail]
    )


def _short(part: str, length: int) -> str:
    return part if len(part) <= 2 * length else part[: 2 * length].rpartition(" ")[0] + " " + _CUT
