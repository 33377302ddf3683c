"""Records are the same wherever the network cuts the bytes."""

import pytest

from flowkeys.flows.models.records import HEAD_BYTES, Named, Records

STREAMS = {
    b"data: a\n\ndata: b\n\n": [b"a", b"b"],
    b"data:a\r\n\r\ndata: b\r\n\r\n": [b"a", b"b"],
    b"data: a\r\rdata: b\r\r": [b"a", b"b"],
    b"data: a\r\n\rdata: b\n\r\n": [b"a", b"b"],
    b"\xef\xbb\xbfdata: a\n\n": [b"a"],
    b"data:  a\n\n": [b" a"],
    b"data: a\ndata\ndata: b\n\n": [b"a\n\nb"],
    b": c\ndata: a\nid: 1\nretry: 3\nother: x\nalone\n\n": [b"a"],
    b"event: error\ndata: a\n\ndata: b\n\n": [Named(b"error", b"a"), b"b"],
    b"event:x\n\ndata: b\n\n": [Named(b"x", b""), b"b"],
    b"data: a": [b"a"],
    b"data: a\n": [b"a"],
    b"data: \xe2\x80\xa8\x85\x0c\n\n": [b"\xe2\x80\xa8\x85\x0c"],
    b"\n\n\n": [],
    b"": [],
    b'{"a":1}\n{"b":2}\n': [b'{"a":1}', b'{"b":2}'],
    b'{"a":1}\r\n\r\n{"b":2}': [b'{"a":1}', b'{"b":2}'],
    b'{\n"a":\n1}\n': [b'{\n"a":\n1}\n'],
    b'  [{"a":1}]': [b'[{"a":1}]'],
}


@pytest.mark.parametrize("sent", STREAMS)
def test_records_do_not_depend_on_where_the_network_cuts(sent: bytes) -> None:
    """Cut in two at each byte, and cut into bytes."""
    cuts = [[sent[:at], sent[at:]] for at in range(len(sent) + 1)]
    for parts in [*cuts, [bytes([byte]) for byte in sent]]:
        records = Records()
        found = [record for part in parts for record in records.feed(part)]
        assert [*found, *records.finish()] == STREAMS[sent]


def test_the_beginning_is_kept_for_the_log() -> None:
    """However long an answer is, a little of it."""
    records = Records()
    for _ in range(100):
        records.feed(b"x" * 100)
    assert records.head == b"x" * HEAD_BYTES
