"""Going away while others do the same, or call: what was answered holds, whatever came first."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance import ways
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow, make_customer
from tests.support.waiting import until

AT_ONCE = 8


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at one time, and return their answers in this order."""
    begin = threading.Barrier(len(calls))

    def go(call: Callable[[], Any]) -> Any:
        begin.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(go, call) for call in calls]]


def said(here: Tenant, token: str) -> str | None:
    """Return what is said of a token, by way of itself."""
    return ways.forward_auth(here.server, here.chatflow["id"], ways.bearer(token)).code


@pytest.mark.parametrize("grace", [3600, 0])
def test_of_many_rotations_at_a_time_one_is_done(grace: int, here: Tenant) -> None:
    """One is 201; with a grace the others are told that it is under way, and made no token that works.

    With none each may follow another: then one token works, that of the last.
    """
    for _ in range(3):
        key = bound_key(here.owner, here.chatflow)
        path = f"/apikey/{key['id']}/rotate"
        answers = together(
            *[lambda: here.owner.post(path, json={"graceSeconds": grace})] * AT_ONCE  # noqa: B023
        )
        codes = Counter(answer.json().get("code", answer.status_code) for answer in answers)
        new = [answer.json()["apiKey"] for answer in answers if answer.status_code == 201]
        assert codes == ({201: 1, "rotation_under_way": AT_ONCE - 1} if grace else {201: AT_ONCE})
        works = [token for token in [key["apiKey"], *new] if said(here, token) is None]
        assert len(works) == (2 if grace else 1)
        with here.server.shell() as rows:
            (stored,) = rows.execute("SELECT count(*) FROM token WHERE key_id = ?", (key["id"],)).fetchone()
        assert stored == 1 + len(new)
        hint = here.owner.get(f"/apikey/{key['id']}").json()["apiKey"][-4:]
        assert hint in {token[-4:] for token in works}


@pytest.mark.parametrize(("how", "code"), [("revoke", "revoked_key"), ("customer", "revoked_key")])
def test_a_rotation_beside_a_revocation_leaves_no_token_that_works(how: str, code: str, here: Tenant) -> None:
    """Whichever is first: once both are answered, every token that the key ever had is refused."""
    for _ in range(5):
        customer = make_customer(here.owner)
        key = bound_key(here.owner, here.chatflow, customerId=customer["id"])
        end: Callable[[], Any] = (
            (lambda key=key: here.owner.delete(f"/apikey/{key['id']}"))
            if how == "revoke"
            else (lambda customer=customer: here.owner.post(f"/customers/{customer['id']}/revoke"))
        )
        path = f"/apikey/{key['id']}/rotate"
        rotate = lambda path=path: here.owner.post(path, json={"graceSeconds": 3600})  # noqa: E731
        rotated, ended, again = together(rotate, end, rotate)
        assert ended.status_code == 200
        new = [each.json()["apiKey"] for each in (rotated, again) if each.status_code == 201]
        assert len(new) <= 1
        assert {said(here, token) for token in [key["apiKey"], *new]} == {code}


def test_a_customer_is_disabled_while_its_keys_call(here: Tenant) -> None:
    """Once that is answered none of its keys is let in, whatever is on its way; enabled, all are again."""
    customer = make_customer(here.owner)
    keys = [bound_key(here.owner, here.chatflow, customerId=customer["id"]) for _ in range(4)]
    stop = threading.Event()
    off = threading.Event()
    late: list[str | None] = []
    calls = Counter[str | None]()

    def call(key: dict[str, Any]) -> None:
        headers = ways.bearer(key["apiKey"])
        while not stop.is_set():
            was_off = off.is_set()
            found = ways.fast_path(here.server, here.chatflow["id"], headers).code
            calls[found] += 1
            if was_off and off.is_set():
                late.append(found)

    with ThreadPoolExecutor(len(keys)) as pool:
        running = [pool.submit(call, key) for key in keys]
        for _ in range(5):
            so_far = calls[None]
            until(lambda so_far=so_far: calls[None] > so_far, "a call that is let in")
            assert here.owner.post(f"/customers/{customer['id']}/disable").status_code == 200
            off.set()
            seen = len(late)
            until(lambda seen=seen: len(late) >= seen + 8, "calls after that")
            off.clear()
            assert here.owner.post(f"/customers/{customer['id']}/enable").status_code == 200
        stop.set()
        for each in running:
            each.result()
    assert set(late) == {"disabled_key"}


def test_a_key_that_is_given_away_while_customers_end_is_never_left_good(here: Tenant) -> None:
    """Moving beside revoking: either the move is refused, or the key is revoked with its new customer."""
    for _ in range(5):
        first, second = make_customer(here.owner, "first"), make_customer(here.owner, "second")
        key = bound_key(here.owner, here.chatflow, customerId=first["id"])
        move, end = together(
            lambda key=key, second=second: here.owner.put(
                f"/apikey/{key['id']}", json={"customerId": second["id"]}
            ),
            lambda second=second: here.owner.post(f"/customers/{second['id']}/revoke"),
        )
        assert end.status_code == 200
        assert move.status_code in {200, 422}
        moved = move.status_code == 200
        assert said(here, key["apiKey"]) == ("revoked_key" if moved else None)
        status = here.owner.get(f"/apikey/{key['id']}").json()["status"]
        assert status == ("revoked" if moved else "active")


def test_limits_that_change_while_calls_come_let_in_no_more(here: Tenant) -> None:
    """Over both tokens of a key that is rotated, and whatever its limits are called meanwhile."""
    chatflow = make_chatflow(here.owner, "limited")
    limit = {"limit": 40, "windowSeconds": 86_400}
    key = bound_key(here.owner, chatflow, rateLimits=[limit])
    new = here.owner.post(f"/apikey/{key['id']}/rotate", json={"graceSeconds": 3600}).json()["apiKey"]
    let_in: list[int] = []

    def call(token: str) -> None:
        for _ in range(20):
            found = ways.forward_auth(here.server, chatflow["id"], ways.bearer(token))
            let_in.extend([1] if found.status == 200 else [])

    def change() -> None:
        for name in ("a", "b", "c", "d"):
            rates = [{**limit, "name": name}]
            assert here.owner.put(f"/apikey/{key['id']}", json={"rateLimits": rates}).status_code == 200

    together(*[lambda token=token: call(token) for token in (key["apiKey"], new) * 3], change)
    assert len(let_in) == 40
