"""What anybody can send to a form cannot stop the server: it is refused before it costs anything."""

import codecs
import unicodedata
from typing import Any

import httpx
import pytest

from tests.support.people import person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

ACCENTS = "a" + "\u0300" * 30_000 + "\u0316" * 30_000
"""Takes half a minute to normalise: the marks are sorted, each past all before it."""
MOST_NORMALISED = 2000


@pytest.fixture
def normalised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of each text that the server brings into a normal form."""
    lengths: list[int] = []
    real = unicodedata.normalize

    def noted(form: Any, text: str) -> str:
        lengths.append(len(text))
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", noted)
    return lengths


@pytest.mark.parametrize("charset", ["punycode", "undefined", "idna", "unicode_escape", "utf-16", "no-such"])
def test_a_client_does_not_choose_the_codec_of_a_form(server: Running, charset: str) -> None:
    """Forms are UTF-8; slow and raising codecs are for nobody to name."""
    part = (
        '--X\r\nContent-Disposition: form-data; name="email"\r\n\r\n'
        + charset
        + "-"
        + "a" * 50_000
        + "\\ud800\r\n--X--\r\n"
    )
    kind = f"multipart/form-data; charset={charset}; boundary=X"
    answer = httpx.post(
        f"{server.url}/sign-in",
        content=part.encode(),
        headers={"Origin": server.url, "Content-Type": kind},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == 422


def test_no_codec_is_looked_up_by_a_name_from_outside(server: Running) -> None:
    """Whatever it is called: Python asks for one that it does not know."""
    asked: list[str] = []
    codecs.register(asked.append)
    try:
        answer = httpx.post(
            f"{server.url}/sign-in",
            content=b'--X\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--X--\r\n',
            headers={
                "Origin": server.url,
                "Content-Type": "multipart/form-data; charset=of_the_client; boundary=X",
            },
            timeout=PATIENCE_SECONDS,
        )
    finally:
        codecs.unregister(asked.append)
    assert answer.status_code == 422
    assert asked == []


def test_an_address_of_a_thousand_accents_is_no_address(server: Running, normalised: list[int]) -> None:
    """Anybody may try to sign in, so its length is looked at first."""
    answer = httpx.post(
        f"{server.url}/sign-in",
        data={"email": ACCENTS, "password": "x"},
        headers={"Origin": server.url},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code in {422, 429}
    assert max(normalised, default=0) <= MOST_NORMALISED


def test_a_search_of_a_thousand_accents_finds_nothing(server: Running, normalised: list[int]) -> None:
    """As much of a search counts as a name can have."""
    owner = person(server)
    with httpx.Client(base_url=server.url, headers=owner.headers, timeout=PATIENCE_SECONDS) as browser:
        found = browser.get("/keys/new/chatflows", params={"chatflowSearch": ACCENTS[:6000]})
        sent = browser.post("/keys/new", data={"do": "search", "chatflowSearch": ACCENTS, "form": "1.x"})
    assert (found.status_code, sent.status_code) == (200, 200)
    assert 0 < max(normalised) <= MOST_NORMALISED
