"""`client.webhooks`: where events are announced."""

from tests.client.conftest import Sdk
from tests.client.scripted import Scripted

ROOT = "/api/v1/webhooks"
HOOK = {"id": "w1", "url": "https://example.com/hook", "events": ["key.revoked"], "state": "enabled"}
MADE = {**HOOK, "secret": "whsec_c2VjcmV0"}
SENT = {
    "id": "d1",
    "webhookId": "w1",
    "eventId": "e1",
    "eventType": "webhook.test",
    "eventAt": "2027-01-31T09:00:00.000Z",
    "status": "pending",
}


async def test_the_life_of_a_webhook(sdk: Sdk, server: Scripted) -> None:
    """Each verb is one call to its path, and the secret is where it was made and nowhere else."""
    for answer in (MADE, [HOOK], HOOK, HOOK, MADE, SENT, [SENT], SENT, None):
        server.answers(answer)
    made = await sdk(lambda c: c.webhooks.create("https://example.com/hook", ["key.revoked"]))
    assert (made.secret, "whsec_c2" in repr(made)) == ("whsec_c2VjcmV0", False)
    (listed,) = await sdk(lambda c: c.webhooks.list())
    assert listed == await sdk(lambda c: c.webhooks.get(made))
    await sdk(lambda c: c.webhooks.update(made, events=["key.created"], enabled=False))
    await sdk(lambda c: c.webhooks.replace_secret(made, 60))
    sent = await sdk(lambda c: c.webhooks.test(made))
    assert sent.event_at.year == 2027
    assert await sdk(lambda c: c.webhooks.deliveries(made, status="pending")) == [sent]
    await sdk(lambda c: c.webhooks.resend(made, sent))
    await sdk(lambda c: c.webhooks.delete(made))
    assert [(r.method, r.path.partition("?")[0]) for r in server.requests] == [
        ("POST", ROOT),
        ("GET", ROOT),
        ("GET", f"{ROOT}/w1"),
        ("PUT", f"{ROOT}/w1"),
        ("POST", f"{ROOT}/w1/replace-secret"),
        ("POST", f"{ROOT}/w1/test"),
        ("GET", f"{ROOT}/w1/deliveries"),
        ("POST", f"{ROOT}/w1/deliveries/d1/resend"),
        ("DELETE", f"{ROOT}/w1"),
    ]
    assert server.requests[0].json == {**{n: HOOK[n] for n in ("url", "events")}, "enabled": True}
    assert server.requests[3].json == {"events": ["key.created"], "enabled": False}
    assert server.requests[4].json == {"graceSeconds": 60}
