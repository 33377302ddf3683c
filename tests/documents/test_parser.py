"""Parsing in another process: limits hold, and no file takes the server with it."""

import asyncio
import hashlib
import os
import zlib
from pathlib import Path

import pytest

from flowkeys.documents import parser as parser_module
from flowkeys.documents.parser import SubprocessParser
from flowkeys.domain.documents.collection import Passage
from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.service.documents.collections import DocumentLimits
from tests.documents.support import pdf
from tests.support.waiting import PATIENCE_SECONDS, soon


def memory_bomb() -> bytes:
    """Return a PDF of a megabyte whose one page unpacks to a gigabyte."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(b"\0" * 2**20) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    packed = pieces[0] + pieces[1] * 1023  # after a full flush, equal pieces are packed alike
    packed += b"\3\0" + (2**30 % 65521 << 16 | 1).to_bytes(4)  # the end, and the check sum of so many zeros
    header = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
    plain = pdf("x")
    start, end = plain.index(b"5 0 obj\n") + 8, plain.index(b"\nendstream")
    return plain[:start] + header + packed + plain[end:]


def proc(parser: SubprocessParser, name: str) -> bytes:
    """Return what the kernel says of the idle process."""
    return Path(f"/proc/{parser._idle[0]._process.pid}/{name}").read_bytes()


async def test_a_file_comes_back_as_passages(parser: SubprocessParser) -> None:
    """With its media type, size and digest, which the server works out itself."""
    content = b"# Keys\n\nHow to revoke them."
    parsed = await parser.parse("guide/keys.md", content)
    assert parsed.passages == (Passage("Keys", "How to revoke them."),)
    assert (parsed.source, parsed.media_type, parsed.size_bytes) == ("guide/keys.md", "text/markdown", 27)
    assert parsed.sha256 == hashlib.sha256(content).hexdigest()


async def test_one_process_parses_many_files(parser: SubprocessParser) -> None:
    """An import does not pay for a process with each file."""
    for number in range(5):
        await parser.parse(f"{number}.md", b"text")
    (worker,) = parser._idle
    assert worker.files == 5


async def test_files_of_two_callers_are_parsed_side_by_side(parser: SubprocessParser) -> None:
    """Answers are not mixed up when calls overlap."""
    texts = [f"text {number}" for number in range(20)]
    parsed = await asyncio.gather(*(parser.parse("a.txt", text.encode()) for text in texts))
    assert [item.passages[0].content for item in parsed] == texts


@pytest.mark.parametrize(
    ("source", "content", "message"),
    [
        ("a.exe", b"MZ", "files of this kind cannot be read"),
        ("noname", b"text", "files of this kind cannot be read"),
        ("a.txt", b"a\0b", "binary"),
        ("a.md", b"", "no text"),
        ("a.pdf", b"%PDF-1.4 garbage", "damaged"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(
    parser: SubprocessParser, source: str, content: bytes, message: str
) -> None:
    """The error names the form's field, and its message the file."""
    with pytest.raises(InvalidInput, match=f"{source}: .*{message}") as caught:
        await parser.parse(source, content)
    assert [error.field for error in caught.value.errors] == ["files"]


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("bytes.txt", b"x" * 2_000_001),
        ("passages.md", b"# A\n\ntext\n\n" * 51),
        ("pages.pdf", pdf(*"abcdef")),
        ("memory.pdf", memory_bomb()),
        ("passages.html", b"<h2>A<p>text" * 51),
        ("table.md", b"|a|b|\n|-|-|\n" + b"|1|2|\n" * 300_000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_beyond_a_limit_is_too_large_and_the_next_is_parsed(
    parser: SubprocessParser, source: str, content: bytes
) -> None:
    """Given a bomb of memory, time, pages or passages, its caller is told, and nobody else notices."""
    with pytest.raises(TooLarge, match=source):
        await parser.parse(source, content)
    assert (await parser.parse("next.md", b"fine")).passages == (Passage("", "fine"),)


async def test_a_process_that_dies_is_replaced(parser: SubprocessParser) -> None:
    """Killed while it was idle or at work: the next file gets another."""
    await parser.parse("a.md", b"text")
    worker = parser._idle[0]._process
    os.kill(worker.pid, 9)
    await worker.wait()
    assert (await parser.parse("b.md", b"text")).passages


async def test_a_cancelled_call_leaves_no_process_at_work(parser: SubprocessParser) -> None:
    """Given an upload whose client went away, its process ends and the slot is free again."""
    await parser.parse("a.md", b"text")
    process = parser._idle[0]._process
    call = asyncio.create_task(parser.parse("slow.md", b"|a|b|\n|-|-|\n" + b"|1|2|\n" * 300_000))
    await soon(lambda: not parser._idle, "a file that is read")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert process.returncode is not None
    assert parser._idle == []
    assert parser._slots._value == parser_module._WORKERS


async def test_an_idle_process_goes_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that nobody uploads to keeps no parser in memory."""
    parser = SubprocessParser()
    await parser.parse("a.md", b"text")
    process = parser._idle[0]._process
    monkeypatch.setattr(parser_module, "_IDLE_SECONDS", 0.01)
    await parser.parse("b.md", b"text")  # after which it may be gone at once
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    assert parser._idle == []


async def test_aclose_ends_the_processes() -> None:
    """After it nothing runs."""
    parser = SubprocessParser()
    await parser.parse("a.md", b"text")
    process = parser._idle[0]._process
    await parser.aclose()
    assert process.returncode is not None


async def test_the_process_knows_no_secret(parser: SubprocessParser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the server's settings nor any model's key is in its environment."""
    monkeypatch.setenv("FLOWKEYS_SECRET", "server-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "model-key")
    await parser.parse("a.md", b"text")
    environment = proc(parser, "environ")
    names = {item.partition(b"=")[0] for item in environment.split(b"\0") if item}
    assert names <= {b"LANG", b"LC_CTYPE", b"LD_LIBRARY_PATH"}


async def test_the_process_is_limited_by_the_kernel(parser: SubprocessParser) -> None:
    """Memory and processor time are bounded; it can make no file, no core dump and no process."""
    await parser.parse("a.md", b"text")
    text = proc(parser, "limits").decode()
    soft = {line[:25].strip(): line[26:46].strip() for line in text.splitlines()[1:]}
    assert soft["Max address space"] == str(DocumentLimits().memory_bytes)
    assert soft["Max file size"] == soft["Max core file size"] == soft["Max processes"] == "0"
    assert int(soft["Max cpu time"]) <= 10
