"""A PDF of plain text, written by hand: one font, lines that are wrapped, pages as given."""

import textwrap
from collections.abc import Sequence

_COLUMNS, _LEADING, _TOP = 90, 14, 780
_FORM = "/MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"


def write(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF in which each page holds its lines."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, lines in enumerate(pages):
        content = 5 + 2 * number
        objects += [
            f"<< /Type /Page /Parent 2 0 R {_FORM} /Contents {content} 0 R >>",
            _stream(lines),
        ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{item}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()


def _stream(lines: Sequence[str]) -> str:
    wrapped = [part for line in lines for part in textwrap.wrap(line, _COLUMNS) or [""]]
    shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in wrapped)
    text = f"BT /F1 10 Tf {_LEADING} TL 50 {_TOP} Td\n{shown}\nET"
    return f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
