"""``GET /apikey``: every order, and who made the keys."""

from typing import get_args

import pytest

from flowkeys.domain.listing import KeySort
from tests.support.flows import make_chatflow, make_key
from tests.support.server import Running


def _names(api, **query: str) -> list[str]:
    answer = api.get("/apikey", params={"page": 1, **query})
    assert answer.status_code == 200, answer.text
    return [key["keyName"] for key in answer.json()["data"]]


@pytest.mark.parametrize("sort", get_args(KeySort))
def test_each_order_is_exactly_the_other_in_reverse(server: Running, sort: str) -> None:
    """So that no key is lost or met twice by who turns a list round, whatever keys have in common."""
    workspace = f"orders by {sort}"
    owner = server.owner(workspace)
    for n in range(6):
        make_key(owner, f"key {n}", permissions=["apikeys:view"] * (n % 2))
    up, down = ([key["id"] for key in owner.get("/apikey", params={"sort": s}).json()]
                for s in (sort, f"-{sort}"))  # fmt: skip
    assert len(up) == 7
    assert up == down[::-1]


def test_what_keys_are_sorted_by(own: Running) -> None:
    """Permissions and chatflows by how many, everything being the most; the token by its last characters."""
    owner = own.owner()
    flows = [make_chatflow(owner)["id"] for _ in range(2)]
    tokens = [
        make_key(owner, "b", chatflowIds=flows),
        make_key(owner, "c", chatflowIds=flows[:1], permissions=["apikeys:view"]),
        make_key(owner, "d", permissions=["apikeys:view", "chatflows:view"]),
    ]
    assert _names(owner, sort="-permissions") == ["owner", "d", "c", "b"]
    assert _names(owner, sort="chatFlows") == ["owner", "d", "c", "b"]
    hints = {key["apiKey"][-4:]: key["keyName"] for key in tokens}
    sorted_by_hint = [name for name in _names(owner, sort="hint") if name != "owner"]
    assert sorted_by_hint == [hints[hint] for hint in sorted(hints)]


def test_counts_of_chatflows_follow_what_is_bound(own: Running) -> None:
    """Binding, unbinding and deleting a chatflow move a key in the order."""
    owner = own.owner()
    flows = [make_chatflow(owner)["id"] for _ in range(2)]
    first, second = (make_key(owner, name)["id"] for name in ("first", "second"))
    owner.put(f"/apikey/{first}/chatflows", json={"chatflowIds": flows})
    owner.put(f"/chatflows/{flows[0]}/keys/{second}")
    assert _names(owner, sort="-chatFlows")[:2] == ["first", "second"]
    owner.delete(f"/chatflows/{flows[1]}")
    assert _names(owner, sort="-chatFlows")[:2] == ["second", "first"]  # alike: newest first
    owner.delete(f"/chatflows/{flows[0]}/keys/{second}")
    assert _names(owner, sort="-chatFlows")[:2] == ["first", "second"]


def test_the_keys_that_somebody_made(own: Running) -> None:
    """`createdBy` is the id of a key or a person; the total counts those alone, whatever else is asked."""
    owner = own.owner()
    maker = make_key(owner, "maker", permissions=["apikeys:create", "apikeys:view"])
    by_maker = own.api(maker["apiKey"])
    for n in range(3):
        make_key(by_maker, f"made {n}")
    found = by_maker.get("/apikey", params={"createdBy": maker["id"], "page": 1, "limit": 2}).json()
    assert (found["total"], [key["keyName"] for key in found["data"]]) == (3, ["made 2", "made 1"])
    assert {key["createdBy"]["id"] for key in found["data"]} == {maker["id"]}
    assert _names(owner, createdBy=maker["id"], search="made 1") == ["made 1"]
    assert _names(owner, createdBy="nobody") == []
    assert _names(owner, sort="createdBy")[0] == "owner"  # made at the command line


def test_those_that_end_soon(server: Running) -> None:
    """With every other filter, in every order, in pages, and counted."""
    owner = server.owner("ending-soon")
    ends = ["1d", "5d", "9d", None, "5d"]
    made = [
        make_key(owner, f"ending {n}", **({"expiresIn": end} if end else {})) for n, end in enumerate(ends)
    ]
    owner.post(f"/apikey/{made[1]['id']}/disable")
    owner.delete(f"/apikey/{made[4]['id']}")

    def found(**params: str) -> list[str]:
        answer = owner.get("/apikey", params={"sort": "expiresAt", **params})
        assert answer.status_code == 200, answer.text
        return [key["keyName"][-1] for key in answer.json()]

    assert found(expiresWithin="6d") == ["0", "1"]
    assert found(expiresWithin="6d", sort="-expiresAt") == ["1", "0"]
    assert found(expiresWithin="10d", status="disabled") == ["1"]
    assert found(expiresWithin="10d", status="active") == ["0", "2"]
    assert found(expiresWithin="10d", status="all", sort="keyName") == ["0", "1", "2", "4"]
    assert found(expiresWithin="10d", search="ending 2") == ["2"]
    assert found(expiresWithin="1h") == []
    page = owner.get("/apikey", params={"expiresWithin": "10d", "page": 2, "limit": 2, "sort": "expiresAt"})
    assert (page.json()["total"], [key["keyName"] for key in page.json()["data"]]) == (3, ["ending 2"])
    for wrong in ("soon", "", "14", "-1d"):
        answer = owner.get("/apikey", params={"expiresWithin": wrong})
        assert [error["field"] for error in answer.json()["errors"]] == ["expiresWithin"], wrong
