"""MDX without its programs: imports, exports, expressions and the tags of components (https://mdxjs.com/docs)."""

import re
from collections.abc import Iterator
from typing import Final

_FENCE: Final = re.compile(r"[ \t]*(`{3,}|~{3,})[^\n]*")
_PROGRAM: Final = re.compile(
    r"import\b\s*(?:[\w*{].*\bfrom\b|[\"'])|import\s*\{|export\s+(?:const|let|var|default|function|class|async|\{|\*)"
)
_COMMENT: Final = re.compile(r"\{/\*.*?\*/\}", re.DOTALL)
_STRING: Final = re.compile(r"""\{\s*(["'`])([^"'`{}\n]*)\1\s*\}""")
_TAG: Final = re.compile(r"</?([A-Za-z][\w.-]*|(?=>))")
_SAYS: Final = re.compile(
    r"""\s(?:title|label|header|heading|summary|caption|question|alt)\s*=\s*\{?\s*(?:"([^"]*)"|'([^']*)')""",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")
_LONGEST_TAG: Final = 5_000
_LONGEST_PROGRAM: Final = 500
_PAIRS: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def without(text: str) -> str:
    """Return a text in MDX as Markdown; what the attributes of components say to readers is kept."""
    parts = (part if is_code else _prose(part) for is_code, part in _parts(text.split("\n")))
    return "\n".join(parts)


def _parts(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Yield pieces of code and what is between them; code within components is moved to the margin."""
    held: list[str] = []
    at = 0
    while at < len(lines):
        if fence := _FENCE.fullmatch(lines[at]):
            yield False, "\n".join(held)
            held = []
            indent = len(lines[at]) - len(lines[at].lstrip())
            end = at + 1
            while end < len(lines) and not lines[end].strip().startswith(fence[1]):
                end += 1
            in_list = indent <= 4 and _follows_list(lines, at)  # noqa: PLR2004
            code = lines[at : end + 1]
            yield True, "\n".join(code if in_list else (line[min(indent, _indent(line)) :] for line in code))
            at = end + 1
        elif _PROGRAM.match(lines[at]):
            at = _end_of_program(lines, at)
        else:
            held.append(lines[at])
            at += 1
    yield False, "\n".join(held)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _follows_list(lines: list[str], at: int) -> bool:
    """Whether an indented piece of code is part of a list's item above it."""
    for line in reversed(lines[max(0, at - 50) : at]):
        if _ITEM.match(line):
            return True
        if line.strip() and not line.startswith(" "):
            return False
    return False


def _end_of_program(lines: list[str], at: int) -> int:
    """Return the number of the line after a program, which ends before a blank line outside of brackets."""
    depth = 0
    for end in range(at, min(len(lines), at + _LONGEST_PROGRAM)):
        if depth <= 0 and not lines[end].strip():
            return end
        depth += sum(_PAIRS.get(character, 0) for character in lines[end])
    return at + 1


def _prose(text: str) -> str:
    text = _COMMENT.sub("", text)
    kept: list[str] = []
    start = 0
    code = [found.span() for found in _CODE.finditer(text)]
    for tag in _TAG.finditer(text):
        if tag.start() < start or any(
            first <= tag.start() < last for first, last in _near(code, tag.start())
        ):
            continue
        end = _end_of_tag(text, tag.end())
        if end is None:
            continue
        kept += [text[start : tag.start()], _replacement(text, tag, end)]
        start = end
    lines = _STRING.sub(r"\2", "".join((*kept, text[start:]))).split("\n")
    return "\n".join(_at_margin(lines))


def _near(code: list[tuple[int, int]], at: int) -> list[tuple[int, int]]:
    while code and code[0][1] <= at:
        code.pop(0)
    return code[:1]


def _end_of_tag(text: str, start: int) -> int | None:
    """Return where a tag ends, past strings and expressions; None where it does not."""
    depth, quote = 0, ""
    for at in range(start, min(len(text), start + _LONGEST_TAG)):
        character = text[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
        elif character in "{}":
            depth += 1 if character == "{" else -1
        elif character == ">" and depth <= 0:
            return at + 1
        elif character == "<" and depth <= 0:
            return None
    return None


def _replacement(text: str, tag: re.Match[str], end: int) -> str:
    name, whole = tag[1], text[tag.start() : end]
    if name and name[0].islower() and "." not in name:
        if "{" not in whole:
            return whole  # HTML, for whoever reads that
        return f"</{name}>" if whole.startswith("</") else f"<{name}>"
    said = _SAYS.search(whole)
    title = (said[1] or said[2] or "").strip() if said else ""
    line = text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()]
    if not title:
        return ""
    return f"\n\n**{title}**\n\n" if not line.strip() else f"{title} "


def _at_margin(lines: list[str]) -> Iterator[str]:
    """Yield lines without the indent that their place in components gave them; lists keep theirs."""
    margin: int | None = None  # of the list that the line is in
    for line in lines:
        indent = _indent(line)
        if margin is None and _ITEM.match(line):
            margin = indent
        elif line.strip() and margin is not None and indent <= margin and not _ITEM.match(line):
            margin = None
        yield line[indent if margin is None else min(indent, margin) :]
