"""PDF: the text of its pages, under the number of the page and the heading that stands above it."""

import io
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from flowkeys.documents.readers import printed
from flowkeys.documents.readers.printed import Line
from flowkeys.documents.refusals import Refused, TooMuch
from flowkeys.documents.sections import Section


def sections(content: bytes, pages: int) -> list[Section]:
    """Return the sections of each page that has text.

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
        found = printed.sections([_lines(page) for page in reader.pages])
    except DependencyError as error:
        raise Refused("It is encrypted.") from error
    except PyPdfError as error:
        if type(error).__name__ == "LimitReachedError":  # not in pypdf before version 6
            raise TooMuch("Its compressed parts are too large.") from error
        raise Refused("It is damaged or not a PDF at all.") from error
    if not found:
        raise Refused("It has no text, only pictures perhaps: it needs text recognition first.")
    return found


def _lines(page: PageObject) -> list[Line]:
    """Return the lines of a page with the size and weight of most of their letters."""
    lines: list[Line] = []
    pieces: list[tuple[str, float, bool]] = []

    def end() -> None:
        text = "".join(piece for piece, _, _ in pieces)
        _, size, bold = max(pieces, key=lambda piece: len(piece[0].strip()), default=("", 0.0, False))
        lines.append(Line(text, size, bold))
        pieces.clear()

    def visit(text: str, matrix: Any, text_matrix: Any, font: Any, size: float) -> None:
        height = round(abs(size * text_matrix[3] * matrix[3]), 1)
        bold = "bold" in str((font or {}).get("/BaseFont", "")).lower()
        first, *others = text.split("\n")
        pieces.append((first, height, bold))
        for other in others:
            end()
            pieces.append((other, height, bold))

    page.extract_text(visitor_text=visit)
    end()
    return lines
