"""The best part of a passage, short enough to be read."""

import re

from flowkeys.flows.nodes.excerpt import LENGTH, excerpt

FILLER = "This sentence speaks of other matters, at some length, and of nothing else."
PARAGRAPHS = [f"Paragraph {number}. {FILLER}" for number in range(24)]


def test_a_short_passage_is_quoted_whole() -> None:
    """Nothing is left out of what is short."""
    assert excerpt("  Keys are revoked at once.\n", "how to revoke") == "Keys are revoked at once."


def test_the_paragraph_that_answers_is_in_it_and_the_cuts_are_marked() -> None:
    """Whatever the inflection; dots stand where something was left out."""
    content = "\n\n".join([*PARAGRAPHS[:12], "A revoked key is refused everywhere.", *PARAGRAPHS[12:]])
    found = excerpt(content, "How do I revoke keys?")
    assert "A revoked key is refused everywhere." in found
    assert found.startswith("…\n\n")
    assert found.endswith("\n\n…")
    assert len(found) <= LENGTH + 20


def test_one_long_paragraph_is_cut_between_sentences() -> None:
    """A paragraph alone may be too long as well."""
    content = " ".join([FILLER] * 12 + ["Fees are due in May."] + [FILLER] * 12)
    found = excerpt(content, "When are the fees due?")
    assert "Fees are due in May." in found
    assert len(found) <= LENGTH + 20


def test_a_long_table_keeps_its_header_and_the_row_that_answers() -> None:
    """It is Markdown still."""
    rows = [f"| Chair {number} | blue | {number} |" for number in range(100)]
    found = excerpt("\n".join(["| Product | Colour | Price |", "|---|---|---|", *rows]), "price of Chair 77")
    assert found.startswith("| Product | Colour | Price |\n|---|---|---|\n")
    assert "| Chair 77 | blue | 77 |" in found
    assert len(found) <= LENGTH + 80


def test_code_keeps_its_fences() -> None:
    """A cut within code would turn the rest of the answer into code."""
    code = "\n".join(f"line_{number} = {number}" for number in range(100))
    found = excerpt(f"{FILLER}\n\n```python\n{code}\n\n{code}\n```\n\n{FILLER}", "line_50")
    assert found.count("```") == 2
    assert "line_50 = 50" in found


def test_languages_without_spaces_are_read_as_well() -> None:
    """The paragraph with most of the question's characters is taken."""
    content = "\n\n".join(["我们的门店每天营业。" * 30, "七天内可以无理由退货。", "积分有效期为两年。" * 40])
    assert "七天内可以无理由退货。" in excerpt(content, "怎么退货?")


WRAPPED = [
    "A key is stored as a digest. Nobody can read it again, not even~from the database. Lost is lost.",
    "- A disabled key is refused until it is enabled again, which is~  soon.\n- A revoked key is gone.",
]
LINED = [
    "Example GmbH\nHauptstrasse 1\n12345 Berlin",
    "2026-11-30 ERROR the key could not be read from its file\n2026-11-30 ERROR the server does not start",
    "name: a value that is long enough to be taken for a line of a text\nother: and the next value",
    "Two sentences can stand on two lines when the first is the longer one of them\n1. and a list below",
    "| what the key is allowed to do in this very workspace | who |\n|---|---|\n| a | b |",
    "```\nkey = make_a_key_with_a_name_that_is_rather_long_and_then_some()\nprint(key)\n```",
    "> A quotation keeps the lines that it came with, however long they are\n> all of them.",
    "Two blanks at the end of a line are a line end that somebody wanted to be  \nthere for good.",
    "# A heading that is about as long as any heading ever ought to be, really\nText below it.",
]


def test_lines_that_were_only_full_are_joined_and_all_others_stay() -> None:
    """A line end is shown as one: those of an editor's margin would tear sentences apart."""
    for content in WRAPPED:
        expected = re.sub("~ *", " ", content)
        assert excerpt(content.replace("~", "\n"), "key") == expected
    for content in LINED:
        assert excerpt(content, "key") == content
