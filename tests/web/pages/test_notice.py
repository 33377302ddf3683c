"""A sentence for the next page, in a cookie."""

import base64

import pytest
from starlette.requests import Request
from starlette.responses import Response

from flowkeys.web.pages.frame import notice
from flowkeys.web.requests.origin import Place


def left(text: str, *, is_https: bool = False) -> str:
    """Return the header that leaves a sentence."""
    response = Response()
    notice.leave(response, text, place=Place("https://a.example" if is_https else "http://a.example"))
    return response.headers["set-cookie"]


def taken(value: str) -> str | None:
    """Return what the next page finds, given the cookie's value."""
    header = f"{notice.COOKIE}={value}".encode("latin-1")
    return notice.take(Request({"type": "http", "headers": [(b"cookie", header)]}))


@pytest.mark.parametrize("text", ["The key was made.", "“Bücher; 本, =\r\n” 🦊", "<b>x</b>", "x" * 400])
def test_what_is_left_is_found(text: str) -> None:
    """Whatever letters it has: they break neither the header nor the cookie."""
    header = left(text)
    assert "\r" not in header
    assert taken(header.partition(";")[0].partition("=")[2].strip('"')) == text


def test_a_long_text_is_cut() -> None:
    """A cookie that is too long is lost whole."""
    header = left("本" * 5000)
    assert len(header) < 4096
    assert taken(header.partition(";")[0].partition("=")[2].strip('"')) == "本" * 400


def test_the_cookie_is_kept_short_and_from_scripts() -> None:
    """A minute, this host, no scripts, not with requests from elsewhere; over https never without TLS."""
    header = left("x")
    for part in ("Max-Age=60", "Path=/", "HttpOnly", "SameSite=strict"):
        assert part in header
    assert "Secure" not in header
    assert "Secure" in left("x", is_https=True)


@pytest.mark.parametrize("value", ["", "x", "!!!", "%%%", base64.urlsafe_b64encode(b"\xff\xfe").decode()])
def test_what_nobody_left_is_nothing(value: str) -> None:
    """A cookie that somebody planted breaks no page."""
    assert taken(value) in {None, ""}


def test_planted_words_are_cut_too() -> None:
    """They are shown as text, and no more than our own sentences."""
    found = taken(base64.urlsafe_b64encode(b"<script>" * 1000).decode())
    assert found is not None
    assert len(found) == 400


def test_it_is_shown_once() -> None:
    """The page that shows it takes it away."""
    response = Response()
    notice.forget(response, Place("http://a.example"))
    assert "Max-Age=0" in response.headers["set-cookie"]
