"""What browsers call themselves, in words."""

import pytest

from flowkeys.web.pages.people.browsers import describe

_LIKE = "AppleWebKit/537.36 (KHTML, like Gecko)"
_PHONE = "Mozilla/5.0 (Linux; Android 14)"
_APPLE = "like Mac OS X"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {_LIKE} Chrome/128.0.0.0 Safari/537.36", "Chrome on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0) {_LIKE} Chrome/128.0 Safari/537.36 Edg/128.0", "Edge on Windows"),
        (f"{_PHONE} {_LIKE} Chrome/128.0 Mobile Safari/537.36 EdgA/128.0", "Edge on Android"),
        (f"Mozilla/5.0 (Windows NT 10.0) {_LIKE} Chrome/127.0 Safari/537.36 OPR/113.0", "Opera on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) {_LIKE} Version/17.5 Safari/605", "Safari on macOS"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17 {_APPLE}) {_LIKE} CriOS/1 Safari/604", "Chrome on iPhone"),
        (f"Mozilla/5.0 (iPad; CPU OS 17 {_APPLE}) {_LIKE} FxiOS/130 Safari/605", "Firefox on iPad"),
        (f"{_PHONE} {_LIKE} SamsungBrowser/26.0 Chrome/122.0 Safari/537.36",
         "Samsung Internet on Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541) {_LIKE} Chrome/128.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.5.0", "curl"),
        ("Something/1.0 (Linux)", "A browser on Linux"),
        ("<script>alert(1)</script>", "A browser"),
        ("", "A browser"),
        (None, "A browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_as_its_owner_knows_it(user_agent: str | None, words: str) -> None:
    """Most claim to be several; nothing that was sent is repeated."""
    assert describe(user_agent) == words
