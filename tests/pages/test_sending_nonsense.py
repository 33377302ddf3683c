"""What anybody can send to a form cannot stop the server: it is refused before it costs anything."""

import httpx
import pytest

from tests.support.people import person
from tests.support.server import Running

ACCENTS = "a" + "\u0300" * 30_000 + "\u0316" * 30_000
"""Takes half a minute to normalise."""
BOUNDED_SECONDS = 3
"""Not a measurement: what is guarded against takes ten times as long."""


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
        timeout=BOUNDED_SECONDS,
    )
    assert answer.status_code == 422


def test_an_address_of_a_thousand_accents_is_no_address(server: Running) -> None:
    """Anybody may try to sign in, so its length is looked at first."""
    answer = httpx.post(
        f"{server.url}/sign-in",
        data={"email": ACCENTS, "password": "x"},
        headers={"Origin": server.url},
        timeout=BOUNDED_SECONDS,
    )
    assert answer.status_code in {422, 429}


def test_a_search_of_a_thousand_accents_finds_nothing(server: Running) -> None:
    """As much of a search counts as a name can have."""
    owner = person(server)
    with httpx.Client(base_url=server.url, headers=owner.headers, timeout=BOUNDED_SECONDS) as browser:
        found = browser.get("/keys/new/chatflows", params={"chatflowSearch": ACCENTS[:6000]})
        sent = browser.post("/keys/new", data={"do": "search", "chatflowSearch": ACCENTS, "form": "1.x"})
    assert (found.status_code, sent.status_code) == (200, 200)
