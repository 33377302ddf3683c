"""How bodies are read: in whatever pieces they come."""

from typing import Any

import pytest
from starlette.types import Receive

from flowkeys.domain.errors import TooLarge
from flowkeys.web.requests.raw_body import ClientGone, read_body

LIMIT = 10_000


def _pieces(body: bytes, *, whole: bool = True) -> Receive:
    """Send a body byte by byte; one that is not whole ends as the client leaves."""
    left = [body[n : n + 1] for n in range(len(body) - 1, -1, -1)]

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        piece = left.pop()
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not whole}

    return receive


async def test_a_body_in_many_pieces_is_whole() -> None:
    """As large as it may be, byte by byte; what is returned can be kept and compared."""
    body = bytes(n % 251 for n in range(LIMIT))
    found = await read_body({"headers": []}, _pieces(body), LIMIT)
    assert (type(found), found) == (bytes, body)


async def test_a_body_may_come_in_one_piece_or_have_none() -> None:
    """A message need not name what it has nothing of."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    assert await read_body({"headers": []}, receive, LIMIT) == b""
    assert await read_body({"headers": []}, _pieces(b"x"), LIMIT) == b"x"


async def test_a_body_over_the_limit_is_refused_as_it_comes() -> None:
    """The one byte too many is enough, announced or not; nothing is waited for behind it."""
    too_large = _pieces(bytes(LIMIT + 1), whole=False)
    with pytest.raises(TooLarge):
        await read_body({"headers": []}, too_large, LIMIT)
    assert (await too_large())["type"] == "http.disconnect"
    untouched = _pieces(b"x")
    with pytest.raises(TooLarge):
        await read_body({"headers": [(b"content-length", b"%d" % (LIMIT + 1))]}, untouched, LIMIT)
    assert (await untouched())["body"] == b"x"


async def test_a_body_that_breaks_off_is_none() -> None:
    """What came of it is not taken for all of it."""
    with pytest.raises(ClientGone):
        await read_body({"headers": []}, _pieces(b"some", whole=False), LIMIT)
