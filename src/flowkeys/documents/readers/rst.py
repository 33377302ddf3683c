"""reStructuredText, read by docutils, which opens no other file and takes no raw text here.

Sphinx and others add directives and roles of their own. Those that docutils does not know are read for what
they show: the arguments, the text within, the title of a reference.
"""

import contextlib
import html
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives, roles
from docutils.writers.html5_polyglot import HTMLTranslator, Writer

from flowkeys.documents.readers.html import page
from flowkeys.documents.sections import Section, by_heading

_SETTINGS: Final = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "line_length_limit": 1_000_000,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "footnote_backlinks": False,
    "toc_backlinks": False,
}
_REFERENCE: Final = re.compile(r"(.+?)\s*<([^<>]*)>", re.DOTALL)
_NO_TEXT: Final = frozenset(
    {
        "toctree", "index", "highlight", "currentmodule", "py:currentmodule", "module", "default-domain",
        "include", "literalinclude", "tabularcolumns", "contents", "sectnum", "meta", "raw", "rst-class",
        "role", "default-role", "title",
    }
)  # fmt: skip
_CODE: Final = frozenset(
    {
        "code",
        "code-block",
        "sourcecode",
        "parsed-literal",
        "testcode",
        "testoutput",
        "ipython",
        "prompt",
        "doctest",
    }
)
_DESCRIBED: Final = re.compile(
    r"(?:\w+:)?(?:function|class|method|attribute|data|exception|module|option|envvar|confval|classmethod"
    r"|staticmethod|property|decorator|describe|object|type|macro|member|var|struct|enum|cmdoption|setting)"
)
_CHANGES: Final = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}


def sections(text: str) -> list[Section]:
    """Return the sections of a text by its titles."""
    with _lenient():
        parts = publish_parts(text, writer=_Writer(), settings_overrides=_SETTINGS)
    return list(by_heading(page.items(parts["html_body"])))


class _Translator(HTMLTranslator):  # type: ignore[misc]
    """Writes code as pages do."""

    def visit_literal(self, node: Any) -> None:
        """Write a piece of code within a line."""
        self.body.append(f"<code>{html.escape(node.astext())}</code>")
        raise nodes.SkipNode

    def visit_literal_block(self, node: Any) -> None:
        """Write a piece of code with its language."""
        language = html.escape(node.get("language", ""))
        self.body.append(f'<pre data-lang="{language}">\n{html.escape(node.astext())}</pre>')
        raise nodes.SkipNode


class _Writer(Writer):  # type: ignore[misc]
    """The writer of HTML 5, with this translator."""

    def __init__(self) -> None:
        super().__init__()
        self.translator_class = _Translator


class _AnyOption(dict[str, Any]):
    """Options of whatever name, taken as they are."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class _Unknown(Directive):  # type: ignore[misc]
    """A directive that docutils does not know."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = _AnyOption({"class": directives.unchanged})

    def run(self) -> list[Any]:
        """Return what it shows."""
        if self.name in _NO_TEXT:
            return []
        if self.name in _CODE:
            text = "\n".join(self.content)
            return [nodes.literal_block(text, text, language=" ".join(self.arguments))]
        container = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, container)
        lead = " ".join((_CHANGES.get(self.name, ""), *self.arguments)).strip()
        if not lead:
            return list(container.children)
        if _DESCRIBED.fullmatch(self.name):
            term = nodes.term(lead, lead, classes=["sig"])
            item = nodes.definition_list_item("", term, nodes.definition("", *container.children))
            return [nodes.definition_list("", item)]
        inline, messages = self.state.inline_text(lead, self.lineno)
        return [nodes.paragraph(lead, "", *inline), *container.children, *messages]


def _unknown_role(
    _name: str, rawtext: str, text: str, _lineno: int, _inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return the title of a reference, or its target without the sign that shortens it."""
    named = _REFERENCE.fullmatch(text)
    if named:
        return [nodes.inline(rawtext, named[1])], []
    short = text.removeprefix("!")
    if short.startswith("~"):
        short = short[1:].rsplit(".", 1)[-1]
    return [nodes.literal(rawtext, short)], []


@contextlib.contextmanager
def _lenient() -> Iterator[None]:
    """Let docutils find a directive and a role for every name, as Sphinx does it too."""
    find_directive: Callable[..., Any] = directives.directive
    find_role: Callable[..., Any] = roles.role

    def directive(name: str, *rest: Any) -> tuple[Any, list[Any]]:
        if name in _NO_TEXT or name in _CODE:
            return _Unknown, []
        found, messages = find_directive(name, *rest)
        if found is None:
            return _Unknown, []
        options = _AnyOption(found.option_spec or {"class": directives.class_option})
        return type(found.__name__, (found,), {"option_spec": options}), messages

    def role(name: str, *rest: Any) -> tuple[Any, list[Any]]:
        found, messages = find_role(name, *rest)
        return (found, messages) if found is not None else (_unknown_role, [])

    directives.directive, roles.role = directive, role
    try:
        yield
    finally:
        directives.directive, roles.role = find_directive, find_role
