"""What the server and the processes that run code say to each other: a length of four bytes, then JSON."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

LENGTH_BYTES: Final = 4

Outward = Callable[["Request"], Awaitable["Answer"]]
"""Makes a call that code asks for, as far as it is allowed, or says why not."""


class Request(msgspec.Struct, frozen=True):
    """A call that code asks for."""

    run: int
    id: int
    url: str
    method: str
    headers: dict[str, str]
    body: str | None
    redirect: bool
    """Whether it goes where the answer says."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it."""

    run: int
    id: int
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    url: str = ""
    redirected: bool = False
    error: str | msgspec.UnsetType = msgspec.UNSET


class Returned(msgspec.Struct, frozen=True):
    """What a function returned, in the forms that Flowise makes of it."""

    token: Any = None
    """What it says in a stream; None: nothing, which is so for all that counts as false in JavaScript."""
    content: Any = msgspec.UNSET
    """What stands for the node: a text, number or boolean; unset when it returned nothing."""
    text: str = ""
    """What a tool says."""


class Said(msgspec.Struct, frozen=True):
    """What a process says: one of these."""

    done: Returned | None = None
    failed: str | None = None
    over: str | None = None
    call: Request | None = None


class CallRefused(Exception):
    """A call is not made, or came to nothing; why is fit for who made the flow."""


class CodeFailed(Exception):
    """The code threw, or took more than it may; the message says so in words."""


class Job(msgspec.Struct, frozen=True):
    """What is to run."""

    code: str
    given: str
    """Its variables, as a JSON object."""
    now: int
    """The time, in milliseconds since 1970."""


class Sent(msgspec.Struct, frozen=True):
    """What a process is given to run."""

    run: int
    """Told again with each call out, so that no answer comes to a later run."""
    code: str
    given: str
    now: int
    seconds: float
    output: int


said_decoder: Final = msgspec.json.Decoder(Said)
