"""Where a sign-in may lead: to a path of this server, and nowhere else."""

import pytest

from flowkeys.web.pages.call import local_path


@pytest.mark.parametrize(
    "text",
    ["/", "/keys", "/keys?search=a%2Fb&page=2", "/keys/1#top", "/a:b", "/keys?next=//x", "/%2F%2Fevil"],
)
def test_a_path_of_this_server_is_kept(text: str) -> None:
    """With its query."""
    assert local_path(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "keys", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/a\\..\\b",
     "https://evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", " /keys",
     "/\t/evil.example", "/\n/evil.example", "/keys\r\nSet-Cookie: a=b", "/\x00", "/\u2028", "\u2215evil",
     "?x", "#x"],
)  # fmt: skip
def test_anything_else_is_the_start(text: str) -> None:
    """No other site, no script, no second header, nothing that a browser reads differently."""
    assert local_path(text) == "/"
    assert local_path(text, "/account") == "/account"
