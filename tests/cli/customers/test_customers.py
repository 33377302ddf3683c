"""``flowkeys customers``, on a data directory and over HTTP."""

from tests.cli.conftest import Cli


def test_the_life_of_a_customer(cli: Cli, name: str) -> None:
    """Made, shown, changed, disabled, enabled, revoked and deleted: by name, external id or id."""
    external = f"crm {name}"
    own = '{"plan": "gold"}'
    made = cli("customers", "create", name, "--external-id", external, "--meta", own, "--json").json
    assert (made["name"], made["externalId"], made["meta"]) == (name, external, {"plan": "gold"})
    for ref in (name, external, made["id"]):
        assert cli("customers", "show", ref, "--json").json == made
    changed = cli("customers", "update", name, "--external-id", "", "--meta", "{}", "--json").json
    assert (changed["externalId"], changed["meta"]) == (None, {})
    assert cli("customers", "disable", name, "--json").json["status"] == "disabled"
    assert cli("customers", "enable", name, "--json").json["status"] == "active"
    assert "active" in cli("customers", "show", name).out
    assert cli("customers", "revoke", name, "--yes", "--json").json["status"] == "revoked"
    assert cli("customers", "delete", name, "--yes").out == f"Deleted {name!r}.\n"
    gone = cli("customers", "show", name, "--json")
    assert gone.failure["code"] == "not_found"
    assert "flowkeys customers list" in gone.failure["detail"]


def test_keys_are_given_to_a_customer(cli: Cli, name: str) -> None:
    """With `--customer`, when a key is made, listed and changed; and both are told of."""
    customer = cli("customers", "create", name, "--json").json
    key = cli("keys", "create", f"{name} 1", "--customer", name, "--json").json
    assert key["customerId"] == customer["id"]
    assert name in cli("keys", "create", f"{name} 2", "--customer", customer["id"]).err
    listed = cli("keys", "list", "--customer", name, "--json").json
    assert {item["keyName"] for item in listed} == {f"{name} 1", f"{name} 2"}
    assert f"customer     {name}" in cli("keys", "show", key["id"]).out
    refused = cli("customers", "delete", name, "--yes", "--json")
    assert refused.failure["code"] == "customer_has_keys"
    assert "2 keys" in refused.failure["detail"]
    assert cli("keys", "update", key["id"], "--customer", "", "--json").json["customerId"] is None
    cli("customers", "disable", name)
    (left,) = cli("keys", "list", "--customer", name, "--json").json
    assert left["customer"]["status"] == "disabled"
    assert "disabled" in cli("keys", "show", left["id"]).out


def test_customers_are_listed(cli: Cli, name: str) -> None:
    """As a table and as the API has them, with how many keys each has."""
    for number in range(3):
        cli("customers", "create", f"{name} {number}", "--external-id", f"{name}-{number}")
    cli("keys", "create", name, "--customer", f"{name}-1")
    found = cli("customers", "list", "--search", name, "--sort", "-keys", "--json").json
    assert next((item["name"], item["keyCount"]) for item in found) == (f"{name} 1", 1)
    page = cli("customers", "list", "--search", name, "--page", 2, "--limit", 2, "--json").json
    assert (page["total"], len(page["data"])) == (3, 1)
    result = cli("customers", "list", "--search", name)
    assert f"{name}-2" in result.out
    assert result.err == "3 customers\n"
    assert cli("customers", "list", "--status", "gone").code != 0
    assert cli("customers", "list", "--sort", "meta").code != 0


def test_what_is_no_object_is_refused(cli: Cli, name: str) -> None:
    """Before anything is sent; and a change has to say what to change."""
    for meta in ("[1]", "{", "gold"):
        assert "JSON object" in cli("customers", "create", name, "--meta", meta).err
    cli("customers", "create", name)
    assert "Say what to change" in cli("customers", "update", name).err


def test_a_name_of_several_is_not_guessed(cli: Cli, name: str) -> None:
    """They are listed with their ids."""
    ids = [cli("customers", "create", name, "--json").json["id"] for _ in range(2)]
    refused = cli("customers", "show", name, "--json")
    assert refused.failure["code"] == "ambiguous"
    assert all(each in refused.failure["detail"] for each in ids)
