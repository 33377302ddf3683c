"""A server that is killed loses no announcement, and makes none up."""

from tests.durability.process import Serve
from tests.support.flows import make_key
from tests.support.receiver import answering, receiving
from tests.support.waiting import until


def test_what_was_changed_is_announced_after_kill(serve: Serve) -> None:
    """Given a receiver that is down and a kill -9 after the change, it arrives from the next start."""
    with receiving() as receiver:
        server = serve(allowed_endpoints=f"http://127.0.0.1:{receiver.port}")
        api = server.owner()
        receiver.answer = answering(503)
        hook = {"url": receiver.url, "events": ["key.created", "key.revoked"]}
        secret = api.post("/webhooks", json=hook).json()["secret"]
        key = make_key(api, "killed in between")
        assert api.delete(f"/apikey/{key['id']}").status_code == 200
        server.kill()
        receiver.answer = answering(204)
        receiver.received.clear()
        with server.shell() as rows:
            rows.execute("UPDATE webhook_delivery SET next_at = 1")  # the minute of its claims has passed
        server.start()
        told = until(
            lambda: len({one.json["type"] for one in receiver.received}) == 2 and list(receiver.received),
            "both announcements",
        )
        assert {one.json["type"] for one in told} == {"key.created", "key.revoked"}
        assert {one.json["data"]["keyName"] for one in told} == {"killed in between"}
        assert secret not in server.said()
