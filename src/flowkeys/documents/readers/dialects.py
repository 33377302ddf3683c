"""What site generators add to Markdown, taken out or made plain: the rest is Markdown as everybody writes it.

MkDocs and Python-Markdown (attribute lists, ``!!! note``, ``=== "Tab"``), Docusaurus, VitePress, MyST and
Pandoc (``:::note``), Hugo, Jekyll and GitBook (``{% … %}``, ``{{< … >}}``), and MDX, with what `jsx` does.
Pieces of code are left as they are.
"""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from flowkeys.documents.readers import jsx

_FENCE: Final = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)")
_INDENTED: Final = re.compile(
    r"([ \t]*)(?:!!!|\?\?\?\+?|===[!+]?)[ \t]+(?:[\w -]*?[ \t]*\"(.*)\"|[\w -]+)[ \t]*"
)
_DIRECTIVE: Final = re.compile(r"([ \t]*)(:{3,})[ \t]*(?P<rest>.*)")
_MYST: Final = re.compile(
    r"\{(?:admonition|note|tip|hint|important|warning|caution|attention|danger|error|seealso|dropdown|topic"
    r"|sidebar|card|tab-item|tab-set|grid|grid-item|grid-item-card|details|epigraph|margin)\}(.*)"
)
_ATTRIBUTES_ALONE: Final = re.compile(r"[ \t]*\{:?[ \t]*(?:[.#:]|\w+[ \t]*=|toc\b)[^{}]*\}[ \t]*")
_ATTRIBUTES_BEHIND: Final = re.compile(
    r"(\]\([^()\n]*\)|\]\[[^\[\]\n]*\])\{:?[ \t]*(?:[.#:][\w-]|[\w-]+[ \t]*=)[^{}\n]*\}"
    r"|([\]*])\{:?[ \t]*[.#][A-Za-z][^{}\n]*\}"
)
"""Of links, pictures, spans and emphasis: ``[Start](a.md){ .md-button }``. Formulas have braces, too."""
_ATTRIBUTES_OF_CODE: Final = re.compile(r"\A\{:?[ \t]*(?:[.#][A-Za-z]|=\w)[^{}\n]*\}")
"""Behind a piece of code: ``{.python}``, and Pandoc's ``{=html}``."""
_CODE: Final = re.compile(r"(`+[^`]+`+)")
_MARKER: Final = re.compile(
    r"[ \t]*(?:\[TOC\]|\[\[_?toc_?\]\]|\[\[_TOC_\]\]|;?--8<--.*|\\(?:newpage|pagebreak|clearpage)"
    r"|\{%.*%\}|\{\{[<%].*[>%]\}\})[ \t]*",
    re.IGNORECASE,
)
_TITLE: Final = re.compile(
    r"""\b(?:title|name|tabname|label|header|summary)\s*=\s*["']([^"']+)["']""", re.IGNORECASE
)
_FOOTNOTE: Final = re.compile(r"(\[\^[^\]\s]{1,80}\]):(?=[ \t])")
_OPTION: Final = re.compile(r"[ \t]*:[\w-]+:(?:[ \t].*)?")
_IN_BRACKETS: Final = re.compile(r"[\w-]*\[([^\]]*)\]")
_IN_BRACES: Final = re.compile(r"\{[^{}]*\}")

_HEADING_END: Final = re.compile(
    r"""[ \t]*(?:\{:?[ \t]*(?:[.#:-]|\w[\w-]*[ \t]*=)[^{}]*\}|\{/\*.*?\*/\}|<!--.*?-->|¶)[ \t]*\Z"""
)
_ICON: Final = re.compile(r":(?:material|octicons|fontawesome|simple)-[\w-]+:(?:\{[^{}]*\})?[ \t]*")


def plain(text: str, *, with_jsx: bool = False) -> str:
    """Return a text in Markdown alone; with components of MDX taken out as well."""
    lines = jsx.without(text).split("\n") if with_jsx else text.split("\n")
    return "\n".join(_plain(lines))


def heading(markup: str) -> str:
    """Return a heading without its id, classes and icons."""
    markup = _ICON.sub("", markup)
    while (shorter := _HEADING_END.sub("", markup)) != markup:
        markup = shorter
    return markup


def _plain(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.fullmatch(line):
            end = _end_of_fence(lines, at, fence[2])
            if myst := _MYST.fullmatch(fence[3].strip()):
                yield from _titled(fence[1], myst[1].strip(), _without_options(lines[at + 1 : end]))
            else:
                yield from lines[at : end + 1]
            at = end + 1
        elif found := _INDENTED.fullmatch(line):
            end = _end_of_indented(lines, at + 1, len(found[1].expandtabs(4)))
            yield from _titled(found[1], found[2] or "", _dedented(lines[at + 1 : end], found[1]))
            at = end
        else:
            yield from _line(line)
            at += 1


def _line(line: str) -> Iterator[str]:
    """Yield what is left of a line outside of code."""
    if directive := _DIRECTIVE.fullmatch(line):
        if title := _title(directive["rest"]):
            yield from ("", f"{directive[1]}**{title}**")
        yield ""
    elif _MARKER.fullmatch(line):
        said = _TITLE.search(line)
        yield from ("", f"**{said[1]}**", "") if said else ("",)
    elif _ATTRIBUTES_ALONE.fullmatch(line):
        return
    else:
        line = _without_attributes(line) if "{" in line else line
        yield _FOOTNOTE.sub(r"\1", line, count=1) if line.startswith("[^") else line


def _without_attributes(line: str) -> str:
    pieces = _CODE.split(line)
    pieces[::2] = [_ATTRIBUTES_BEHIND.sub(r"\1\2", piece) for piece in pieces[::2]]
    pieces[2::2] = [_ATTRIBUTES_OF_CODE.sub("", piece) for piece in pieces[2::2]]
    return "".join(pieces)


def _title(rest: str) -> str:
    """Return the title where a directive begins: ``tip Title``, ``note[Title]``, ``{note} Title``."""
    if said := _TITLE.search(rest):
        return said[1]
    if bracketed := _IN_BRACKETS.match(rest):
        return bracketed[1].strip()
    if rest.startswith("{"):
        return _IN_BRACES.sub("", rest).strip()
    return _IN_BRACES.sub("", rest.partition(" ")[2]).strip(" :")


def _titled(indent: str, title: str, body: list[str]) -> Iterator[str]:
    yield ""
    if title:
        yield from (f"{indent}**{title}**", "")
    yield from _plain(body)
    yield ""


def _end_of_fence(lines: list[str], start: int, fence: str) -> int:
    """Return the number of the line that ends a piece of code, or the one after all."""
    for at in range(start + 1, len(lines)):
        line = lines[at].strip()
        if len(line) >= len(fence) and line == fence[0] * len(line):
            return at
    return len(lines)


def _end_of_indented(lines: list[str], start: int, indent: int) -> int:
    at = end = start
    while at < len(lines):
        line = lines[at].expandtabs(4)
        if line.strip():
            if len(line) - len(line.lstrip()) < indent + 4:
                break
            end = at + 1
        at += 1
    return end


def _dedented(lines: list[str], indent: str) -> list[str]:
    body = textwrap.dedent("\n".join(line.expandtabs(4) for line in lines))
    return textwrap.indent(body, indent).split("\n")


def _without_options(lines: list[str]) -> list[str]:
    while lines and _OPTION.fullmatch(lines[0]):
        lines = lines[1:]
    return lines
