"""`lastUsedAt` of a single key: what was accepted a moment ago is known before it is stored."""

from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running


def test_a_key_shows_a_use_that_is_not_stored_yet(own: Running) -> None:
    """Who is about to revoke a key sees that it is in use; the whole key can be put back as it was read."""
    owner = own.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    own.loop.call_soon_threadsafe(own.runtime.usage._task.cancel)  # nothing is stored meanwhile
    caller = own.api(key["apiKey"])
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None
    assert caller.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200
    shown = owner.get(f"/apikey/{key['id']}").json()
    assert shown["lastUsedAt"] is not None
    assert owner.put(f"/apikey/{key['id']}", json={**shown, "note": "seen"}).status_code == 200
    own.do(own.runtime.usage.flush())
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] == shown["lastUsedAt"]
