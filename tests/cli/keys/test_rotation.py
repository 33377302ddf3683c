"""``flowkeys keys rotate`` and ``rotation``, on a data directory and over HTTP."""

import pytest

from flowkeys.domain.keys.token import Token
from tests.cli.conftest import Cli

MASK = "fl-" + "•" * 18


def test_a_new_token_is_printed_once_and_the_old_one_works(cli: Cli, name: str) -> None:
    """For people the token alone goes to the standard output; the old one works for a day, unless told."""
    made = cli("keys", "create", name, "--json").json
    result = cli("keys", "rotate", name)
    new = result.out.strip()
    assert Token.parse(new) is not None
    assert new != made["apiKey"]
    assert "shown this once" in result.err
    assert "The old one works until" in result.err
    for token in (made["apiKey"], new):
        assert cli("keys", "verify", "--json", stdin=token).json["valid"] is True
    shown = cli("keys", "show", name, "--json").json
    assert shown["apiKey"] == MASK + new[-4:]
    assert shown["rotation"]["apiKey"] == MASK + made["apiKey"][-4:]
    assert new not in str(shown)
    assert f"({MASK + made['apiKey'][-4:]}) works until" in cli("keys", "show", name).out


def test_a_leaked_key_ends_at_once(cli: Cli, name: str) -> None:
    """`--grace 0`."""
    made = cli("keys", "create", name, "--json").json
    result = cli("keys", "rotate", name, "--grace", "0")
    assert "The old one has ended" in result.err
    refused = cli("keys", "verify", "--json", stdin=made["apiKey"])
    assert refused.code == 5
    assert "replaced by a new one" in refused.out + refused.err
    assert cli("keys", "verify", "--json", stdin=result.out.strip()).json["valid"] is True


def test_a_rotation_is_shown_extended_and_ended(cli: Cli, name: str) -> None:
    """With what is known of the old token; what is not under way is said, and refused."""
    made = cli("keys", "create", name, "--json").json
    assert "is not being rotated" in cli("keys", "rotation", name).out
    assert cli("keys", "rotation", name, "--end", "--json").failure["code"] == "no_rotation"
    begun = cli("keys", "rotate", made["id"], "--grace", "2h", "--finish-when-unused", "90m", "--json").json[
        "rotation"
    ]
    assert begun["finishWhenUnusedSeconds"] == 5400
    again = cli("keys", "rotate", name, "--json")
    assert again.failure["code"] == "rotation_under_way"
    assert again.code == 6
    told = cli("keys", "rotation", name).out
    assert "until it was not used for 90 minutes" in told
    assert "It was not used since." in told
    extended = cli("keys", "rotation", name, "--extend", "7d", "--json").json["rotation"]
    assert extended["endsAt"] > begun["endsAt"]
    assert cli("keys", "rotation", name, "--end", "--json").json["rotation"] is None
    assert cli("keys", "verify", "--json", stdin=made["apiKey"]).code == 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("rotate", "--grace", "soon"), "usage"),
        (("rotate", "--grace", "91d"), "validation_failed"),
        (("rotate", "--grace", "1h", "--finish-when-unused", "2h"), "validation_failed"),
        (("rotation", "--end", "--extend", "1h"), "usage"),
        (("rotation", "--extend", ""), "usage"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    arguments: tuple[str, ...], code: str, cli: Cli, name: str
) -> None:
    """A word that is no duration, a time beyond the bounds, two answers to one question."""
    cli("keys", "create", name)
    failure = cli("keys", arguments[0], name, *arguments[1:], "--json").failure
    assert failure["code"] == code
    assert cli("keys", "show", name, "--json").json["rotation"] is None
