"""The customer of a key, in the library: named, and followed, over the database and over HTTP alike."""

from collections.abc import Iterator

import pytest

from flowkeys.verify import FixedKey, Verifier, mint
from tests.library.conftest import by_hand, code, eventually
from tests.support.flows import make_customer, make_key
from tests.support.server import Running

_LOCAL = pytest.param("local", marks=pytest.mark.of_sqlite("`Verifier.local` reads the file"))


@pytest.fixture(scope="module", params=[_LOCAL, "remote"])
def verifier(server: Running, request: pytest.FixtureRequest) -> Iterator[Verifier]:
    """Return a verifier of each kind over one server."""
    if request.param == "local":
        made = Verifier.local(server.data_dir)
    else:
        own = make_key(server.owner(), permissions=["apikeys:view"])["apiKey"]
        made = Verifier.remote(server.url, own)
    yield made
    made.close()


def test_a_verified_key_names_its_customer(server: Running, verifier: Verifier) -> None:
    """Its id, the external id and the name, each time as they are now; None for a key of nobody."""
    api = server.owner()
    customer = make_customer(api, "Acme", externalId=f"crm-{id(verifier)}")
    token = make_key(api, customerId=customer["id"])["apiKey"]
    for _ in range(3):
        found = verifier.verify(token=token)
        assert found.allowed
        assert found.customer_id == customer["id"]
        assert (found.customer_external_id, found.customer_name) == (customer["externalId"], "Acme")
    api.put(f"/customers/{customer['id']}", json={"name": "Acme Ltd", "externalId": None})

    def named() -> tuple[str | None, str | None]:
        found = verifier.verify(token=token)
        assert found.allowed
        return found.customer_external_id, found.customer_name

    eventually(named, (None, "Acme Ltd"))
    nobodys = verifier.verify(token=make_key(api)["apiKey"])
    assert nobodys.allowed
    assert (nobodys.customer_id, nobodys.customer_external_id, nobodys.customer_name) == (None, None, None)


def test_what_becomes_of_a_customer_becomes_of_its_keys(server: Running, verifier: Verifier) -> None:
    """Disabled, enabled and revoked, by the server and by hand; a key that was kept and one that was not."""
    api = server.owner()
    customer = make_customer(api, "Acme")
    tokens = [make_key(api, customerId=customer["id"])["apiKey"] for _ in range(2)]
    path = f"/customers/{customer['id']}"

    def said() -> list[str]:
        return [code(verifier.verify(token=token)) for token in tokens]

    assert [code(verifier.verify(token=tokens[0])) for _ in range(3)] == ["valid"] * 3
    api.post(f"{path}/disable")
    eventually(said, ["disabled_key"] * 2)
    api.post(f"{path}/enable")
    eventually(said, ["valid"] * 2)
    by_hand(server.data_dir, "UPDATE customer SET status = 'disabled' WHERE id = ?", customer["id"])
    eventually(said, ["disabled_key"] * 2)
    by_hand(server.data_dir, "UPDATE customer SET status = 'active' WHERE id = ?", customer["id"])
    eventually(said, ["valid"] * 2)
    api.post(f"{path}/revoke")
    eventually(said, ["revoked_key"] * 2)


def test_a_fixed_key_may_have_a_customer() -> None:
    """For the tests of a service that tells its customers apart."""
    given = FixedKey(token=mint(), customer_id="c-1", customer_external_id="crm-1", customer_name="Acme")
    paused = FixedKey(token=mint(), customer_id="c-1", customer_disabled=True)
    plain = FixedKey(token=mint())
    verifier = Verifier.fixed([given, paused, plain])
    found, nobodys = verifier.verify(token=given.token), verifier.verify(token=plain.token)
    assert found.allowed
    assert nobodys.allowed
    assert (found.customer_id, found.customer_external_id, found.customer_name) == ("c-1", "crm-1", "Acme")
    assert nobodys.customer_id is None
    assert code(verifier.verify(token=paused.token)) == "disabled_key"
