"""Webhooks over HTTP, with a real receiver on this machine and the receivers' own library."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from tests.support.databases import at_rest
from tests.support.flows import make_key
from tests.support.receiver import Receiver, answering, receiving
from tests.support.server import NOBODY, Api, Running
from tests.support.waiting import until

ALL_EVENTS = ["key.created", "key.expiring", "key.expired", "key.disabled", "key.enabled", "key.revoked"]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver that the server may call."""
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def hooked(serve: Callable[..., Running], receiver: Receiver) -> Running:
    """A server whose operator listed the receiver."""
    return serve(allowed_endpoints=(f"http://127.0.0.1:{receiver.port}", NOBODY))


@pytest.fixture
def api(hooked: Running, receiver: Receiver) -> Iterator[Api]:
    """A client that may do everything; webhooks are gone after the test."""
    receiver.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    receiver.afresh()
    client = hooked.owner()
    yield client
    for each in client.get("/webhooks").json():
        client.delete(f"/webhooks/{each['id']}")


def made(api: Api, url: str, *events: str, **members: Any) -> dict[str, Any]:
    """Make a webhook."""
    answer = api.post("/webhooks", json={"url": url, "events": events or ALL_EVENTS, **members})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/webhooks/{answer.json()['id']}"
    return answer.json()


def sent(api: Api, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    """Return what was sent to a webhook, newest first."""
    return api.get(f"/webhooks/{webhook['id']}/deliveries", params=query).json()


def test_the_life_of_a_key_is_announced_and_signed(api: Api, receiver: Receiver) -> None:
    """Each change arrives once, with ids and names, no token, and a signature that receivers accept."""
    webhook = made(api, receiver.url)
    key = make_key(api, "Production")
    for step in ("disable", "enable"):
        assert api.post(f"/apikey/{key['id']}/{step}").status_code == 200
    api.delete(f"/apikey/{key['id']}")
    until(lambda: len(receiver.received) >= 4, "four announcements")
    checks = Webhook(webhook["secret"])
    told = {}
    for one in receiver.received:
        body = checks.verify(one.body, one.headers)
        told[body["type"]] = body
        assert one.headers["content-type"] == "application/json"
        assert key["apiKey"] not in one.body.decode()
        assert key["apiSecret"] not in one.body.decode()
        assert (body["data"]["keyId"], body["data"]["keyName"]) == (key["id"], "Production")
        assert body["data"]["by"]["name"] == "owner"
    assert sorted(told) == ["key.created", "key.disabled", "key.enabled", "key.revoked"]
    assert told["key.revoked"]["data"]["status"] == "revoked"
    assert len({one.id for one in receiver.received}) == 4
    until(lambda: len(sent(api, webhook, status="delivered")) == 4, "the log to say so")
    assert {(each["status"], each["tries"], each["answerCode"]) for each in sent(api, webhook)} == {
        ("delivered", 1, 204)
    }


def test_a_change_of_many_keys_is_announced_for_each(api: Api, receiver: Receiver) -> None:
    """Bulk changes are changes, too; what does not change is not announced."""
    keys = [make_key(api, f"key {number}")["id"] for number in range(3)]
    made(api, receiver.url, "key.revoked")
    api.post("/apikey/bulk/revoke", json={"ids": keys})
    api.post("/apikey/bulk/revoke", json={"ids": keys})
    until(lambda: len(receiver.received) >= 3, "three announcements")
    assert sorted(one.json["data"]["keyId"] for one in receiver.received) == sorted(keys)


def test_only_what_was_asked_for_is_sent_and_nothing_while_disabled(api: Api, receiver: Receiver) -> None:
    """A webhook hears of its events alone; a disabled one of nothing."""
    quiet = made(api, receiver.url, enabled=False)
    loud = made(api, receiver.url, "key.disabled")
    key = make_key(api, "heard of once")
    api.post(f"/apikey/{key['id']}/disable")
    until(lambda: sent(api, loud, status="delivered"), "the one announcement")
    assert [one.json["type"] for one in receiver.received] == ["key.disabled"]
    assert sent(api, quiet) == []
    refused = api.post(f"/webhooks/{quiet['id']}/test")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "enabled")


def test_the_secret_is_shown_once_and_kept_encrypted(api: Api, hooked: Running, receiver: Receiver) -> None:
    """It is in the answer that makes it; in no list, audit row or column of the database."""
    webhook = made(api, receiver.url, note="for the billing team")
    secret = webhook["secret"]
    assert secret.startswith("whsec_")
    assert secret not in api.get("/webhooks").text
    assert secret not in api.get(f"/webhooks/{webhook['id']}").text
    for name, content in at_rest(hooked.data_dir).items():
        assert secret.encode() not in content, name
        assert secret.removeprefix("whsec_").encode() not in content, name
    with hooked.shell() as rows:
        (sealed,) = rows.execute("SELECT sealed FROM webhook_secret").fetchone()
        assert sealed.startswith("aes-256-gcm$")
        (audit,) = rows.execute(
            "SELECT after FROM audit WHERE action = 'webhook.create' ORDER BY seq DESC"
        ).fetchone()
    assert "for the billing team" in audit
    assert "whsec" not in audit


def test_a_replaced_secret_signs_until_its_grace_ends(api: Api, receiver: Receiver) -> None:
    """With grace both sign, so that receivers can change over; without, the new one alone."""
    webhook = made(api, receiver.url)
    path = f"/webhooks/{webhook['id']}"
    second = api.post(f"{path}/replace-secret", json={"graceSeconds": 3600}).json()["secret"]
    api.post(f"{path}/test")
    until(lambda: len(receiver.received) == 1, "the test")
    for secret in (webhook["secret"], second):
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
    third = api.post(f"{path}/replace-secret", json={"graceSeconds": 0}).json()["secret"]
    api.post(f"{path}/test")
    until(lambda: len(receiver.received) == 2, "the second test")
    message = receiver.received[1]
    Webhook(third).verify(message.body, message.headers)
    for secret in (webhook["secret"], second):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(secret).verify(message.body, message.headers)
    assert api.post(f"{path}/replace-secret", json={"graceSeconds": -1}).status_code == 422


def test_a_test_event_and_sending_again(api: Api, receiver: Receiver) -> None:
    """What is sent again has the id of the event, so that a receiver knows it for the same."""
    webhook = made(api, receiver.url, "key.revoked")
    first = api.post(f"/webhooks/{webhook['id']}/test")
    assert (first.status_code, first.json()["eventType"]) == (201, "webhook.test")
    until(lambda: sent(api, webhook, status="delivered"), "the test to arrive")
    again = api.post(f"/webhooks/{webhook['id']}/deliveries/{first.json()['id']}/resend")
    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]
    until(lambda: len(receiver.received) == 2, "the second message")
    assert receiver.received[0].id == receiver.received[1].id == first.json()["eventId"]
    page = api.get(f"/webhooks/{webhook['id']}/deliveries", params={"page": 1, "limit": 1}).json()
    assert (page["total"], len(page["data"])) == (2, 1)


def test_a_receiver_that_is_gone_disables_the_webhook(api: Api, receiver: Receiver) -> None:
    """410 says that nothing more is wanted; people see why, and can turn it on again."""
    receiver.answer = answering(410)
    webhook = made(api, receiver.url)
    api.post(f"/webhooks/{webhook['id']}/test")
    path = f"/webhooks/{webhook['id']}"
    until(lambda: not api.get(path).json()["enabled"], "the webhook to be disabled")
    assert api.get(path).json()["state"] == "gone"
    (one,) = sent(api, webhook)
    assert (one["status"], one["tries"], one["answerCode"], one["nextTryAt"]) == ("failed", 1, 410, None)
    assert api.put(path, json={"enabled": True}).json()["state"] == "enabled"


def test_a_receiver_that_fails_is_tried_again_later(api: Api, receiver: Receiver) -> None:
    """What failed waits for its next try, and says why; redirects are failures and are not followed."""
    with receiving() as elsewhere:
        for answer, why in (
            (answering(500, "Retry-After: 900"), "it answered 500."),  # no second try while this is looked at
            (
                answering(307, f"Location: {elsewhere.url}", "Retry-After: 900"),
                "it answered 307: redirects are not followed.",
            ),
        ):
            receiver.answer = answer
            webhook = made(api, receiver.url)
            api.post(f"/webhooks/{webhook['id']}/test")
            one = until(
                lambda webhook=webhook: next((x for x in sent(api, webhook) if x["failure"]), None),
                "the failure to be told",
            )
            assert (one["status"], one["tries"], one["failure"]) == ("pending", 1, why)
            assert one["nextTryAt"] > one["triedAt"]
        assert elsewhere.received == []


def test_wrong_addresses_and_events_are_refused_by_name(api: Api) -> None:
    """Private networks, plain http and what is no URL are refused when the webhook is made, and changed."""
    webhook = made(api, f"{NOBODY}/hook")
    path = f"/webhooks/{webhook['id']}"
    for url, words in (
        ("http://127.0.0.1:8080/x", "not a public address"),
        ("http://127.0.0.1:8080/x", "allowed_endpoints of config.toml, which commands read too"),
        ("https://10.1.2.3/x", "not a public address"),
        ("https://[::1]/x", "not a public address"),
        ("https://localhost/x", "not a public address"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("http://example.com/x", "https://"),
        ("ftp://example.com/x", "http"),
        ("https://user:pass@example.com/", "user name or password"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com/a b", "characters"),
        ("nonsense", "http"),
        ("", "https://"),
        ("https://example.com/" + "x" * 2000, "2000"),
        ("https://example.com/?key=fl-" + "a" * 32, "key in this address"),
    ):
        for answer in (
            api.post("/webhooks", json={"url": url, "events": ["key.created"]}),
            api.put(path, json={"url": url}),
        ):
            assert answer.status_code == 422, url
            (error,) = answer.json()["errors"]
            assert error["field"] == "url", url
            assert words in error["message"], (url, error["message"])
    for events in ([], ["key.nothing"], ["*"]):
        answer = api.post("/webhooks", json={"url": f"{NOBODY}/hook", "events": events})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "events")
    assert api.get(path).json()["url"] == f"{NOBODY}/hook"


def test_a_whole_webhook_may_be_put_back_and_nothing_is_mass_assigned(api: Api) -> None:
    """As with keys: what may not be written has to stand as it is."""
    webhook = made(api, f"{NOBODY}/hook?team=a%20b", "key.revoked")
    path = f"/webhooks/{webhook['id']}"
    current = api.get(path).json()
    changed = api.put(path, json={**current, "events": ["key.revoked", "key.created"], "note": "new"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["events"], changed.json()["note"]) == (["key.created", "key.revoked"], "new")
    for member in ("id", "state", "createdAt", "createdBy", "workspaceId"):
        refused = api.put(path, json={member: "another"})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, member)
    assert api.put(path, json={"secret": "whsec_"}).status_code == 422


def test_a_deleted_webhook_is_gone_with_its_log(api: Api, hooked: Running, receiver: Receiver) -> None:
    """Its secret, its deliveries and, soon, their events are deleted; a second time there is none."""
    webhook = made(api, receiver.url)
    api.post(f"/webhooks/{webhook['id']}/test")
    until(lambda: receiver.received, "the test")
    path = f"/webhooks/{webhook['id']}"
    assert api.delete(path).json() == {"raw": [], "affected": 1}
    assert api.delete(path).status_code == 404
    with hooked.shell() as rows:
        for table in ("webhook_secret", "webhook_delivery"):
            query = f"SELECT count(*) FROM {table} WHERE webhook_id = ?"
            assert rows.execute(query, (webhook["id"],)).fetchone() == (0,)


def test_two_workspaces_hear_nothing_of_each_other(api: Api, hooked: Running, receiver: Receiver) -> None:
    """A key of another workspace is announced to that workspace's webhooks alone."""
    other = hooked.owner("another workspace")
    mine, theirs = made(api, f"{receiver.url}/mine"), made(other, f"{receiver.url}/theirs")
    make_key(other, "theirs")
    until(lambda: receiver.of("key.created"), "the announcement")
    make_key(api, "mine")
    until(lambda: len(receiver.of("key.created")) == 2, "the other")
    assert [(one.path, one.json["data"]["keyName"]) for one in receiver.of("key.created")] == [
        (urlsplit(theirs["url"]).path, "theirs"),
        (urlsplit(mine["url"]).path, "mine"),
    ]
    assert [each["id"] for each in other.get("/webhooks").json()] == [theirs["id"]]
    assert other.get(f"/webhooks/{mine['id']}/deliveries").status_code == 404
    other.delete(f"/webhooks/{theirs['id']}")
