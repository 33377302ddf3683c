"""What is read of a model's answer: the members that are used, in OpenAI's names, and no others.

Every member that servers fill in different ways is taken as it comes; `deviations` says what it means.
"""

from typing import Any

import msgspec


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


decode = msgspec.json.Decoder(Chunk).decode
"""Returns the chunk that a record is.

Raises:
    ValueError: it is not JSON, or has another shape: `deviations.read` looks closer.
"""
