"""``/``: how things stand at a glance, and the way to the first call."""

from collections.abc import Callable

import msgspec

from flowkeys.bootstrap import clock
from flowkeys.domain.usage.usage import HOUR, NUMBERS, Counted, Door
from flowkeys.service.keys.policies import Policies
from flowkeys.service.ports.usage import Batch
from tests.pages.axe import assert_accessible
from tests.pages.place import DAY, Place
from tests.pages.reading import links, words
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.people import person
from tests.support.server import Running
from tests.support.waiting import until


def test_a_new_workspace_is_led_to_its_first_call(server: Running, visit: Callable) -> None:
    """A step at a time: what is there is ticked off, the next one is a link, and a call ends it."""
    place = Place(server)
    page = place.get("/", place.owner)
    assert {"/chatflows/new", "/keys/new"} <= links(page)
    assert "Keys that fail most" not in words(page)
    flow = place.chatflow("First")
    page = place.get("/", place.owner)
    assert "/chatflows/new" not in links(page)
    assert "/keys/new" in links(page)
    made = bound_key(server.owner(place.name), {"id": flow}, "First key")
    assert "To the chatflows" in words(place.get("/", place.owner))
    window = visit("/", place.owner, at=server)
    assert_accessible(window.page)
    api = server.api(made["apiKey"])
    assert api.post(f"/prediction/{flow}", json={"question": "Hello"}).status_code == 200
    page = words(place.get("/", place.owner))
    assert "From here to the first call" not in page
    assert "Calls 1 Ended well 1 Refused 0 Failed 0" in page


def test_what_fails_and_what_runs_out_is_named(server: Running, visit: Callable) -> None:
    """Keys that fail most, the worst first; that expire soon, the first first; that are due; and webhooks."""
    place = Place(server)
    flow = make_chatflow(server.owner(place.name))["id"]
    fails, worst, fine = (place.key(name, chatflows=(flow,)) for name in ("Fails", "Worst", "Fine"))
    place.key("Ends first", ends_in=2 * DAY)
    place.key("Ends later", ends_in=9 * DAY)
    place.key("Ends much later", ends_in=90 * DAY)
    now = clock()
    hour, door = now - now % HOUR, Door.PREDICTION
    counted = [
        Counted(hour - back * HOUR, place.id, key.id, flow, "", door, how, [n, *[0] * (NUMBERS - 1)])
        for key, how, n, back in (
            (fails, "rate_limited", 3, 0),
            (worst, "upstream_failed", 7, 1),
            (worst, "client_gone", 50, 1),
            (fine, "ok", 100, 1),
            (fine, "rate_limited", 90, 30),
        )
    ]
    server.do(server.runtime.usage_store.add(Batch(place.name, 1, counted)))
    text = words(place.get("/", place.owner))
    assert "Calls 160 Ended well 100 Refused 3 Failed 57" in text
    assert "Calls 250 Ended well 100 Refused 93 Failed 57" in text
    assert "Worst 7 calls, most of them failed at a model or service" in text
    assert "Fails 3 calls, most of them above a rate limit" in text
    assert "Fine 9" not in text
    assert text.index("Ends first") < text.index("Ends later")
    assert "Ends much later" not in text
    assert "due for rotation" not in text
    policies: Policies = server.runtime.policies
    server.do(policies.update(place.caller, lambda old: msgspec.structs.replace(old, rotate_after_days=30)))
    with server.shell() as rows:
        for table, column in (("token", "key_id"), ("api_key", "id")):
            sql = f"UPDATE {table} SET created_at = ? WHERE {column} = ?"
            rows.execute(sql, (now - 31 * DAY, fine.id))
    text = words(place.get("/", place.owner))
    assert "due for rotation Fine has its token since" in text
    window = visit("/", place.owner, at=server)
    assert_accessible(window.page)


def test_a_quota_near_its_end_is_named(server: Running) -> None:
    """A key's and a customer's, the most used first; one that has much left is not."""
    place = Place(server)
    owner = server.owner(place.name)
    customer = make_customer(owner, "Nearly done Ltd", quotas=[{"calls": 10, "period": "month"}])
    ends = make_key(owner, "Ends", quotas=[{"calls": 4, "period": "30d"}, {"calls": 1000, "period": "month"}])
    much = make_key(owner, "Much is left", quotas=[{"calls": 10, "period": "month"}])
    theirs = make_key(owner, "Theirs", customerId=customer["id"])
    for key, calls in ((ends, 4), (much, 7), (theirs, 8)):
        api = server.api(key["apiKey"])
        for _ in range(calls):
            assert api.get("/auth/verify").status_code == 200
    said = "Quotas near their end Ends 4 of 4/30d Nearly done Ltd 8 of 10/month"
    until(lambda: said in words(place.get("/", place.owner)), "what was used to be stored")
    assert "Much is left" not in words(place.get("/", place.owner))


def test_a_webhook_that_receives_nothing_is_named(server: Running) -> None:
    """With why, to who may see webhooks."""
    place = Place(server)
    owner = server.owner(place.name)
    place.key("There is a key")
    made = owner.post("/webhooks", json={"url": "https://flowkeys.invalid/hook", "events": ["key.created"]})
    assert made.status_code == 201, made.text
    assert "receive nothing" not in words(place.get("/", place.owner))
    assert owner.post(f"/webhooks/{made.json()['id']}/test").status_code in {200, 201, 202}
    until(lambda: "receive nothing" in words(place.get("/", place.owner)), "a delivery to fail")
    assert "https://flowkeys.invalid/hook 1 delivery failed: " in words(place.get("/", place.owner))
    assert "flowkeys.invalid" not in words(
        place.get("/", place.person("member", permissions=("apikeys:view",)))
    )


def test_who_may_not_see_keys_begins_elsewhere(server: Running) -> None:
    """With the chatflows, or the account."""
    place = Place(server)
    for held, where in ((("chatflows:view",), "/chatflows"), ((), "/account")):
        who = person(server, "member", workspace=place.name, permissions=held)
        assert place.get("/", who).headers["location"] == where
