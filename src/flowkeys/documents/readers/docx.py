"""Word documents: by their styles into HTML, and that as any page."""

import io
from typing import Any, Final

import mammoth

from flowkeys.documents.readers import archive
from flowkeys.documents.readers.html import page
from flowkeys.documents.refusals import Refused
from flowkeys.documents.sections import Section, by_heading

_STYLES: Final = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
"""
_BACK: Final = '">↑</a>'


def sections(content: bytes) -> list[Section]:
    """Return the sections of a document by its headings; footnotes stand at its end, comments are left out.

    Raises:
        Refused: it is no Word document, or needs a password.
        TooMuch: it unpacks to too much.
    """
    archive.check(content, old="Save it as .docx without one.")
    try:
        # No file but this one is opened, and pictures are not unpacked.
        html = mammoth.convert_to_html(io.BytesIO(content), style_map=_STYLES, convert_image=_picture).value
    except (KeyError, ValueError, OSError) as error:
        raise Refused("It is not a Word document.") from error
    return list(by_heading(page.items(html.replace(_BACK, '"></a>'))))


def _picture(image: Any) -> list[Any]:
    text = (image.alt_text or "").strip()
    return [mammoth.html.text(text)] if text else []
