"""Changes that depend on what is there are made in one transaction with looking at it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running


def test_a_whole_object_that_is_out_of_date_is_not_put_back(owner: Api, server: Running) -> None:
    """Putting back what was read before a binding does not undo it: the result is that of some order."""
    for _ in range(15):
        chatflow = make_chatflow(owner, isPublic=True)
        key = make_key(owner)
        url = f"/chatflows/{chatflow['id']}"
        whole = owner.get(url).json()
        start = threading.Barrier(2)

        def send(body: dict, url: str = url, start: threading.Barrier = start) -> int:
            with server.api(owner.token) as api:
                start.wait()
                return api.put(url, json=body).status_code

        with ThreadPoolExecutor(2) as pool:
            bound, put = pool.map(send, [{"apikeyid": key["id"]}, {**whole, "name": "renamed"}])
        after = owner.get(url).json()
        assert bound == 200
        assert (after["isPublic"], after["apiKeyIds"]) == (False, [key["id"]]), (bound, put)


def test_only_one_of_many_put_backs_of_the_same_reading_wins(owner: Api, server: Running) -> None:
    """The others were made from a key that is no longer so."""
    key = make_key(owner)
    url = f"/apikey/{key['id']}"
    whole = owner.get(url).json()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(lambda n: owner.put(url, json={**whole, "note": f"n{n}"}).status_code, range(8))
        )
    assert sorted(statuses) == [200] + [422] * 7


def test_keys_bound_at_the_same_time_are_all_bound(owner: Api, server: Running) -> None:
    """Each call adds or removes its own key and no other."""
    chatflow = make_chatflow(owner)
    keys = [make_key(owner, f"k{n}") for n in range(16)]
    gone = [bound_key(owner, chatflow, f"g{n}") for n in range(8)]
    calls = [("PUT", key) for key in keys] + [("DELETE", key) for key in gone]

    def call(item: tuple[str, dict]) -> int:
        method, key = item
        return owner.request(method, f"/chatflows/{chatflow['id']}/keys/{key['id']}").status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, calls)) == {200}
    after = owner.get(f"/chatflows/{chatflow['id']}").json()
    assert set(after["apiKeyIds"]) == {key["id"] for key in keys}


def test_binding_one_key_more(server: Running, owner: Api) -> None:
    """It ends being public, leaves the others, and may be repeated; unbinding the last leaves it closed."""
    chatflow = make_chatflow(owner, isPublic=True)
    one, two = make_key(owner, "one"), make_key(owner, "two")
    url = f"/chatflows/{chatflow['id']}/keys"
    for key in (one, two, two):
        bound = owner.put(f"{url}/{key['id']}").json()
    assert (bound["isPublic"], bound["apiKeyIds"]) == (False, [one["id"], two["id"]])
    owner.delete(f"{url}/{one['id']}")
    closed = owner.delete(f"{url}/{two['id']}").json()
    assert (closed["isPublic"], closed["apiKeyIds"]) == (False, [])
    assert server.api().post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 401
    assert owner.put(f"{url}/nonsense").status_code == 422
    assert owner.put(f"/chatflows/nonsense/keys/{one['id']}").status_code == 404
    assert owner.delete(f"{url}/nonsense").status_code == 200


def test_taking_the_last_key_from_a_public_chatflow_closes_it(owner: Api) -> None:
    """`apikeyid: null` unbinds and leaves it closed, whatever it was."""
    chatflow = make_chatflow(owner)
    bound_key(owner, chatflow)
    url = f"/chatflows/{chatflow['id']}"
    assert owner.put(url, json={"isPublic": True}).json()["isPublic"] is True
    assert owner.put(url, json={"apikeyid": None}).json()["isPublic"] is False


def test_the_audit_says_what_was_before_each_step(own: Running) -> None:
    """Two keys bound by one call are two steps: none, one, two."""
    owner = own.owner()
    chatflow = make_chatflow(owner)
    keys = [make_key(owner, name)["id"] for name in ("a", "b")]
    owner.put(f"/chatflows/{chatflow['id']}", json={"apiKeyIds": keys})
    owner.put(f"/chatflows/{chatflow['id']}", json={"apiKeyIds": []})
    sql = "SELECT before, after FROM audit WHERE action IN ('chatflow.bind', 'chatflow.unbind') ORDER BY seq"
    rows = own.do(own.runtime.store.read(lambda tx: tx._connection.raw.execute(sql).fetchall()))
    counts = [(len(json.loads(b)["apiKeyIds"]), len(json.loads(a)["apiKeyIds"])) for b, a in rows]
    assert counts == [(0, 1), (1, 2), (2, 1), (1, 0)]


def test_verify_and_prediction_agree_on_public_chatflows(server: Running, owner: Api) -> None:
    """A key of the workspace may call it, bound or not; one of another may not."""
    public = make_chatflow(owner, isPublic=True)
    unbound = make_key(owner)
    foreign = server.key("foreign", workspace="public-elsewhere")
    for key, status in ((unbound, 200), (foreign, 403)):
        api = server.api(key["apiKey"])
        assert api.post(f"/prediction/{public['id']}", json={"question": "x"}).status_code == status
        assert api.post("/apikey/verify", json={"chatflowId": public["id"]}).status_code == status
    asked = {"token": unbound["apiKey"], "chatflowId": public["id"]}
    assert owner.post("/apikey/verify", json=asked).json()["valid"] is True


def test_a_token_is_no_name_and_no_note(owner: Api) -> None:
    """Names and notes are shown to everyone who may list keys."""
    token = make_key(owner)["apiKey"]
    for body in (
        {"keyName": f"old {token}"},
        {"keyName": "x", "note": f"was {token}"},
        {"keyName": "\u200b\u202e"},
    ):
        response = owner.post("/apikey", json=body)
        assert response.status_code == 422
        assert token not in response.text


def test_a_duration_may_replace_the_expiry_of_a_whole_key(owner: Api) -> None:
    """The object holds expiresAt; it has to be the one that stands."""
    key = make_key(owner, expiresIn="1h")
    whole = owner.get(f"/apikey/{key['id']}").json()
    put = owner.put(f"/apikey/{key['id']}", json={**whole, "expiresIn": "90d"})
    assert put.status_code == 200, put.text
    assert put.json()["expiresAt"] > whole["expiresAt"]
    stale = {"expiresAt": "2099-01-01T00:00:00.000Z", "expiresIn": "90d"}
    assert owner.put(f"/apikey/{key['id']}", json=stale).status_code == 422


def test_head_is_answered_as_get(server: Running, owner: Api) -> None:
    """Health checkers ask so."""
    head = server.api().head("/ping")
    assert (head.status_code, head.content) == (200, b"")
    assert owner.head("/apikey").status_code == 200
    assert server.api().head("/apikey").status_code == 401
