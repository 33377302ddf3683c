"""JSON, JSON Lines, notebooks and reStructuredText."""

import json

import pytest

from flowkeys.documents.refusals import Refused
from tests.documents.support import read

CHAIR = {
    "name": "Chair 77",
    "priceEur": 97,
    "colours": ["red", "blue"],
    "size": {"h": 1},
    "new": True,
    "x": None,
}
CHAIR_TEXT = "- name: Chair 77\n- price Eur: 97\n- colours: red, blue\n- size h: 1\n- new: yes"
JSON = {
    "a list": ([CHAIR, {"name": "Oak"}], [("Chair 77", CHAIR_TEXT), ("Oak", "- name: Oak")]),
    "a list with a name": (
        {"items": [CHAIR, {"name": "Oak"}], "delivery_days": 3},
        [("", "- delivery days: 3"), ("items > Chair 77", CHAIR_TEXT), ("items > Oak", "- name: Oak")],
    ),
    "by key": ({"oak": {"price": 1}, "ash": {"price": 2}}, [("oak", "- price: 1"), ("ash", "- price: 2")]),
    "small": (
        {"shop": {"name": "Acme", "hours": {"mon": "9-18"}}},
        [("", "- shop name: Acme\n- shop hours mon: 9-18")],
    ),
    "large": (
        {"a": {"text": "x" * 900, "b": {"c": 1}}},
        [("a", f"- text: {'x' * 900}"), ("a > b", "- c: 1")],
    ),
    "questions": (
        [{"question": "How long?", "answer": "Two days."}, {"question": "How much?", "answer": "5"}],
        [
            ("How long?", "- question: How long?\n- answer: Two days."),
            ("How much?", "- question: How much?\n- answer: 5"),
        ],
    ),
    "rows": (
        [["name", "price"], ["Oak", 1], ["Ash", 2]],
        [("Oak", "- name: Oak\n- price: 1"), ("Ash", "- name: Ash\n- price: 2")],
    ),
    "rows beside their columns": (
        {"columns": ["name", "price"], "index": [0, 1], "data": [["Oak", 1], ["Ash", 2]]},
        [("Oak", "- name: Oak\n- price: 1"), ("Ash", "- name: Ash\n- price: 2")],
    ),
    "rows in an object": (
        {"range": "A1:B3", "values": [["name", "price"], ["Oak", "1"], ["Ash", "2"]]},
        [
            ("", "- range: A1:B3"),
            ("values > Oak", "- name: Oak\n- price: 1"),
            ("values > Ash", "- name: Ash\n- price: 2"),
        ],
    ),
    "lists in an object": ({"sizes": ["S", "M"], "at": [1, 2]}, [("", "- sizes: S, M\n- at: 1, 2")]),
    "values": (["a", "b"], [("", "a, b")]),
    "a text": ("text", [("", "text")]),
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_read_under_its_names(name: str) -> None:
    """Objects of a list are rows; what is nested has the names above it; empty values say nothing."""
    value, expected = JSON[name]
    assert [(p.heading, p.content) for p in read("a.json", json.dumps(value, ensure_ascii=False))] == expected


def test_lines_of_json_are_the_rows_of_a_table() -> None:
    """In a file of that name, and in one that says JSON."""
    text = '{"name": "Oak", "price": 1}\n\n{"name": "Ash", "price": 2}\n'
    for source in ("a.jsonl", "a.ndjson", "a.json"):
        assert [p.heading for p in read(source, text)] == ["Oak", "Ash"]


@pytest.mark.parametrize(
    ("source", "text", "message"),
    [
        ("a.json", '{"a": ', "not JSON.*line 1 column"),
        ("a.jsonl", '{"a": 1}\nno', "line 2"),
        ("a.json", "[]", "no text"),
        ("a.ipynb", '{"cells": 3}', "not a Jupyter notebook"),
        ("a.ipynb", "{}", "no text"),
    ],
)
def test_what_is_no_json_is_refused_with_the_place(source: str, text: str, message: str) -> None:
    """The line is named."""
    with pytest.raises(Refused, match=message):
        read(source, text)


def test_a_deep_value_is_read_down_to_a_depth() -> None:
    """Below, it is quoted as it is written."""
    text = '{"a":' * 200 + '"end"' + "}" * 200
    assert any("end" in p.content for p in read("a.json", text))


def test_a_notebook_is_its_text_and_code_with_what_it_printed() -> None:
    """Pictures are left out, errors are named, and long outputs are cut."""
    outputs = [
        {"output_type": "stream", "text": ["one\n", "two\n"]},
        {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": []},
        {"output_type": "stream", "text": "x" * 5000},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Guide {#g}\n", "\n", "Text."]},
        {"cell_type": "code", "source": "print('one')", "outputs": outputs},
        {
            "cell_type": "markdown",
            "source": "## Part\n\nMore text, and enough of it to be a passage of its own, here.",
        },
        {"cell_type": "raw", "source": "Raw."},
    ]
    found = read("a.ipynb", json.dumps({"cells": cells, "metadata": {"language_info": {"name": "python"}}}))
    text = "\n".join(p.content for p in found)
    assert [found[0].heading, found[-1].heading] == ["Guide", "Guide > Part"]
    assert "Text.\n\n```python\nprint('one')\n```" in text
    assert "one\ntwo" in text
    assert "ValueError: bad" in text
    assert "Raw." in text
    assert "AAAA" not in text
    assert 1000 < text.count("x") < 3000


def test_a_notebook_of_format_3_is_read() -> None:
    """Its cells are in sheets, and headings are cells."""
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Part"]},
        {"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": [{"text": ["2"]}]},
    ]
    found = read("a.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert [(p.heading, p.content) for p in found] == [("Part", "```python\nx = 1\n```\n\n```\n2\n```")]


RST = {
    "roles": (
        ":ref:`the guide <g>`, :func:`~json.dumps`, :doc:`/a`, ``code``, *b* and |c|.",
        "the guide, `dumps`, `/a`, `code`, *b* and |c|.",
    ),
    "admonition": (".. note:: Mind *this*.\n\nOne.", "Note\n\nMind *this*.\n\nOne."),
    "changes": (".. versionadded:: 1.2\n   One.", "New in version 1.2 One."),
    "of Sphinx": (
        ".. toctree::\n   :maxdepth: 2\n\n   a\n   b\n\n.. tabs::\n\n   .. tab:: Linux\n\n      Run it.",
        "Linux\n\nRun it.",
    ),
    "unknown": (".. whatever:: One\n   :x: y\n\n   Two.\n\n:odd:`three`", "One\n\nTwo.\n\n`three`"),
    "code": (".. code-block:: sh\n   :linenos:\n\n   # run\n   x", "```sh\n# run\nx\n```"),
    "list": ("- a\n\n  - b\n\n- c", "- a\n  - b\n- c"),
    "tables": ("=== ===\nA   B\n=== ===\n1   2\n=== ===", "| A | B |\n|---|---|\n| 1 | 2 |"),
    "csv-table": (
        ".. csv-table:: Prices\n   :header: A, B\n\n   1, 2",
        "Prices\n\n| A | B |\n|---|---|\n| 1 | 2 |",
    ),
    "definitions": ("term\n   meaning\n\n:field: value", "**term**: meaning\n\n**field**: value"),
    "picture": (".. image:: x.png\n   :alt: The plan", "The plan"),
    "comments": (".. comment\n\nOne.\n\n.. _target:\n\nTwo.", "One.\n\nTwo."),
    "nothing of other files": (
        (
            ".. include:: /etc/hostname\n\n.. raw:: html\n\n   <b>x</b>\n\n.. literalinclude:: y\n\n"
            ".. csv-table::\n   :file: /etc/hostname\n\nOne."
        ),
        "One.",
    ),
    "mistakes": ("Broken_ and `more\n\n.. image::\n\nOne.", "Broken_ and `more\n\nOne."),
}


@pytest.mark.parametrize("name", RST)
def test_restructured_text_is_read_by_its_grammar(name: str) -> None:
    """What Sphinx adds shows what it shows there; no other file is opened, and no noise about mistakes."""
    text, expected = RST[name]
    assert [p.content for p in read("a.rst", text)] == [expected]


def test_what_a_reference_describes_is_a_heading() -> None:
    """And what follows is not about it."""
    text = "json\n====\n\n.. py:function:: dumps(obj, *, indent=None)\n\n   Writes *obj*.\n\nAfter."
    assert [(p.heading, p.content) for p in read("a.rst", text)] == [
        ("json > dumps(obj, *, indent=None)", "Writes *obj*."),
        ("json", "After."),
    ]
