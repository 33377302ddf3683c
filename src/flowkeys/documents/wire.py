"""What the server and its worker say to each other: a length of four bytes, then MessagePack.

Plain values only: whoever took the worker over could send back strange passages, but nothing that runs.
"""

import msgspec

from flowkeys.documents.kinds import Limits
from flowkeys.domain.documents.collection import Passage

LENGTH_BYTES = 4


class Job(msgspec.Struct, frozen=True):
    """A file to parse."""

    source: str
    content: bytes
    limits: Limits
    seconds: int
    """Of processor time."""


class Parsed(msgspec.Struct, frozen=True, tag="parsed"):
    """The passages of the file."""

    passages: tuple[Passage, ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Why there are none; the message is fit for people."""

    message: str
    too_much: bool = False
    last: bool = False
    """The process ends after this answer: the file may have left it in disorder."""


Answer = Parsed | Failed

job_decoder = msgspec.msgpack.Decoder(Job)
answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Parsed | Failed)


def frame(message: Job | Answer) -> bytes:
    """Return a message with its length before it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
