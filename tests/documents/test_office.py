"""Word documents and spreadsheets."""

import pytest

from flowkeys.documents.parser import SubprocessParser
from flowkeys.documents.readers import archive
from flowkeys.documents.refusals import Refused, TooMuch
from tests.documents.office import docx, paragraph, table, xlsx, zipped
from tests.documents.support import read

NOTE = '<w:p><w:r><w:t>Open daily.</w:t></w:r><w:r><w:footnoteReference w:id="1"/></w:r></w:p>'
LONG = "Goods may be returned within fourteen days, in the box that they came in, with the receipt."


def test_word_documents_are_read_by_their_styles() -> None:
    """Headings in any language's Word, lists, tables and footnotes."""
    body = (
        paragraph("Handbook", "Titel")
        + paragraph("Returns", "berschrift1")
        + paragraph(LONG)
        + paragraph("Boxes", "berschrift2")
        + paragraph("small", numbering=0)
        + paragraph("very small", numbering=1)
        + table(("Size", "Price"), ("S", "5"))
        + NOTE
    )
    found = [(p.heading, p.content) for p in read("a.docx", docx(body))]
    assert found == [
        ("Handbook", "Handbook"),
        ("Returns", LONG),
        (
            "Returns > Boxes",
            (
                "- small\n  - very small\n\n| Size | Price |\n|---|---|\n| S | 5 |\n\nOpen daily.[1]\n\n"
                "1. Except on Sundays."
            ),
        ),
    ]


def test_a_long_table_of_a_word_document_keeps_its_header() -> None:
    """Each piece says what its columns are."""
    rows = [(f"Chair {number}", str(number)) for number in range(200)]
    found = read("a.docx", docx(table(("Product", "Price"), *rows)))
    assert len(found) > 2
    assert all(p.content.startswith("| Product | Price |\n|---|---|\n| Chair") for p in found)


def test_rows_of_a_spreadsheet_carry_the_names_of_their_columns() -> None:
    """Sheets are headings when there are several; hidden ones are left out."""
    chairs: list[list[str | float]] = [["Prices of May"], ["Product", "Price"], ["Oak", 12.5], ["Ash", 9.0]]
    found = read(
        "a.xlsx", xlsx(Chairs=chairs, Lamps=[["Product", "Price"], ["Lamp", 3]], _Costs=[["a", "b"]])
    )
    assert [(p.heading, p.content) for p in found] == [
        ("Chairs > Prices of May > Oak", "- Product: Oak\n- Price: 12.5"),
        ("Chairs > Prices of May > Ash", "- Product: Ash\n- Price: 9"),
        ("Lamps > Lamp", "- Product: Lamp\n- Price: 3"),
    ]
    alone = read("a.xlsx", xlsx(Sheet1=[["Product", "Price"], ["Lamp", 3]]))
    assert [p.heading for p in alone] == ["Lamp"]


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
REFUSED = {
    "cut": ("a.docx", docx(paragraph("text"))[:300], "damaged"),
    "text": ("a.docx", b"text", "damaged"),
    "a spreadsheet": ("a.docx", xlsx(A=[["a"]]), "not a Word document"),
    "old or encrypted": ("a.docx", OLD, r"password.*Save it as \.docx"),
    "entities": (
        "a.docx",
        docx("", **{"word/document.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x/>'}),
        "entities",
    ),
    "empty": ("a.docx", docx(""), "no text"),
    "a document": ("a.xlsx", docx(paragraph("text")), "not a spreadsheet"),
    "csv": ("a.xlsx", b"a,b\n1,2", "not a spreadsheet"),
    "broken": ("a.xls", OLD, "not a spreadsheet"),
    "no rows": ("a.xlsx", xlsx(A=[]), "no text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_office_file_is_refused_with_a_sentence(name: str) -> None:
    """Nothing else is raised, and nothing unpacked that says it is something else."""
    source, content, message = REFUSED[name]
    with pytest.raises(Refused, match=message):
        read(source, content)


def test_what_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes are added up before."""
    monkeypatch.setattr(archive, "UNPACKED", 10_000)
    for source, content in (("a.docx", docx(paragraph("x" * 10_000))), ("a.xlsx", xlsx(A=[["x" * 10_000]]))):
        with pytest.raises(TooMuch, match="too large"):
            read(source, content)
    monkeypatch.setattr(archive, "PARTS", 10)
    with pytest.raises(TooMuch, match="too large"):
        read("a.docx", zipped({str(number): "" for number in range(11)}))


async def test_office_files_are_read_within_the_limits_of_the_process(parser: SubprocessParser) -> None:
    """Their libraries need neither files nor connections."""
    assert (await parser.parse("a.docx", docx(paragraph("text")))).passages[0].content == "text"
    assert (await parser.parse("a.xlsx", xlsx(A=[["a", "b"], ["c", "d"]]))).passages[0].heading == "c"
    assert (await parser.parse("a.rst", b"A\n=\n\n.. note:: text")).passages[0].heading == "A"


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("a.doc", "Save it as .docx"),
        ("a.odt", "Save it as .docx"),
        ("a.PPTX", "Export it as PDF"),
        ("a.mhtml", "Save the page as HTML"),
        ("a.png", "text recognition"),
        ("a.zip", "Unpack it"),
        ("a.exe", r"these can: .*\.docx.*\.pdf"),
    ],
)
def test_other_kinds_are_refused_with_what_to_save_instead(source: str, advice: str) -> None:
    """The sentence says what the program that wrote it can do."""
    with pytest.raises(Refused, match=advice):
        read(source, b"")
