"""What comes in below a path, without it: in bytes as it came, and decoded."""

import pytest

from flowkeys.web.requests.below import without, without_text


@pytest.mark.parametrize(
    ("target", "inside"),
    [
        ("/team/keys/keys?a=/team/keys", "/keys?a=/team/keys"),
        ("/team/keys", "/"),
        ("/team/keys/", "/"),
        ("/team/keys?a=b", "/?a=b"),
        ("/team/keys/team/keys", "/team/keys"),
        ("/team/keys/é", "/é"),
        ("/team/keysé", "/team/keysé"),
        ("/team/keys2/keys", "/team/keys2/keys"),
        ("/team/keyskeys", "/team/keyskeys"),
        ("/other/team/keys", "/other/team/keys"),
        ("/keys", "/keys"),
        ("", ""),
    ],
)
def test_a_path_is_taken_off_once_and_whole(target: str, inside: str) -> None:
    """A neighbour whose name begins alike is not below it."""
    assert without_text(target, "/team/keys") == inside
    assert without(target.encode(), b"/team/keys") == inside.encode()


@pytest.mark.parametrize("target", ["/", "/keys", "/keys?a=b", "//keys"])
def test_at_the_root_nothing_is_taken_off(target: str) -> None:
    """There is no path to take off."""
    assert without_text(target, "") == target
