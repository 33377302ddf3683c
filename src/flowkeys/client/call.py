"""One call to the server, described apart from who performs it.

The sync and the async client share everything but the sending and the waiting.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import msgspec
from msgspec import UNSET

from flowkeys.client.errors import UnexpectedAnswer

T = TypeVar("T")

API_PATH: Final = "/api/v1"


class Call(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A request, and how its answer is read."""

    method: str
    path: str
    decode: Callable[[httpx.Response], T]
    repeatable: bool = True
    """Performing it twice leaves the server as performing it once would."""
    params: Mapping[str, str] = {}
    body: Any = UNSET
    files: Sequence[tuple[str, tuple[str, bytes]]] = ()


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """A part of a long list, and the query of the next part."""

    items: list[T]
    next_params: Mapping[str, str] | None


class Identified(Protocol):
    """Anything with an id: a result can stand wherever an id is asked for."""

    @property
    def id(self) -> str:
        """The id."""
        ...


Ref = str | Identified


def id_of(ref: Ref) -> str:
    """Return the id that `ref` is or has."""
    return ref if isinstance(ref, str) else ref.id


def path(*segments: Ref) -> str:
    """Return a path below the API's, each segment quoted.

    Raises:
        ValueError: a segment is empty or dots, and would name another resource than was meant.
    """
    texts = [id_of(segment) for segment in segments]
    if any(text.strip(".") == "" for text in texts):
        raise ValueError("An id must not be empty.")
    return "".join(f"/{quote(text, safe='')}" for text in texts)


def query(**values: str | int | None) -> dict[str, str]:
    """Return the query parameters that were given."""
    return {name: str(value) for name, value in values.items() if value is not None}


def given(**members: Any) -> dict[str, Any]:
    """Return the members of a body that were given; None is a value, `UNSET` is not.

    Raises:
        ValueError: a time has no time zone, so that it is not known which moment it names.
    """
    body = {name: value for name, value in members.items() if value is not UNSET}
    for name, value in body.items():
        if isinstance(value, datetime) and value.tzinfo is None:
            raise ValueError(f"{name} needs a time zone, for example datetime.now(UTC).")
    return body


def as_type(kind: type[T]) -> Callable[[httpx.Response], T]:
    """Return a reader of bodies that are one `kind`."""
    decoder = msgspec.json.Decoder(kind)
    return lambda response: decoder.decode(response.content)


def as_listing(kind: type[list[T]]) -> Callable[[httpx.Response], Listing[T]]:
    """Return a reader of arrays whose ``Link`` header says where the next part is.

    Only the link's query is used, so that no answer can send the key to another address.
    """
    decoder = msgspec.json.Decoder(kind)

    def read(response: httpx.Response) -> Listing[T]:
        link = response.links.get("next", {}).get("url")
        params = dict(parse_qsl(urlsplit(link).query)) if link else None
        return Listing(decoder.decode(response.content), params)

    return read


def nothing(_: httpx.Response) -> None:
    """Read nothing from an answer that says only that it worked."""


def following(call: Call[Listing[T]], listing: Listing[T]) -> Call[Listing[T]] | None:
    """Return the call for the next part of a list, or None after the last.

    Raises:
        UnexpectedAnswer: the server named the same part again, which would never end.
    """
    if listing.next_params is None:
        return None
    if listing.next_params == call.params:
        raise UnexpectedAnswer("The list's next part is the same part again.")
    return msgspec.structs.replace(call, params=listing.next_params)
