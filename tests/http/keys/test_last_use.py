"""`lastUsedAt` of a single key: what was accepted a moment ago is known before it is stored."""

from collections.abc import Callable

from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running


def test_a_key_shows_a_use_that_is_not_stored_yet(start: Callable[..., Running]) -> None:
    """Who is about to revoke a key sees that it is in use; the whole key can be put back as it was read."""
    own = start(usage_flush_seconds=300)  # nothing is stored meanwhile
    owner = own.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    caller = own.api(key["apiKey"])
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None
    assert caller.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200
    own.agree()
    shown = owner.get(f"/apikey/{key['id']}").json()
    assert shown["lastUsedAt"] is not None
    assert owner.put(f"/apikey/{key['id']}", json={**shown, "note": "seen"}).status_code == 200
    own.store()
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] == shown["lastUsedAt"]
    assert shown["lastAddress"] == "127.0.0.1"


def test_who_used_it_last_is_told(owner: Api, server: Running) -> None:
    """Where from and by what, on each way, before it is stored and after; tokens taken out, then cut.

    A list says the same. What was read may be put back, though it moved on since.
    """
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, "seen", permissions=["apikeys:view"])
    path = f"/apikey/{key['id']}"
    shown = owner.get(path).json()
    assert (shown["lastAddress"], shown["lastUserAgent"]) == (None, None)
    for number, (method, where, body) in enumerate(
        (
            ("POST", f"/prediction/{chatflow['id']}", {"question": "x"}),
            ("POST", f"/prediction/{chatflow['id']}", {"question": "x", "streaming": True}),
            ("GET", "/auth/verify", None),
            ("POST", "/apikey/verify", {}),
            ("GET", "/apikey", None),
        )
    ):
        agent = f"billing/{number} ({key['apiKey']}) " + "x" * 300
        with server.api(key["apiKey"], **{"User-Agent": agent}) as api:
            assert api.request(method, where, json=body).status_code == 200
        expected = "127.0.0.1", (f"billing/{number} (fl-…) " + "x" * 300)[:200]
        server.agree()
        shown = owner.get(path).json()
        assert (shown["lastAddress"], shown["lastUserAgent"]) == expected, where
        server.store()
        for again in (owner.get(path).json(), *owner.get("/apikey", params={"search": "seen"}).json()):
            if again["id"] == key["id"]:
                assert (again["lastAddress"], again["lastUserAgent"]) == expected, where
    assert owner.post("/apikey/verify", json={"token": key["apiKey"], "address": "10.2.0.7"}).json()["valid"]
    server.agree()
    assert owner.put(path, json={**shown, "note": "x"}).status_code == 200
    later = owner.get(path).json()
    assert (later["lastAddress"], later["lastUserAgent"], later["note"]) == ("10.2.0.7", None, "x")
