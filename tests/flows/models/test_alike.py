"""Records that differ in their content alone are read all at once, and exactly as one by one."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.flows.models import structs
from flowkeys.flows.models.alike import Alike
from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.reply import Reply

STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


class Counted:
    """A decoder that counts what it is asked to decode."""

    def __init__(self) -> None:
        self.records = 0

    def __call__(self, record: bytes) -> structs.Chunk:
        """Decode a record."""
        self.records += 1
        return msgspec.json.decode(record, type=structs.Chunk)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts the records that are read one by one."""
    counted = Counted()
    monkeypatch.setattr(structs, "decode", counted)
    return counted


def record(content: Any, *, created: int = 1, end: bytes = b"\n\n", **more: Any) -> bytes:
    """Return a record as servers send them."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return b"data: " + json.dumps({"created": created, "choices": [choice], **more}).encode() + end


def read(sent: bytes, cuts: Iterable[int] = (), *, one_by_one: bool = False) -> Any:
    """Return all that comes of an answer: what was said, in its pieces, or why there is none."""
    reply = Reply(10_000, "shown")
    if one_by_one:
        reply._alike._hope = 0
    pieces: list[str] = []
    start = 0
    try:
        for end in [*cuts, len(sent)]:
            pieces += () if reply.ended else reply.feed(sent[start:end])
            start = end
        pieces += reply.finish()
    except ModelError as error:
        return str(error), error.reason
    return pieces, reply.text, reply.answer, reply.thoughts, reply.finish_reason


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [150, 1000, 100_000])
def test_few_records_are_read_one_by_one(decoded: Counted, end: bytes, size: int) -> None:
    """Each piece is handed on as it came; what is decoded does not grow with their number."""
    words = ["Hello", ", ", "world", "\n", '"quoted"', "é", "😀", "data: no field", "\\"] * 30
    sent = b"".join(record(word, end=end) for word in words) + STOP.replace(b"\n\n", end)
    pieces, text, *_ = read(sent, range(size, len(sent), size))
    assert pieces == words
    assert text == "".join(words)
    assert decoded.records < len(words) / 8


def test_what_changes_now_and_then_is_learned_again(decoded: Counted) -> None:
    """`created` is another each second; all else stays."""
    sent = b"".join(record("word ", created=number // 50) for number in range(500)) + STOP
    assert len(read(sent)[0]) == 500
    assert decoded.records < 50


def test_records_that_always_differ_are_not_learned_without_end(decoded: Counted) -> None:
    """Some servers pad each record with something random: each is read by itself, and once."""
    sent = b"".join(record("word ", padding="x" * (number % 7)) for number in range(500)) + STOP
    assert len(read(sent)[0]) == 500
    assert decoded.records < 530


def test_short_runs_that_take_turns_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at once of a large piece is not all that has come: it would be looked at for each run."""
    looked = 0
    read_all = Alike.read

    def counting(alike: Alike, data: bytes) -> Any:
        nonlocal looked
        looked += len(data)
        return read_all(alike, data)

    monkeypatch.setattr(Alike, "read", counting)
    for run in (1, 2, 3, 6, 10):
        looked = 0
        turns = (record("w") * run, record("w", created=2) * run)
        sent = b"".join(turns * 200) + STOP
        assert len(read(sent)[0]) == 400 * run
        assert looked < 5 * len(sent)


def test_pieces_that_come_one_by_one_pay_for_what_was_learned(decoded: Counted) -> None:
    """A slow model says little in each second, for minutes."""
    sent = [record("word ", created=number // 20) for number in range(1000)]
    reply = Reply(10_000, "shown")
    for one in sent:
        reply.feed(one)
    assert decoded.records < 200


def test_a_content_that_is_what_is_put_in_its_place_proves_nothing() -> None:
    """Where the content stands shows only when another is there."""
    for content in (b"~", b"^"):
        first = b'data: {"about":{"content":"%b"},"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
        sent = record("Oh. ") + first % (content, content) + first % (b"no", content) * 3 + STOP
        assert read(sent)[1] == "Oh. " + content.decode() * 4


MISLEADING = [
    b'data: {"about":{"content": "x"},"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello","content": "Hello"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"\\"content":"Hello","content": "Hello"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello","role":"\\"content\\":\\"Hello\\""}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}},{"index":1,"delta":{"content":"no"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello","reasoning":"why"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"length"}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"Hello"},"text":"Hello"}],"error":{"message":""}}\n\n',
]


@pytest.mark.parametrize("first", MISLEADING)
def test_nothing_is_learned_that_is_not_certain(first: bytes) -> None:
    """Where the content stands, a second look has to confirm; what a record says besides is not left out."""
    for other in (b" there", b'"', b'\\"', b"\\n", b'x","y', b"\\", b"\xff", b"\n\n"):
        second = re.sub(rb"Hello", lambda _, other=other: other, first)
        sent = record("Oh. ") + first + second + second + STOP
        for cuts in ([], [len(record("Oh. ") + first)]):
            assert read(sent, cuts) == read(sent, cuts, one_by_one=True)


CONTENTS = st.sampled_from(
    ["", " word", "é", "😀", "\n", '"', "\\", 'a","b', "</think>", "<think>", "data: x", "~", "\u2028"]
)
RECORDS = st.builds(
    lambda content, created, changed, end: changed(record(content, created=created, end=end)),
    CONTENTS,
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from(
        [
            *[lambda given: given] * 12,
            lambda given: given.replace(b'"content": "', b'"content": "\\'),
            lambda given: given.replace(b'"content": "', b'"content": "\\ud83d'),
            lambda given: given.replace(b'"content": "', b'"content": "\xff'),
            lambda given: given.replace(b'"content": "', b'"content": "a", "b": "'),
            lambda given: given.replace(b'"content"', b'"reasoning"'),
            lambda given: given.replace(b'"index": 0', b'"index": 1'),
            lambda given: given.replace(b"null", b'"stop"'),
            lambda given: given.replace(b'"content": "', b'"tool_calls": [{}], "content": "'),
            lambda given: given.replace(b'"content": "', b'"content": null, "content": "'),
            lambda given: given.replace(b'{"content"', b'{"role": "assistant", "content"'),
            lambda given: given.replace(b'{"created"', b'{"content": "~", "usage": {}, "created"'),
            lambda given: given.replace(b'{"created"', b'{"done": true, "created"'),
            lambda given: given.replace(b"\r", b"").replace(b"\n\n", b"\r\r"),
            lambda given: given.replace(b": {", b":\ndata: {", 1),
            lambda given: given.replace(b"data: ", b"data:"),
            lambda given: b"event: message\n" + given,
            lambda given: b": a comment\n\n" + given,
            lambda given: b'data: {"error": {"message": "no"}}\n\n' + given,
            lambda given: given[:-1],
        ]
    ),
    st.sampled_from([b"\n\n", b"\n\n", b"\n\n", b"\r\n\r\n"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(RECORDS, max_size=10), st.lists(st.integers(0, 3000), max_size=6), st.booleans())
def test_all_at_once_is_as_one_by_one(records: list[bytes], cuts: list[int], ends: bool) -> None:
    """Whatever the records are, and wherever the network cuts them."""
    sent = b"".join([record("So: "), *records, STOP if ends else b""])
    cuts = sorted(min(cut, len(sent)) for cut in cuts)
    assert read(sent, cuts) == read(sent, cuts, one_by_one=True)


def test_what_has_not_come_yet_waits() -> None:
    """The beginning of a record is no reason to forget how they look."""
    alike = Alike()
    whole = record("Hello")
    alike.learn(whole, 0)
    assert all(alike.read(whole[:size]) is None and alike.is_known for size in range(20, len(whole)))
    assert alike.read(whole + whole[:40]) == (["Hello"], 40)
