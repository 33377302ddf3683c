"""What a form sent."""

from typing import Any

import httpx
import pytest
from starlette.requests import Request

from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.web.pages import form
from flowkeys.web.pages.form import MAX_FIELDS, MAX_FILES, Form


async def read(
    content: bytes = b"", kind: str | None = "application/x-www-form-urlencoded", *, most: int = 10_000
) -> Form:
    """Read a body that comes in pieces."""
    parts = [content[n : n + 100] for n in range(0, len(content), 100)] or [b""]

    async def receive() -> dict[str, Any]:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    headers = [] if kind is None else [(b"content-type", kind.encode("latin-1"))]
    request = Request({"type": "http", "method": "POST", "headers": headers, "app": None}, receive)
    return await form.read(request, max_bytes=most)


async def multipart(files: Any = None, data: Any = None, *, most: int = 100_000) -> Form:
    """Read what httpx makes of fields and files."""
    sent = httpx.Request("POST", "http://localhost", files=files, data=data)
    return await read(sent.read(), sent.headers["content-type"], most=most)


async def test_the_first_value_of_a_field_is_its_text() -> None:
    """Others are there too, each once, in order."""
    found = await read(b"a=1&b=2&a=3&a=1&c=")
    assert (found.text("a"), found.text("b"), found.text("c", "x")) == ("1", "2", "")
    assert found.all("a") == ["1", "3"]
    assert found.text("d", "otherwise") == "otherwise"
    assert found.all("d") == []
    assert (found.has("c"), found.has("d")) == (True, False)


async def test_text_is_text_in_any_script() -> None:
    """Percent signs and plus signs are decoded, line ends are one character as they were typed."""
    assert (await read(b"a=%E6%9C%AC+b%0D%0Ac")).text("a") == "本 b\nc"
    assert (await multipart({"f": b""}, {"a": "本 b\r\nc"})).text("a") == "本 b\nc"


async def test_files_come_with_their_names() -> None:
    """A field in which no file was chosen is left out."""
    found = await multipart([("f", ("a.md", b"one")), ("f", ("b.md", b"two")), ("g", ("", b""))], {"x": "y"})
    assert found.files == {"f": [("a.md", b"one"), ("b.md", b"two")]}
    assert found.text("x") == "y"


@pytest.mark.parametrize(
    "kind", [None, "", "application/json", "text/plain", "application/x-www-form-urlencodedx"]
)
async def test_what_is_no_form_is_refused(kind: str | None) -> None:
    """Another site can send text/plain without being asked: it is never read as a form."""
    with pytest.raises(InvalidInput, match="Send this as a form"):
        await read(b"a=1", kind)


@pytest.mark.parametrize(
    "kind", ["APPLICATION/X-WWW-FORM-URLENCODED", "application/x-www-form-urlencoded; charset=utf-8"]
)
async def test_the_kind_is_read_as_browsers_write_it(kind: str) -> None:
    """In any case, with parameters."""
    assert (await read(b"a=1", kind)).text("a") == "1"


async def test_too_much_is_refused_before_it_is_all_read() -> None:
    """The limit counts what comes, whatever it says of itself."""
    with pytest.raises(TooLarge):
        await read(b"a=" + b"x" * 20_000)
    with pytest.raises(TooLarge):
        await multipart({"f": ("a", b"x" * 200_000)})


async def test_too_many_fields_and_files_are_refused() -> None:
    """In words, as a mistake of the form."""
    with pytest.raises(InvalidInput, match="fields"):
        await read(b"&".join(b"a=1" for _ in range(MAX_FIELDS + 1)), most=1_000_000)
    with pytest.raises(InvalidInput, match="cannot be read"):
        await multipart([("f", ("x", b"")) for _ in range(MAX_FILES + 1)], most=1_000_000)


async def test_as_many_as_a_form_may_have_are_read() -> None:
    """The limit itself is within."""
    assert (
        len((await read(b"&".join(b"a%d=1" % n for n in range(MAX_FIELDS)), most=1_000_000)).values)
        == MAX_FIELDS
    )


@pytest.mark.parametrize("content", [b"--x\r\nno headers", b"", b"\xff\xfe", b"--x\r\n\r\n--x--"])
async def test_a_broken_multipart_form_is_refused_or_empty(content: bytes) -> None:
    """Never a crash."""
    try:
        found = await read(content, "multipart/form-data; boundary=x")
    except InvalidInput:
        return
    assert found.files == {}


async def test_a_multipart_form_without_its_boundary_is_refused() -> None:
    """In words."""
    with pytest.raises(InvalidInput, match="cannot be read"):
        await read(b"--x--", "multipart/form-data")
