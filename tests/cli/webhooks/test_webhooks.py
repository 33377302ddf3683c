"""`flowkeys webhooks`, on the data directory and over HTTP alike."""

import pytest

from tests.cli.conftest import Cli

URL = "https://hooks.example.com/of-the-command-line"


def test_the_life_of_a_webhook(cli: Cli, name: str) -> None:
    """Made with its secret alone on the output, shown without it, changed, and deleted; by address or id."""
    url = f"{URL}/{name.replace(' ', '-')}"
    made = cli(
        "webhooks", "create", url, "--event", "key.revoked", "--event", "key.created", "--note", "mine"
    )
    assert made.code == 0, made.err
    assert made.out.startswith("whsec_")
    assert made.out.count("\n") == 1
    secret = made.out.strip()
    shown = cli("webhooks", "show", url, "--json").json
    assert (shown["events"], shown["note"]) == (["key.created", "key.revoked"], "mine")
    for text in (cli("webhooks", "list").out, cli("webhooks", "show", shown["id"]).out):
        assert url in text
        assert secret not in text
    changed = cli("webhooks", "update", url, "--disable", "--event", "key.expired", "--json").json
    assert (changed["state"], changed["events"]) == ("disabled", ["key.expired"])
    refused = cli("webhooks", "test", url, "--json")
    assert refused.failure["errors"][0]["field"] == "enabled"
    another = cli("webhooks", "replace-secret", url, "--grace-seconds", "0", "--json").json
    assert another["secret"] not in {secret, ""}
    assert cli("webhooks", "deliveries", url, "--json").json == []
    assert cli("webhooks", "delete", url).code != 0, "nobody is there to ask"
    assert cli("webhooks", "delete", url, "--yes").code == 0
    assert cli("webhooks", "show", url, "--json").failure["code"] == "not_found"


def test_what_is_wrong_is_said(cli: Cli) -> None:
    """Private addresses, unknown events, and an update of nothing."""
    for arguments, field in (
        (("create", "https://10.0.0.1/x", "--event", "key.created"), "url"),
        (("create", URL, "--event", "key.nothing"), "events"),
        (("create", URL), "events"),
    ):
        found = cli("webhooks", *arguments, "--json")
        assert found.failure["errors"][0]["field"] == field
    assert cli("webhooks", "update", URL).code == 2


@pytest.mark.parametrize("status", ["pending", None])
def test_a_test_event_waits_for_the_server(local: Cli, status: str | None) -> None:
    """On the data directory it is written, for whichever server runs; so is what is sent again."""
    made = local("webhooks", "create", URL, "--event", "key.created", "--json").json
    sent = local("webhooks", "test", made["id"], "--json").json
    again = local("webhooks", "resend", made["id"], sent["id"], "--json").json
    assert again["eventId"] == sent["eventId"]
    more = () if status is None else ("--status", status)
    listed = local("webhooks", "deliveries", made["id"], "--json", *more).json
    assert [one["id"] for one in listed] == [again["id"], sent["id"]]
    assert "webhook.test" in local("webhooks", "deliveries", made["id"]).out
