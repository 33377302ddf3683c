"""Tables of every make: a row is found with the names of its columns."""

import pytest

from flowkeys.documents.rows import MOST_ROWS
from tests.documents.support import read

CHAIRS = "Product,Colour,Price EUR,Delivery days\n" + "\n".join(
    f"Chair {n},blue,{n + 20},1" for n in range(120)
)
CHAIR_77 = ("Chair 77", "- Product: Chair 77\n- Colour: blue\n- Price EUR: 97\n- Delivery days: 1")


def test_a_row_of_a_csv_is_a_passage_with_the_names_of_its_columns() -> None:
    """A hundred and twenty rows are as many passages, each headed by what it is about."""
    found = [(p.heading, p.content) for p in read("prices.csv", CHAIRS)]
    assert len(found) == 120
    assert CHAIR_77 in found


ONE = "- Name: Oak, round\n- Price: 12"
VARIANTS = {
    "comma": ('Name,Price\n"Oak, round",12\nAsh,9', "a.csv", ONE),
    "semicolon": ("Name;Price\nOak, round;12\nAsh;9", "a.csv", ONE),
    "tab": ("Name\tPrice\nOak, round\t12\nAsh\t9", "a.csv", ONE),
    "tsv": ("Name\tPrice\nOak, round\t12\nAsh, long\t9", "a.tsv", ONE),
    "commas in a .tsv": ('Name,Price\n"Oak, round",12\nAsh,9', "a.tsv", ONE),
    "bar": ("Name|Price\nOak, round|12\nAsh|9", "a.csv", ONE),
    "decimal commas": ("Name;Price\nOak;12,50\nAsh;9,00", "a.csv", "- Name: Oak\n- Price: 12,50"),
    "lists in values": ("Name,Tags\nOak,a;b;c\nAsh,d;e;f", "a.csv", "- Name: Oak\n- Tags: a;b;c"),
    "said by Excel": ("sep=;\nName;Price\nOak, round;12\nAsh;9", "a.csv", ONE),
    "said and quoted": ('"sep=|"\nName|Price\nOak, round|12\nAsh|9', "a.csv", ONE),
    "spaces after commas": ('Name, Price\n"Oak, round", 12\nAsh, 9', "a.csv", ONE),
    "quotes doubled": ('Name,Price\n"Oak ""5""",12\nAsh,9', "a.csv", '- Name: Oak "5"\n- Price: 12'),
    "quotes escaped": ('Name,Price\n"Oak \\"5\\"",12\nAsh,9', "a.csv", '- Name: Oak "5"\n- Price: 12'),
    "line end in a value": ('Name,Price\n"Oak\n5",12\nAsh,9', "a.csv", "- Name: Oak\n  5\n- Price: 12"),
    "line end in a name": ('Name,"Price\nEUR"\nOak,12\nAsh,9', "a.csv", "- Name: Oak\n- Price EUR: 12"),
    "returns alone": ("Name,Price\rOak,12\rAsh,9", "a.csv", "- Name: Oak\n- Price: 12"),
    "empty lines": ("\n\nName,Price\n\n,\nOak,12\n\n", "a.csv", "- Name: Oak\n- Price: 12"),
    "empty columns": ("Name,,Price,\nOak,,12,\nAsh,,,", "a.csv", "- Name: Oak\n- Price: 12"),
    "too many values": ("Name,Price\nOak,12,new\nAsh,9", "a.csv", "- Name: Oak\n- Price: 12\n- new"),
    "too few values": ("Name,Price,Stock\nOak,12\nAsh,9,1", "a.csv", "- Name: Oak\n- Price: 12"),
    "years as names": ("Land,2023,2024\nChad,7,8\nPeru,5,6", "a.csv", "- Land: Chad\n- 2023: 7\n- 2024: 8"),
    "no header": ("1,Oak,12\n2,Ash,9", "a.csv", "- 1\n- Oak\n- 12"),
    "a name twice": ("Tree,Cm,Cm\nOak,12,13\nAsh,9,8", "a.csv", "- Tree: Oak\n- Cm: 12\n- Cm: 13"),
    "words twice": ("Oak,round,round\nAsh,long,short", "a.csv", "- Oak\n- round\n- round"),
    "remarks above": ("# May\n# EUR\nName,Price\nOak,12", "a.csv", "- Name: Oak\n- Price: 12"),
    "a title above": ("Prices of May,\n,\nName,Price\nOak,12\nAsh,9", "a.csv", "- Name: Oak\n- Price: 12"),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_csv_is_read_whoever_wrote_it(variant: str) -> None:
    """Any delimiter, quoting, line end and mark; ragged rows, empty columns, titles, no header at all."""
    text, source, expected = VARIANTS[variant]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert expected in [p.content for p in read(source, text.encode(encoding))]


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("Id,Question,Answer\n1,How long?,Two days\n2,How much?,5 EUR", "How long?"),
        ("Price list\nName,Price\nOak,12\nAsh,9", "Price list > Oak"),
        ("Shop,Name\nBerlin,Oak\nBerlin,Ash\nBerlin,Elm", "Oak"),
        ("A,B\n1,2\n3,4", ""),
    ],
)
def test_a_row_is_headed_by_what_it_is_about(text: str, heading: str) -> None:
    """The first column whose words differ from row to row; none where there are only numbers."""
    assert read("a.csv", text)[0].heading == heading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name\nOak\nAsh", "Name\n\nOak\n\nAsh"),
        ("We sell oak.", "We sell oak."),
        ("Name,Price", "Name\n\nPrice"),
    ],
)
def test_what_has_one_column_or_one_line_is_text(text: str, expected: str) -> None:
    """No word of it is lost."""
    assert [p.content for p in read("a.csv", text)] == [expected]


def test_a_quotation_mark_that_nobody_closed_costs_no_row() -> None:
    """Without the rule, everything after it would be one value."""
    text = 'Name,Size\n"12 inch,30\n' + "\n".join(f"Oak {n},{n}" for n in range(500))
    assert "- Name: Oak 77\n- Size: 77" in [p.content for p in read("a.csv", text)]


def test_more_rows_than_passages_share_them_and_each_piece_keeps_the_header() -> None:
    """Given a table of thousands of rows, each is still found with its columns' names."""
    count = MOST_ROWS + 1
    text = "Product,Colour,Price EUR\n" + "\n".join(f"Chair {n},blue,{n}" for n in range(count))
    found = read("a.csv", text)
    assert len(found) < count / 10
    assert all(
        p.content.startswith("| Product | Colour | Price EUR |\n|---|---|---|\n| Chair") for p in found
    )
    assert sum(p.content.count("| Chair ") for p in found) == count


def test_a_row_that_is_longer_than_a_passage_keeps_its_heading() -> None:
    """Each piece says which row it belongs to."""
    text = "Name,Notes,More\nOak," + "word " * 200 + "," + "other " * 200 + "\nAsh,a,b"
    pieces = [p for p in read("a.csv", text) if p.heading == "Oak"]
    assert len(pieces) > 1
    assert sum(p.content.count("word") + p.content.count("other") for p in pieces) == 400
