"""PDF: the text of its pages, with the page number as the heading."""

import io
import re
from typing import Final

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from flowkeys.documents.readers.plain import paragraphs
from flowkeys.documents.refusals import Refused, TooMuch
from flowkeys.documents.sections import Section

_HYPHENATED: Final = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")


def sections(content: bytes, pages: int) -> list[Section]:
    """Return a section for each page that has text.

    Raises:
        Refused: it is no PDF, it needs a password, or it has no text.
        TooMuch: it has more than `pages` pages.
    """
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused("It needs a password.")
        if len(reader.pages) > pages:
            raise TooMuch(f"It has {len(reader.pages)} pages; {pages} are allowed.")
        found = [
            Section((f"Page {number}",), tuple(paragraphs(_text(page))))
            for number, page in enumerate(reader.pages, 1)
        ]
    except DependencyError as error:
        raise Refused("It is encrypted.") from error
    except PyPdfError as error:
        if type(error).__name__ == "LimitReachedError":  # not in pypdf before version 6
            raise TooMuch("Its compressed parts are too large.") from error
        raise Refused("It is damaged or not a PDF at all.") from error
    if not any(section.blocks for section in found):
        raise Refused("It has no text, only pictures perhaps: it needs text recognition first.")
    return [section for section in found if section.blocks]


def _text(page: PageObject) -> str:
    return _HYPHENATED.sub("", page.extract_text().replace("\0", ""))
