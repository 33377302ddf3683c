"""Whatever a server sends, it is an answer or a failure in words: never an exception that nobody expected."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.flows.models.failures import ModelError, loggable
from flowkeys.flows.models.reply import Reply

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["error", "text"]),
)
NAMES = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "text",
        "content",
        "type",
        "error",
        "code",
        "finish_reason",
        "index",
        "refusal",
        "reasoning",
        "thinking",
        "reasoning_content",
        "tool_calls",
        "done",
        "stop",
        "done_reason",
        "response",
        "errors",
        "detail",
        "object",
        "value",
        "status",
    ]
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
CHOICES = st.fixed_dictionaries(
    {"choices": st.lists(st.dictionaries(NAMES, ANYTHING, max_size=4), min_size=1, max_size=2)}
)
FORMS = st.sampled_from(
    [b"data: %b\n\n", b"event: error\ndata: %b\n\n", b"event: x\ndata: %b\n\n", b"%b\n", b"%b"]
)


def read(sent: bytes, showing: Any) -> None:
    """Read an answer; what it says can be encoded."""
    reply = Reply(1000, showing)
    said: list[str] = []
    try:
        for at in range(0, len(sent), 9):
            said += reply.feed(sent[at : at + 9])
        said += reply.finish()
        assert reply.answer.strip()
    except ModelError as error:
        loggable(f"{error} {error.reason}", "key").encode()
    "".join([*said, reply.thoughts, reply.finish_reason or ""]).encode()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(FORMS, CHOICES | ANYTHING), max_size=4),
    st.sampled_from(["hidden", "shown", "dropped"]),
)
def test_any_json_is_read_or_refused(records: list[tuple[bytes, Any]], showing: str) -> None:
    """In each form, and with any value in any place."""
    read(b"".join(form % json.dumps(value).encode() for form, value in records), showing)


PARTS = [
    b"data:",
    b"\n",
    b"\r",
    b"{",
    b"}",
    b"[",
    b"event: error",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"\\ud83d",
]
PARTS += [b":", b"choices", b"[DONE]", b"<think>", b" "]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_any_bytes_are_read_or_refused(parts: list[bytes]) -> None:
    """Also what is no JSON, and no text."""
    read(b"".join(parts), "hidden")


@pytest.mark.parametrize("member", ["content", "reasoning_details", "tool_calls"])
def test_what_is_nested_without_end_is_no_answer(member: str) -> None:
    """A failure in words, as all else that cannot be read."""
    nested = b"[" * 20_000 + b"]" * 20_000  # newer Pythons go deeper than 10,000
    sent = b'data: {"choices":[{"delta":{"%b":%b}}]}\n\n' % (member.encode(), nested)
    with pytest.raises(ModelError):
        Reply(1000, "hidden").feed(sent)
