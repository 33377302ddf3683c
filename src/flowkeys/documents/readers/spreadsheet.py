"""Spreadsheets of Excel and LibreOffice: the rows of each sheet, with the names of their columns."""

import datetime as dt
import io
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from flowkeys.documents import rows
from flowkeys.documents.readers import archive
from flowkeys.documents.refusals import Refused, TooMuch
from flowkeys.documents.sections import Section

_CELLS: Final = 2_000_000
_ZIP: Final = b"PK"


def sections(content: bytes) -> list[Section]:
    """Return the rows of the sheets that are not hidden; of several, each under its name.

    Raises:
        Refused: it is no spreadsheet, or needs a password.
        TooMuch: it unpacks to too much.
    """
    if content.startswith(_ZIP):
        archive.check(content, old="")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible is SheetVisibleEnum.Visible and sheet.typ is SheetTypeEnum.WorkSheet
        ]
        found = [section for name in shown for section in _sheet(book, name, alone=len(shown) == 1)]
    except PasswordError as error:
        raise Refused("It needs a password.") from error
    except CalamineError as error:
        raise Refused("It is not a spreadsheet, or damaged.") from error
    return found


def _sheet(book: CalamineWorkbook, name: str, *, alone: bool) -> list[Section]:
    sheet = book.get_sheet_by_name(name)
    if sheet.total_height * sheet.total_width > _CELLS:
        raise TooMuch(f"It has more than {_CELLS} cells.")
    lines = ([_text(value) for value in row] for row in sheet.to_python(skip_empty_area=True))
    return [section for section in rows.sections(lines, () if alone else (name,)) if section.blocks]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, dt.datetime):
        return str(value.date() if value.time() == dt.time() else value)
    return str(value)
