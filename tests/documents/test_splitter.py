"""Sections into passages."""

import re

from hypothesis import given
from hypothesis import strategies as st

from flowkeys.documents.sections import Block, Section
from flowkeys.documents.splitter import LONGEST, TARGET, split

words = st.text(alphabet="abcdefg", min_size=1, max_size=12)
texts = st.lists(words, min_size=1, max_size=400).map(" ".join)
blocks = st.builds(Block, st.sampled_from(["text", "code", "list", "table"]), texts)
paths = st.lists(words, max_size=3).map(tuple)
sections = st.lists(st.builds(Section, paths, st.lists(blocks, max_size=6).map(tuple)), max_size=5)
filled = st.lists(st.builds(Section, paths, st.lists(blocks, min_size=1, max_size=6).map(tuple)), max_size=5)


@given(filled)
def test_no_word_is_lost_or_moved(given_sections: list[Section]) -> None:
    """The words of all passages are the words of the file, in their order."""
    expected = [word for section in given_sections for block in section.blocks for word in block.text.split()]
    assert [word for passage in split(given_sections) for word in passage.content.split()] == expected


@given(sections)
def test_passages_are_never_empty_nor_too_long(given_sections: list[Section]) -> None:
    """Each passage has something to quote, and not more than a reader takes in."""
    for passage in split(given_sections):
        assert passage.content.strip()
        assert len(passage.content) <= LONGEST


def test_long_text_is_cut_between_sentences() -> None:
    """Given a paragraph of many sentences, no passage ends within one."""
    text = " ".join(f"This is sentence number {number} of a long paragraph." for number in range(100))
    passages = list(split([Section(("A",), (Block("text", text),))]))
    assert len(passages) > 3
    assert all(passage.content.endswith(".") for passage in passages)
    assert max(len(passage.content) for passage in passages) <= TARGET


def test_code_stays_whole() -> None:
    """A piece of code between the target and the longest length is one passage."""
    code = "```python\n" + "\n".join(f"line_{number} = {number}" for number in range(100)) + "\n```"
    assert TARGET < len(code) < LONGEST
    passages = list(split([Section((), (Block("text", "Before. " * 100), Block("code", code)))]))
    assert code in [passage.content for passage in passages]


def test_code_that_must_be_cut_keeps_its_fences() -> None:
    """Each piece of a long piece of code is a piece of code."""
    code = "```python\n" + "\n".join(f"line_{number} = {number}" for number in range(1000)) + "\n```"
    pieces = [passage.content for passage in split([Section((), (Block("code", code),))])]
    assert len(pieces) > 5
    assert all(re.fullmatch(r"```python\n.*\n```", piece, re.DOTALL) for piece in pieces)


def test_a_table_that_must_be_cut_keeps_its_header() -> None:
    """Each piece of a long table says what its columns are."""
    table = "| name | value |\n|---|---|\n" + "\n".join(f"| name{n} | {n} |" for n in range(300))
    pieces = [passage.content for passage in split([Section((), (Block("table", table),))])]
    assert len(pieces) > 2
    assert all(piece.startswith("| name | value |\n|---|---|\n| name") for piece in pieces)


def test_what_a_text_announces_stays_with_it() -> None:
    """A line that ends with a colon goes to the passage of the code that it announces."""
    filler, code = Block("text", "word " * 200), Block("code", "```\n" + "x\n" * 200 + "```")
    passages = list(split([Section((), (filler, Block("text", "Run this:"), code))]))
    assert [passage.content[:9] for passage in passages] == ["word word", "Run this:"]


def test_a_tiny_lead_in_goes_with_its_subsection() -> None:
    """Given a title with a few words before the first subsection, they are no passage of their own."""
    passages = list(
        split(
            [
                Section(("A",), (Block("text", "Short."),)),
                Section(("A", "B"), (Block("text", "Body."),)),
                Section(("C",), (Block("text", "Other."),)),
            ]
        )
    )
    assert [(p.heading, p.content) for p in passages] == [("A > B", "Short.\n\nBody."), ("C", "Other.")]


def test_a_heading_alone_is_a_passage() -> None:
    """A heading with nothing below it can be found by its words."""
    passages = list(split([Section(("A", "Call us on Sundays"), ()), Section(("B",), ())]))
    assert [(p.heading, p.content) for p in passages] == [
        ("A > Call us on Sundays", "Call us on Sundays"),
        ("B", "B"),
    ]
