"""HTML: its text as Markdown, without what is not text. Nothing that a page names is loaded."""

from typing import Final

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from markdownify import MarkdownConverter

from flowkeys.documents import markdown
from flowkeys.documents.decoding import decode
from flowkeys.documents.sections import Section

_NOT_TEXT: Final = (
    "script", "style", "nav", "footer", "noscript", "template", "svg", "math", "iframe", "object", "form",
    "button", "head", "title",
)  # fmt: skip
_MARKS: Final = ".headerlink, .anchor-link, [hidden], [aria-hidden=true]"


def sections(content: bytes) -> list[Section]:
    """Return the sections of a page: of its main part, where it says which that is."""
    declared = EncodingDetector.find_declared_encoding(content, is_html=True)
    page = BeautifulSoup(decode(content, declared), "html.parser")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for tag in [*page.find_all(_NOT_TEXT), *page.select(_MARKS)]:
        tag.decompose()
    main = page.find("main") or page.find(role="main") or page.find("article") or page
    converter = MarkdownConverter(
        heading_style="ATX",
        strip=["a", "img"],
        escape_asterisks=False,
        escape_underscores=False,
        code_language_callback=_language,
    )
    text: str = converter.convert_soup(main)
    if title and main.find("h1") is None:
        text = f"# {title}\n\n{text}"
    return markdown.sections(text)


def _language(code: Tag) -> str | None:
    """Return the language of a piece of code where its class tells: ``language-python``."""
    inner = code.find("code")
    classes = [*code.get_attribute_list("class"), *(inner.get_attribute_list("class") if inner else ())]
    for name in classes:
        if name and str(name).startswith("language-"):
            return str(name).removeprefix("language-")
    return None
