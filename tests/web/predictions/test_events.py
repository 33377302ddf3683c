"""The bytes of a stream's records."""

import json

import pytest

from flowkeys.web.predictions.events import encode, encode_tokens

PIECES = [
    ["Hello"],
    [" piece"] * 3,
    ["a", ",", "b"],
    ['"', 'x","y', '","', "\\", '\\"', "c"],
    ['a"', ',"b'],
    ["data: 1", "data:", "data", ":data:"],
    ["\n\n", "\u2028", "\x7f", "é😀", "\x00\x1f"],
    ["\\", "\\\\", "ends with \\"],
    [],
]


@pytest.mark.parametrize("pieces", PIECES)
def test_tokens_that_leave_together_are_the_same_records(pieces: list[str]):
    """As if each had been written by itself, whatever is in it; a reader gets the pieces back."""
    written = encode_tokens(pieces)
    assert written == b"".join(encode("token", piece) for piece in pieces)
    records = [record.removeprefix(b"message:\ndata:") for record in written.split(b"\n\n")[:-1]]
    assert [json.loads(record) for record in records] == [{"event": "token", "data": p} for p in pieces]
