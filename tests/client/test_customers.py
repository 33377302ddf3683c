"""`client.customers`: whom keys belong to."""

import pytest

import flowkeys
from tests.client.conftest import Sdk
from tests.client.scripted import Scripted
from tests.client.test_keys import KEY

CUSTOMER = {
    "id": "c1",
    "name": "Acme",
    "externalId": "crm-1",
    "meta": {"plan": "gold"},
    "status": "active",
    "keyCount": 2,
    "createdAt": "2027-01-01T00:00:00.000Z",
    "updatedAt": "2027-01-01T00:00:00.000Z",
    "revokedAt": None,
    "workspaceId": "w1",
}
ROOT = "/api/v1/customers"


async def test_the_life_of_a_customer(sdk: Sdk, server: Scripted) -> None:
    """Each is one call to its path, with what was given and nothing else."""
    for found in (CUSTOMER, [CUSTOMER], {"total": 7, "data": [CUSTOMER]}, *[CUSTOMER] * 5, {"affected": 1}):
        server.answers(found)
    made = await sdk(lambda c: c.customers.create("Acme", external_id="crm-1"))
    listed = await sdk(lambda c: c.customers.list(search="a", status="all", external_id="crm-1"))
    page = await sdk(lambda c: c.customers.page(sort="-keys", page=2, limit=5))
    await sdk(lambda c: c.customers.get("c1"))
    await sdk(lambda c: c.customers.update(made, external_id=None, meta={}))
    for verb in ("disable", "enable", "revoke"):
        await sdk(lambda c, verb=verb: getattr(c.customers, verb)(made))
    assert await sdk(lambda c: c.customers.delete(made)) is None
    assert isinstance(made, flowkeys.Customer)
    assert (made.external_id, made.meta, made.key_count, made.revoked_at) == (
        "crm-1",
        {"plan": "gold"},
        2,
        None,
    )
    assert listed == page.data == [made]
    assert page.total == 7
    assert server.requests[0].json == {"name": "Acme", "externalId": "crm-1"}
    assert server.requests[4].json == {"externalId": None, "meta": {}}
    assert [(r.method, r.path) for r in server.requests] == [
        ("POST", ROOT),
        ("GET", ROOT),
        ("GET", ROOT),
        ("GET", f"{ROOT}/c1"),
        ("PUT", f"{ROOT}/c1"),
        ("POST", f"{ROOT}/c1/disable"),
        ("POST", f"{ROOT}/c1/enable"),
        ("POST", f"{ROOT}/c1/revoke"),
        ("DELETE", f"{ROOT}/c1"),
    ]


async def test_a_key_has_its_customer(sdk: Sdk, server: Scripted) -> None:
    """Given, taken away, left alone, filtered by; and named in what comes back."""
    customer = {"id": "c1", "externalId": None, "name": "Acme", "status": "disabled"}
    for found in (KEY | {"customer": customer}, KEY, KEY, [KEY]):
        server.answers(found)
    key = await sdk(lambda c: c.keys.update("k1", customer_id="c1"))
    nobodys = await sdk(lambda c: c.keys.update("k1", customer_id=None))
    await sdk(lambda c: c.keys.update("k1", note="x"))
    await sdk(lambda c: c.keys.list(customer_id="c1"))
    assert (key.customer_id, key.customer and key.customer.status) == ("c1", "disabled")
    assert (nobodys.customer, nobodys.customer_id) == (None, None)
    bodies = [request.json for request in server.requests[:3]]
    assert bodies == [{"customerId": "c1"}, {"customerId": None}, {"note": "x"}]
    assert server.requests[3].query == {"customerId": "c1"}


async def test_live_keys_are_told_of(sdk: Sdk, server: Scripted) -> None:
    """409 is an error with the server's code and words."""
    problem = {"code": "customer_has_keys", "detail": "The customer has 2 keys.", "status": 409}
    server.answers(problem, status=409)
    with pytest.raises(flowkeys.FlowkeysApiError, match="2 keys") as raised:
        await sdk(lambda c: c.customers.delete("c1"))
    assert raised.value.code == "customer_has_keys"
