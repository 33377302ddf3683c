"""Who changes a policy has the keys announced that do not keep to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.support.flows import make_key
from tests.support.people import person
from tests.support.receiver import Receiver, receiving
from tests.support.server import Api, Running
from tests.support.waiting import until

NOTHING = {
    "maxLifetimeDays": None,
    "expiryRequired": False,
    "rotateAfterDays": None,
    "maxKeysPerPerson": None,
    "allowedIps": [],
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver that the server may call."""
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def hooked(serve: Callable[..., Running], receiver: Receiver) -> Running:
    """A server whose operator listed the receiver."""
    return serve(allowed_endpoints=(f"http://127.0.0.1:{receiver.port}",))


@pytest.fixture
def api(hooked: Running, receiver: Receiver) -> Iterator[Api]:
    """Who may do everything, with a webhook for the event and no policy."""
    client = hooked.owner()
    client.put("/policy", json=NOTHING)
    receiver.afresh()
    hook = client.post("/webhooks", json={"url": receiver.url, "events": ["policy.broken"]}).json()
    client.headers["x-secret"] = hook["secret"]  # for the tests; the server does not look at it
    yield client
    client.put("/policy", json=NOTHING)
    client.delete(f"/webhooks/{hook['id']}")


def told(receiver: Receiver, key: dict[str, Any]) -> list[list[str]]:
    """Return the policies that a key was announced to break, event by event."""
    data = [one.json["data"] for one in receiver.of("policy.broken")]
    return [[each["policy"] for each in one["breaches"]] for one in data if one.get("keyId") == key["id"]]


def test_each_key_is_announced_once_for_a_change(api: Api, receiver: Receiver) -> None:
    """With what it does not keep to of what was changed, and what to do; what keeps to it is not named."""
    forever, month = make_key(api, "for ever"), make_key(api, "a month", expiresIn="30d")
    gone = make_key(api, "gone")
    api.delete(f"/apikey/{gone['id']}")
    assert api.put("/policy", json={"expiryRequired": True}).is_success
    until(lambda: told(receiver, forever) == [["expiryRequired"]], "the key without an end")
    (event,) = [one for one in receiver.of("policy.broken") if one.json["data"]["keyId"] == forever["id"]]
    assert Webhook(api.headers["x-secret"]).verify(event.body, event.headers)["type"] == "policy.broken"
    data = event.json["data"]
    assert (data["keyName"], data["by"]["name"]) == ("for ever", "owner")
    (breach,) = data["breaches"]
    assert (breach["field"], breach["action"]) == ("expiresAt", "update")
    assert "expiryRequired" in breach["message"]
    assert breach["latest"] is None
    until(lambda: len(receiver.of("policy.broken")) == data["keysInAll"], "each of the keys it counted")
    assert forever["apiKey"] not in event.body.decode()
    api.put("/policy", json={"expiryRequired": True})  # as it is: nothing was changed
    api.put("/policy", json={"maxLifetimeDays": 10})
    until(lambda: told(receiver, month) == [["maxLifetimeDays"]], "the key that lasts too long")
    until(lambda: len(told(receiver, forever)) >= 2, "the other again")
    assert told(receiver, forever) == [["expiryRequired"], ["maxLifetimeDays"]]
    assert told(receiver, gone) == []
    latest = [
        breach["latest"]
        for one in receiver.of("policy.broken")
        for breach in one.json["data"]["breaches"]
        if breach["policy"] == "maxLifetimeDays" and one.json["data"]["keyId"] == month["id"]
    ]
    checked = [one for one in api.get("/policy/check").json()["data"] if one["key"]["id"] == month["id"]]
    assert latest == [breach["latest"] for one in checked for breach in one["breaches"]]
    assert latest[0] > "2"


def test_networks_and_relief(api: Api, receiver: Receiver) -> None:
    """Networks are told by key; a policy that is taken back, or asks for less, is broken by nobody."""
    outside = make_key(api, "outside", allowedIps=["203.0.113.7"])
    api.put("/policy", json={"allowedIps": ["127.0.0.0/8", "198.51.100.0/24"]})
    until(lambda: told(receiver, outside) == [["allowedIps"]], "the key with other networks")
    api.put("/policy", json={"allowedIps": []})
    inside = make_key(api, "for ever")
    api.put("/policy", json={"rotateAfterDays": 30})
    api.put("/policy", json={"expiryRequired": True})
    until(lambda: told(receiver, inside) == [["expiryRequired"]], "the last change")
    until(lambda: told(receiver, outside) == [["allowedIps"], ["expiryRequired"]], "the same of the other")


def test_people_with_too_many_keys(api: Api, hooked: Running, receiver: Receiver) -> None:
    """They are named with how many they have, once."""
    with hooked.api(None, **person(hooked).headers) as theirs:
        for number in range(3):
            assert theirs.post("/apikey", json={"keyName": f"{number}"}).status_code == 201
    api.put("/policy", json={"maxKeysPerPerson": 2})
    until(lambda: receiver.of("policy.broken"), "the person")
    (event,) = receiver.of("policy.broken")
    data = event.json["data"]
    assert (data["keys"], data["breaches"][0]["policy"]) == (3, "maxKeysPerPerson")
    assert "keyId" not in data
