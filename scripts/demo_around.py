"""What the screenshots show around keys and chatflows: customers."""

from collections.abc import Mapping

from flowkeys import bootstrap
from flowkeys.domain.principal import Caller
from flowkeys.service.customers.input import NewCustomer
from flowkeys.service.keys.input import KeyPatch
from scripts.demo_data import CUSTOMERS, KEYS


async def fill_around(
    runtime: bootstrap.Runtime, owner: Caller, key_ids: Mapping[str, str]
) -> dict[str, str]:
    """Make it, among keys whose ids are known by name; return what the paths of pages name in braces."""
    return await _customers(runtime, owner, key_ids)


async def _customers(runtime: bootstrap.Runtime, owner: Caller, key_ids: Mapping[str, str]) -> dict[str, str]:
    """Make customers, and give the first of them keys that are there."""
    made = []
    for name, external_id in CUSTOMERS:
        new = NewCustomer(name=name, external_id=external_id, meta={"plan": "gold"})
        made.append((await runtime.customers.create(owner, new)).id)
    for key in KEYS[1:4]:
        await runtime.keyring.update(owner, key_ids[key.name], KeyPatch(customer_id=made[0]))
    await runtime.customers.disable(owner, made[1])
    return {"customer": made[0], "customer_disabled": made[1]}
