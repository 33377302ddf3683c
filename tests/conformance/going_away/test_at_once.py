"""Going away: what is taken away is gone at once and for good, and nothing else goes with it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from flowkeys.domain.times import SECOND, from_iso
from tests.conformance import ways
from tests.conformance.tenants import Tenant
from tests.support.databases import ON_POSTGRES
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Running
from tests.support.waiting import until

Change = Callable[[Tenant, dict, dict], Any]


def promised(server: Running) -> None:
    """Wait as long as a change that was made elsewhere may take until it holds here (docs/adr/0011, 0045)."""
    time.sleep(server.runtime.database.bound_ms / 1000)


def by_hand(statement: str) -> Change:
    """Return a change made in the database by another process, and the time it may take to be heard of."""

    def change(tenant: Tenant, key: dict, chatflow: dict) -> None:
        with tenant.server.shell() as rows:
            rows.execute(statement, {"key": key["id"], "chatflow": chatflow["id"]})
        promised(tenant.server)

    return change


def give(tenant: Tenant, key: dict) -> dict:
    """Return a customer that the key now belongs to; the key was used since."""
    customer = make_customer(tenant.owner, "going away")
    assert tenant.owner.put(f"/apikey/{key['id']}", json={"customerId": customer["id"]}).status_code == 200
    assert ways.verify(tenant.server, tenant.chatflow["id"], ways.bearer(key["apiKey"])).code != "unknown_key"
    return customer


def of_customer(action: str) -> Change:
    """Return what is done to all keys of a customer."""

    def change(tenant: Tenant, key: dict, _: dict) -> None:
        customer = give(tenant, key)
        assert tenant.owner.post(f"/customers/{customer['id']}/{action}").status_code == 200

    return change


def given_to_a_disabled_one(tenant: Tenant, key: dict, _: dict) -> None:
    """Move a key to a customer whose keys are refused."""
    customer = make_customer(tenant.owner, "disabled")
    assert tenant.owner.post(f"/customers/{customer['id']}/disable").status_code == 200
    assert tenant.owner.put(f"/apikey/{key['id']}", json={"customerId": customer["id"]}).status_code == 200


def customer_by_hand(statement: str) -> Change:
    """Return a change of a key's customer in the database, by another process, as in a shell."""

    def change(tenant: Tenant, key: dict, _: dict) -> None:
        customer = give(tenant, key)
        with tenant.server.shell() as rows, rows.without_foreign_keys():
            rows.execute(f"{statement} WHERE id = ?", (customer["id"],))
        promised(tenant.server)

    return change


TAKES_AWAY: dict[str, tuple[Change, str]] = {
    "disable": (lambda t, k, _: t.owner.post(f"/apikey/{k['id']}/disable"), "disabled_key"),
    "revoke": (lambda t, k, _: t.owner.delete(f"/apikey/{k['id']}"), "revoked_key"),
    "unbind by update": (
        lambda t, k, _: t.owner.put(f"/apikey/{k['id']}", json={"chatflowIds": []}),
        "chatflow_not_allowed",
    ),
    "unbind by the set": (
        lambda t, k, _: t.owner.put(f"/apikey/{k['id']}/chatflows", json={"chatflowIds": []}),
        "chatflow_not_allowed",
    ),
    "unbind by the chatflow": (
        lambda t, _, c: t.owner.put(f"/chatflows/{c['id']}", json={"apikeyid": None}),
        "chatflow_not_allowed",
    ),
    "unbind one": (
        lambda t, k, c: t.owner.delete(f"/chatflows/{c['id']}/keys/{k['id']}"),
        "chatflow_not_allowed",
    ),
    "bind another key instead": (
        lambda t, _, c: t.owner.put(f"/chatflows/{c['id']}", json={"apikeyid": make_key(t.owner)["id"]}),
        "chatflow_not_allowed",
    ),
    "delete the chatflow": (lambda t, _, c: t.owner.delete(f"/chatflows/{c['id']}"), "chatflow_not_allowed"),
    "disable the customer": (of_customer("disable"), "disabled_key"),
    "revoke the customer": (of_customer("revoke"), "revoked_key"),
    "give it to a disabled customer": (given_to_a_disabled_one, "disabled_key"),
    "disable the customer by hand": (
        customer_by_hand("UPDATE customer SET status = 'disabled'"),
        "disabled_key",
    ),
    "revoke the customer by hand": (
        customer_by_hand("UPDATE customer SET status = 'revoked'"),
        "revoked_key",
    ),
    "disable by hand": (by_hand("UPDATE api_key SET status = 'disabled' WHERE id = :key"), "disabled_key"),
    "revoke by hand": (by_hand("UPDATE api_key SET status = 'revoked' WHERE id = :key"), "revoked_key"),
    "revoke by hand as a service would": (
        by_hand("UPDATE api_key SET status = 'revoked', version = version + 1 WHERE id = :key"),
        "revoked_key",
    ),
    "expire by hand": (by_hand("UPDATE api_key SET expires_at = 1 WHERE id = :key"), "expired_key"),
    "expire the token by hand": (
        by_hand("UPDATE token SET valid_until = 1 WHERE key_id = :key"),
        "expired_key",
    ),
    "unbind by hand": (by_hand("DELETE FROM binding WHERE key_id = :key"), "chatflow_not_allowed"),
    "delete the token by hand": (by_hand("DELETE FROM token WHERE key_id = :key"), "unknown_key"),
}


@pytest.mark.parametrize("by", TAKES_AWAY)
def test_every_way_of_taking_access_away_holds_for_the_next_call(by: str, here: Tenant) -> None:
    """Unkey wrote eviction in nine handlers and forgot the tenth: each way takes effect at once, everywhere.

    The key is used before, so that a cache would hold it.
    """
    change, code = TAKES_AWAY[by]
    chatflow = make_chatflow(here.owner, "going away")
    key = bound_key(here.owner, chatflow)
    headers = ways.bearer(key["apiKey"])
    for way in (*ways.PREDICTIONS.values(), ways.verify):
        assert way(here.server, chatflow["id"], headers).status == 200
    change(here, key, chatflow)
    for way in (*ways.PREDICTIONS.values(), ways.verify):
        assert way(here.server, chatflow["id"], headers).code == code


def test_deleting_the_parent_revokes(own: Running) -> None:
    """LiteLLM#34217: cascade deletes left keys valid. A workspace deleted by hand takes its keys along.

    The commands delete none, and a shell does not look after foreign keys.
    """
    owner, stays = own.owner("to be deleted"), own.owner()
    chatflow, other = make_chatflow(owner), make_chatflow(stays)
    key, kept = bound_key(owner, chatflow), bound_key(stays, other)
    public = make_chatflow(owner, "public", isPublic=True)
    for flow, token in ((chatflow, key["apiKey"]), (other, kept["apiKey"])):
        assert ways.fast_path(own, flow["id"], ways.bearer(token)).status == 200
    assert ways.fast_path(own, public["id"], []).status == 200
    delete = "DELETE FROM workspace WHERE name = 'to be deleted'"
    if ON_POSTGRES:  # where a shell looks after them, too
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            own.by_hand(delete)
        assert ways.fast_path(own, chatflow["id"], ways.bearer(key["apiKey"])).status == 200
        return
    with own.shell() as rows, rows.without_foreign_keys():
        rows.execute(delete)
    promised(own)
    for way in (*ways.PREDICTIONS.values(), ways.verify):
        assert way(own, chatflow["id"], ways.bearer(key["apiKey"])).code == "revoked_key"
        assert way(own, other["id"], ways.bearer(kept["apiKey"])).status == 200
    assert ways.fast_path(own, public["id"], []).status == 401
    assert owner.get("/apikey").status_code == 401


def test_a_permission_that_was_taken_away_is_gone(here: Tenant) -> None:
    """A change of permissions holds for the next call, in both directions."""
    key = make_key(here.owner, "manager", permissions=["apikeys:view"])
    client = here.server.api(key["apiKey"])
    for permissions, status in ((["apikeys:view"], 200), ([], 403), (["chatflows:view"], 403), (["*"], 200)):
        here.owner.put(f"/apikey/{key['id']}", json={"permissions": permissions})
        assert client.get("/apikey").status_code == status


def test_expiry_is_exact(here: Tenant) -> None:
    """The decision is never cached: a key works until its time and not after it, without a change between."""
    for expires_in in ("1s", "9s", "90s"):  # longer where no call ends within the time
        key = bound_key(here.owner, here.chatflow, expiresIn=expires_in)
        expires = (from_iso(key["expiresAt"]) or 0) / SECOND
        caller = here.server.api(key["apiKey"])
        before, after = [], []
        while not after:
            begun = time.time()
            status = caller.post(f"/prediction/{here.chatflow['id']}", json=ways.QUESTION).status_code
            before += [status] if time.time() < expires else []
            after += [status] if begun >= expires else []
        assert after == [401]
        if before:
            break
    assert set(before) == {200}
    assert here.owner.get(f"/apikey/{key['id']}").json()["status"] == "expired"


def test_a_call_that_begins_after_revocation_was_acknowledged_is_refused(here: Tenant) -> None:
    """Dify evicted before it committed: a request in between cached the deleted key. No race does that here.

    Keys are revoked while several clients use them as fast as they can.
    """
    for _ in range(10):
        key = bound_key(here.owner, here.chatflow)
        acknowledged = threading.Event()
        early: list[ways.Decided] = []
        late: list[ways.Decided] = []

        def hammer(
            key: dict = key,
            acknowledged: threading.Event = acknowledged,
            early: list = early,
            late: list = late,
        ) -> None:
            headers, after = ways.bearer(key["apiKey"]), 0
            while after < 5:
                is_late = acknowledged.is_set()
                found = ways.fast_path(here.server, here.chatflow["id"], headers)
                early.append(found)
                if is_late:
                    late.append(found)
                    after += 1

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(hammer) for _ in range(4)]
            until(lambda early=early: len(early) >= 20, "calls before the revocation")
            assert here.owner.delete(f"/apikey/{key['id']}").json()["affected"] == 1
            acknowledged.set()
            for each in running:
                each.result()
        assert {(found.status, found.code) for found in late} == {(401, "revoked_key")}


def test_recording_a_use_never_brings_a_key_back(here: Tenant) -> None:
    """keyshield: a `touch()` wrote a stale cached row back, and a disabled key came alive again.

    A use is recorded, the key is disabled, and the use is flushed after that: in every order the key stays
    disabled, in the database too, and nothing but the time of use has moved.
    """
    runtime = here.server.runtime
    key = bound_key(here.owner, here.chatflow, note="kept")
    caller = here.server.api(key["apiKey"])
    select = (
        "SELECT status, name, permissions, note, version, expires_at, updated_at FROM api_key WHERE id = ?"
    )
    with here.server.shell() as rows:
        for verb, code in (("disable", 401), ("enable", 200)) * 10:
            caller.post(f"/prediction/{here.chatflow['id']}", json=ways.QUESTION)
            assert here.owner.post(f"/apikey/{key['id']}/{verb}").status_code == 200
            before = rows.execute(select, (key["id"],)).fetchone()
            here.server.do(runtime.usage.flush())
            assert rows.execute(select, (key["id"],)).fetchone() == before
            assert before[0] == ("disabled" if verb == "disable" else "active")
            assert ways.fast_path(here.server, here.chatflow["id"], ways.bearer(key["apiKey"])).status == code


def test_disabling_wins_against_use_in_parallel(here: Tenant) -> None:
    """Keyshield's row under load: B disables while A verifies and counts, with flushes all the time."""
    key = bound_key(here.owner, here.chatflow)
    stop = threading.Event()

    def use() -> None:
        while not stop.is_set():
            ways.fast_path(here.server, here.chatflow["id"], ways.bearer(key["apiKey"]))

    def flush() -> None:
        while not stop.is_set():
            here.server.store()

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(use), pool.submit(use), pool.submit(flush)]
        for _ in range(10):
            here.owner.post(f"/apikey/{key['id']}/enable")
            here.owner.post(f"/apikey/{key['id']}/disable")
            refused = ways.fast_path(here.server, here.chatflow["id"], ways.bearer(key["apiKey"]))
            assert (refused.status, refused.code) == (401, "disabled_key")
        stop.set()
        for each in running:
            each.result()
    here.server.store()
    with here.server.shell() as rows:
        status = rows.execute("SELECT status FROM api_key WHERE id = ?", (key["id"],)).fetchone()[0]
    assert status == "disabled"


def test_expired_and_revoked_keys_keep_their_row_name_and_history(here: Tenant) -> None:
    """better-auth deleted expired keys on sight: here both stay, with all that was known of them."""
    for by in ("expire", "revoke"):
        key = bound_key(here.owner, here.chatflow, name=f"kept after {by}", note="kept", expiresIn="1h")
        caller = here.server.api(key["apiKey"])
        caller.post(f"/prediction/{here.chatflow['id']}", json={"question": f"before {by}"})
        if by == "expire":
            by_hand("UPDATE api_key SET expires_at = 1 WHERE id = :key")(here, key, here.chatflow)
        else:
            here.owner.delete(f"/apikey/{key['id']}")
        for _ in range(3):  # being refused removes nothing either
            assert caller.post(f"/prediction/{here.chatflow['id']}", json=ways.QUESTION).status_code == 401
        here.server.store()
        kept = here.owner.get(f"/apikey/{key['id']}").json()
        assert (kept["keyName"], kept["note"]) == (f"kept after {by}", "kept")
        assert kept["status"] == {"expire": "expired", "revoke": "revoked"}[by]
        assert kept["lastUsedAt"] is not None
        assert [flow["id"] for flow in kept["chatFlows"]] == [here.chatflow["id"]]
        listed = here.owner.get("/apikey", params={"status": kept["status"]}).json()
        assert key["id"] in {item["id"] for item in listed}
        messages = here.owner.get(f"/chatflows/{here.chatflow['id']}/messages", params={"keyId": key["id"]})
        assert f"before {by}" in messages.text


def test_a_revoked_key_stays_revoked(here: Tenant) -> None:
    """Revoking is final: nothing that the API offers brings a key back."""
    key = bound_key(here.owner, here.chatflow)
    path = f"/apikey/{key['id']}"
    assert here.owner.delete(path).json()["affected"] == 1
    assert here.owner.delete(path).json()["affected"] == 0
    for method, below, body in (
        ("POST", "/enable", None),
        ("POST", "/disable", None),
        ("PUT", "", {"expiresIn": "90d"}),
        ("PUT", "", {"permissions": ["*"]}),
        ("PUT", "/chatflows", {"chatflowIds": []}),
    ):
        assert here.owner.request(method, path + below, json=body).status_code == 422
    rebound = here.owner.put(
        f"/chatflows/{here.chatflow['id']}", json={"apiKeyIds": [key["id"], here.key["id"]]}
    )
    assert ways.verify(here.server, here.chatflow["id"], ways.bearer(key["apiKey"])).code == "revoked_key"
    assert (rebound.status_code, here.ask()) == (200, 200)  # it was bound, and still opens nothing
