"""Prompts in the HTML of Flowise's editor, as Markdown.

The parser behind takes minutes over a page of tags that are begun and not ended, and gives some texts up.
It is only given tags that are whole; any other ``<`` is text. White space without end counts as one line end.
"""

import re

_EDITOR = re.compile(r"\s*+<(?:p|div|h[1-6]|ul|ol|blockquote|pre|table)\b", re.IGNORECASE)
# What begins with "<" and goes on to the next one at most: each character is looked at once.
_COMMENT = re.compile(r"<!--(?:[^<-]|-(?!->))*+-->")
_TEXT = re.compile(
    r"""<(?!/?[a-z][a-z0-9-]{0,30}+"""
    r"""(?:\s++[a-z_:][\w:.-]{0,100}+(?:=(?:"[^"<]*+"|'[^'<]*+'|[^\s<>"'=`]++))?+)*+\s*+/?>)""",
    re.IGNORECASE,
)
_BLANK = re.compile(
    r"(?:\s|&(?:Tab|NewLine|#0{0,9}(?:9|10|13|32)|#x0{0,9}(?:9|a|d|20));?){200,}+", re.IGNORECASE
)


def is_html(text: str) -> bool:
    """Tell whether Flowise's editor wrote a text; tags further on in a plain prompt are its author's."""
    return _EDITOR.match(text) is not None


def to_markdown(html: str) -> str:
    """Return the HTML of the editor as Markdown. Never raises: what cannot be converted is left as it is."""
    from justhtml import JustHTML

    from flowkeys.flows.graph import markdown, page

    whole = _BLANK.sub("\n", _TEXT.sub("&lt;", _COMMENT.sub("", html)))
    try:
        return markdown.write(page.read(JustHTML(whole, fragment=True, sanitize=False).root))
    except Exception:  # noqa: BLE001  # thousands of nested tags, or whatever else no editor made
        return html
