"""What the screenshots show around keys and chatflows: customers, limits, webhooks, calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from flowkeys import bootstrap
from flowkeys.domain.limits.quota import QuotaUse, Unit, parse_quotas
from flowkeys.domain.limits.rate import parse_limits
from flowkeys.domain.principal import Caller
from flowkeys.domain.usage.latency import bucket_of
from flowkeys.domain.usage.usage import DAY, HOUR, NUMBERS, TOKENS_IN, TOKENS_OUT, Counted, Door
from flowkeys.domain.webhooks.webhook import Delivery, Outcome
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.customers.input import NewCustomer
from flowkeys.service.flows.credential_input import CredentialPatch
from flowkeys.service.flows.variables import VariablePatch
from flowkeys.service.keys.input import KeyPatch
from flowkeys.service.ports.quotas import Kind, Spending, Whose
from flowkeys.service.ports.store import Transaction
from flowkeys.service.ports.usage import Batch
from flowkeys.service.webhooks.input import WebhookPatch
from scripts.demo_data import CUSTOMERS, DOCS, KEYS, PUBLIC, WEBHOOKS
from scripts.demo_runs import fill_runs


async def count_calls(
    runtime: bootstrap.Runtime, owner: Caller, key_ids: Mapping[str, str], flow_ids: Sequence[str], now: int
) -> None:
    """Count calls of a month, more by day than by night, some of them refused and a few failed."""
    counted = []
    for hours_ago in range(24 * 30):
        time = now - now % HOUR - hours_ago * HOUR
        by_day = 2 + abs((time // HOUR) % 24 - 12)
        for place, key in enumerate(KEYS[:5]):
            key_id = key_ids[key.name]
            for outcome, calls in (
                ("ok", 300 // by_day),
                ("rate_limited", place * 20 // by_day),
                ("upstream_failed", 8 // by_day),
            ):
                numbers = [0] * NUMBERS
                numbers[bucket_of(0.02)] = calls
                numbers[bucket_of(0.9)] = calls // 12
                numbers[TOKENS_IN], numbers[TOKENS_OUT] = calls * 400, calls * 90
                flow = flow_ids[key.opens[0]] if key.opens else ""
                row = Counted(time, owner.workspace_id, key_id, flow, "", Door.PREDICTION, outcome, numbers)
                counted.append(row)
    await runtime.usage_store.add(Batch("demo", 1, counted))


async def fill_around(
    runtime: bootstrap.Runtime, owner: Caller, key_ids: Mapping[str, str], flow_ids: Sequence[str]
) -> dict[str, str]:
    """Make it, among keys whose ids are known by name; return what the paths of pages name in braces."""
    customers = await _customers(runtime, owner, key_ids)
    limited = await _limits(runtime, owner, key_ids, flow_ids)
    around = {**await _webhooks(runtime, owner), **await _credentials(runtime, owner)}
    return {**customers, "key_limited": limited, **around, **await fill_runs(runtime, owner)}


async def _credentials(runtime: bootstrap.Runtime, owner: Caller) -> dict[str, str]:
    """Make credentials: one for a model, one for a service, and one that lost what it held."""
    make = runtime.credentials.create
    patch = CredentialPatch(name="Models of the company", values={"openAIApiKey": "sk-demo"})
    made = await make(owner, "openAIApi", patch)
    held = {"basicAuthUsername": "flows", "basicAuthPassword": "demo"}
    patch = CredentialPatch(name="Ticket system", base_url="https://tickets.example.com", values=held)
    moved = await make(owner, "httpBasicAuth", patch)
    elsewhere = CredentialPatch(base_url="https://new-tickets.example.com")
    await runtime.credentials.update(owner, moved.id, elsewhere)
    value = VariablePatch(name="company", type="static", value="Example Ltd.")
    variable = await runtime.variables.create(owner, value)
    return {"credential": made.id, "variable": variable.id}


async def _customers(runtime: bootstrap.Runtime, owner: Caller, key_ids: Mapping[str, str]) -> dict[str, str]:
    """Make customers, and give the first of them keys that are there."""
    made = []
    for name, external_id in CUSTOMERS:
        new = NewCustomer(
            name=name,
            external_id=external_id,
            meta={"plan": "gold"},
            rate_limits=parse_limits(["600/minute"]),
            quotas=parse_quotas(["100000/month", "2000000 tokens/30d"]),
        )
        made.append((await runtime.customers.create(owner, new)).id)
    for key in KEYS[1:4]:
        await runtime.keyring.update(owner, key_ids[key.name], KeyPatch(customer_id=made[0]))
    await runtime.customers.disable(owner, made[1])
    return {"customer": made[0], "customer_disabled": made[1]}


async def _limits(
    runtime: bootstrap.Runtime, owner: Caller, key_ids: Mapping[str, str], flow_ids: Sequence[str]
) -> str:
    """Limit a key, also on one chatflow, and chatflows; return the id of the key."""
    limited = key_ids[KEYS[1].name]
    patch = KeyPatch(
        rate_limits=parse_limits(["10/second burst 20", "1000/day"]),
        binding_limits={flow_ids[DOCS]: parse_limits(["100/hour"])},
    )
    await runtime.keyring.update(owner, limited, patch)
    await _quotas(runtime, owner, limited)
    await runtime.keyring.update(
        owner, key_ids[KEYS[2].name], KeyPatch(rate_limits=parse_limits(["60/minute"]))
    )
    open_to_all = ChatflowPatch(
        rate_limits=parse_limits(["5/second", "10000/day"]),
        api_config='{"rateLimit": {"status": true, "limitMax": 10, "limitDuration": 60}}',
        chatbot_config='{"allowedOrigins": ["https://shop.example.com", "https://www.example.com"]}',
    )
    await runtime.chatflows.update(owner, flow_ids[PUBLIC], open_to_all)
    return limited


async def _quotas(runtime: bootstrap.Runtime, owner: Caller, key_id: str) -> None:
    """Give a key quotas, of which one is nearly used up and one is."""
    now = bootstrap.clock()
    quotas = parse_quotas(["1000/month", "50000 tokens/30d", "871/7d"])
    whose = Whose(Kind.KEY, key_id, owner.workspace_id)
    used = {Unit.CALLS: 871, Unit.TOKENS: 12_345}
    spent = [Spending(whose, QuotaUse(unit, "day", now - now % DAY, number)) for unit, number in used.items()]
    await runtime.keyring.update(owner, key_id, KeyPatch(quotas=quotas))
    await runtime.store.write(lambda tx: tx.quotas.add(spent))


async def _webhooks(runtime: bootstrap.Runtime, owner: Caller) -> dict[str, str]:
    """Make webhooks: one to which deliveries went well, failed and wait, and one that is off."""
    made = []
    for url, events, note in WEBHOOKS:
        patch = WebhookPatch(url=url, events=events, note=note)
        made.append((await runtime.webhooks.create(owner, patch)).webhook.id)
    sent = [await runtime.webhooks.deliveries.test(owner, made[0]) for _ in range(3)]
    ends: tuple[dict[str, Any], ...] = (
        {"outcome": Outcome.DELIVERED, "answer_code": 204, "duration_ms": 182, "next_at": None},
        {"outcome": Outcome.FAILED, "answer_code": 503, "failure": "it answered 503", "next_at": None},
        {"answer_code": None, "failure": "the name cannot be resolved", "next_at": sent[0].created_at + HOUR},
    )
    now = sent[0].created_at
    for delivery, end in zip(sent, ends, strict=True):
        tries = 11 if end.get("outcome") is Outcome.FAILED else 1
        await runtime.store.write(_settled(owner.workspace_id, delivery, now, tries, end))
    await runtime.webhooks.update(owner, made[1], WebhookPatch(enabled=False))
    return {"webhook": made[0], "webhook_disabled": made[1]}


def _settled(
    workspace_id: str, delivery: Delivery, now: int, tries: int, end: Mapping[str, Any]
) -> Callable[[Transaction], None]:
    """Return what writes that a delivery was tried so often, and what came of it."""

    def work(tx: Transaction) -> None:
        for _ in range(tries):
            (claimed,) = tx.deliveries.claim(workspace_id, delivery.webhook_id, now, now, 1)
            last = claimed
        tx.deliveries.settle(msgspec.structs.replace(last, **end))

    return work
