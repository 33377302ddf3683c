"""What is read of a model's answer: the members that are used, in OpenAI's names, and no others.

Every member that servers fill in different ways is taken as it comes; `deviations` says what it means.
"""

from typing import Any, Final

import msgspec

MOST_TOKENS: Final = 10**9
"""Whoever says more of one answer says nothing that can be believed."""


class Said(msgspec.Struct, gc=False):
    """A ``delta`` of a stream, or the ``message`` of a whole answer."""

    content: Any = None
    refusal: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    thinking: Any = None
    reasoning_details: Any = None
    thinking_blocks: Any = None
    tool_calls: Any = None
    function_call: Any = None


class Choice(msgspec.Struct, gc=False):
    """One of the answers that a model gives at once."""

    delta: Said | None = None
    message: Said | None = None
    text: Any = None
    finish_reason: Any = None
    index: Any = None
    error: Any = None


class Chunk(msgspec.Struct, gc=False):
    """One record of a stream, or a whole answer."""

    choices: list[Choice] | None = None
    error: Any = None
    done: bool = False
    """The record says that it is the last."""
    usage: Any = None
    """How many tokens were read and written, where the server says so."""
    id: Any = None
    model: Any = None
    system_fingerprint: Any = None


decode = msgspec.json.Decoder(Chunk).decode
"""Returns the chunk that a record is.

Raises:
    ValueError: it is not JSON, or has another shape: `deviations.read` looks closer.
"""


def tokens_of(usage: Any) -> tuple[int, int] | None:
    """Return how many tokens were read and written, or None when that is not said in whole numbers."""
    if not isinstance(usage, dict):
        return None
    found = usage.get("prompt_tokens"), usage.get("completion_tokens")
    numbers = [number if type(number) is int and 0 <= number <= MOST_TOKENS else 0 for number in found]
    return (numbers[0], numbers[1]) if any(numbers) else None
