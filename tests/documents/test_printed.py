"""Lines of printed pages, as they come out of a PDF."""

import pytest

from flowkeys.documents.readers.printed import Line, sections

TEXT = "Goods may be returned within fourteen days of their delivery to you."
MORE = "The customer pays the cost of sending them back to the warehouse, then."


def read(*pages: list[Line | str]) -> list[tuple[str, str]]:
    """Return heading and text of each section."""
    made = [[line if isinstance(line, Line) else Line(line, 10) for line in page] for page in pages]
    return [(section.heading, "\n\n".join(b.text for b in section.blocks)) for section in sections(made)]


def test_larger_letters_are_headings() -> None:
    """The larger they are, the higher; what goes on overleaf stays under its heading."""
    page = [Line("Policy", 20), Line("Returns", 14), TEXT, Line("Payment", 14), MORE]
    assert read(page, [TEXT, Line("Warranty", 14), MORE]) == [
        ("Page 1 > Policy > Returns", TEXT),
        ("Page 1 > Policy > Payment", MORE),
        ("Page 2 > Policy > Payment", TEXT),
        ("Page 2 > Policy > Warranty", MORE),
    ]


@pytest.mark.parametrize(
    ("lines", "heading"),
    [
        ([Line("Returns", 10, bold=True), TEXT], "Returns"),
        (["1. Returns", TEXT], "1. Returns"),
        ([MORE, "2.1 Returns", TEXT], "2.1 Returns"),
        (["§ 4 Returns", TEXT], "§ 4 Returns"),
        ([MORE, "", "3) Returns", TEXT], "3) Returns"),
    ],
)
def test_bold_and_numbered_lines_are_headings(lines: list[Line | str], heading: str) -> None:
    """Where the letters are all of one size."""
    assert read(lines)[-1] == (f"Page 1 > {heading}", TEXT)


@pytest.mark.parametrize(
    "lines",
    [
        ["1. Open the door", "2. Go in", "3. Close the door again, from the inside"],
        [TEXT, "14 days are allowed.", MORE],
        [TEXT[:-1], "12 Main Street", MORE],
        ["1 Introduction . . . . . . . . . . . 3", TEXT],
        [Line("x" * 120, 20), TEXT],
        ["20 € a day", TEXT],
    ],
)
def test_other_lines_are_not(lines: list[Line | str]) -> None:
    """Lists, sentences, addresses, prices and tables of contents."""
    assert [heading for heading, _ in read(lines)] == ["Page 1"]


def test_a_title_with_nothing_below_is_kept() -> None:
    """It can be found by its words."""
    assert read([Line("Policy", 20), Line("Returns", 20), TEXT])[0] == ("Page 1 > Policy", "")
    assert read([TEXT, Line("The end", 20)])[-1] == ("Page 1 > The end", "")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Goods may be returned within", "fourteen days."], "Goods may be returned within fourteen days."),
        (["The ware-", "house is open."], "The warehouse is open."),
        (["The Nicht-", "Raucher wing."], "The Nicht-Raucher wing."),
        (["The ware\u00ad", "house is open."], "The warehouse is open."),
        (["The o\ufb03ce is \ufb01ne."], "The office is fine."),
        (["\u2022 one", "\uf0b7 two", "\x7f three"], "- one\n- two\n- three"),
        ([TEXT, "Short end.", MORE], f"{TEXT}\nShort end.\n\n{MORE}"),
        ([TEXT, "", MORE], f"{TEXT}\n\n{MORE}"),
        (
            ["鍵はすぐに取り消されますが送料は無料です", "から心配はいりません。"],
            "鍵はすぐに取り消されますが送料は無料ですから心配はいりません。",
        ),
        (["Chair 20", "Lamp 30"], "Chair 20\nLamp 30"),
        (["Introduction . . . . . . . . 3", "Keys . . . . . . . . . . . . 4"], "Introduction … 3\nKeys … 4"),
    ],
)
def test_lines_are_put_together_to_paragraphs(lines: list[str], text: str) -> None:
    """Where a line ends because it is full; words that it divides are whole again; lists and tables stay."""
    assert read(lines) == [("Page 1", text)]


def test_what_every_page_repeats_is_left_out() -> None:
    """The names and numbers of pages, whichever number they have."""
    pages = [
        [f"Policy {number} of 4", f"Part {chr(64 + number)} is about keys.", str(number)]
        for number in range(1, 5)
    ]
    assert [text for _, text in read(*pages)] == [f"Part {letter} is about keys." for letter in "ABCD"]
