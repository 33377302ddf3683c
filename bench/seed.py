"""A database with many keys, as a large company would have them."""

import random
import uuid
from pathlib import Path
from typing import Final

from bench.target import opened
from flowkeys.bootstrap import clock
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.api_key import ApiKey, Creator, Status
from flowkeys.domain.keys.token import Token
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import NewKey
from flowkeys.service.ports.store import Transaction

DAY: Final = 86_400_000_000
BATCH: Final = 5000
TEAMS: Final = (
    "Billing", "Payments", "Checkout", "Support", "Sales", "Marketing", "Research", "Logistics", "Warehouse",
    "Legal", "Finance", "People", "Security", "Platform", "Mobile", "Growth", "Analytics", "Compliance",
    "Zürich", "São Paulo", "東京", "Tōkyō", "Łódź", "Reykjavík",
)  # fmt: skip
WHATS: Final = (
    "backend service", "frontend", "chat widget", "nightly export", "CI pipeline", "mobile app",
    "partner portal", "Slack bot", "helpdesk", "data warehouse loader", "prototype", "load test", "webhook",
    "cron job", "notebook", "demo", "search indexer", "email assistant", "voice assistant", "reporting",
)  # fmt: skip
WHERE: Final = (
    "production",
    "staging",
    "development",
    "test",
    "eu-west-1",
    "us-east-2",
    "ap-south-1",
    "local",
)
PEOPLE: Final = (
    "Ada", "Grace", "Linus", "Margaret", "Alan", "Barbara", "Dennis", "Radia", "Ken", "Frances", "Edsger",
    "Katherine", "Guido", "Annie", "Tim", "Hedy", "Björn", "Zoë", "Renée", "Søren",
)  # fmt: skip
PERMISSIONS: Final = (
    *[frozenset[str]()] * 17, frozenset({"*"}), frozenset({"apikeys:view"}),
    frozenset({"apikeys:view", "chatflows:view", "chatflows:update"}),
)  # fmt: skip
BUSY, OCCASIONAL = PEOPLE[0], PEOPLE[1]
"""Two of the people: who made a third of the keys, and who made one in a hundred."""
STATUSES: Final = (Status.ACTIVE,) * 80 + (Status.DISABLED,) * 8 + (Status.REVOKED,) * 12


def name(chance: random.Random, number: int) -> str:
    """Return a name as people choose them."""
    what = f"{chance.choice(TEAMS)} {chance.choice(WHATS)}"
    match chance.randrange(4):
        case 0:
            return f"{what} ({chance.choice(WHERE)})"
        case 1:
            return f"{chance.choice(PEOPLE)}'s {chance.choice(WHATS)} {number}"
        case 2:
            return f"{what} - {chance.choice(WHERE)} - {number:06}"
        case _:
            return f"customer-{chance.getrandbits(40):010x} {chance.choice(WHERE)}"


def seed(
    data_dir: Path, count: int, flow_data: str, batch: int = BATCH, **settings: str
) -> tuple[str, list[str]]:
    """Fill a data directory, `batch` keys in a transaction; return its owner's token and its chatflows' ids.

    One chatflow in ten opens for a third of the keys, the others for a few each.
    """
    with opened(data_dir, **settings) as target:
        runtime, caller, run = target.runtime, target.caller, target.run
        owner = run(runtime.keyring.create(caller, NewKey(name="owner", permissions=frozenset({"*"}))))
        flows = [
            run(runtime.chatflows.create(caller, ChatflowPatch(name=f"Flow {n}", flow_data=flow_data)))
            for n in range(10)
        ]
        ids = [item.chatflow.id for item in flows]
        chance = random.Random(7)
        now = clock()
        for start in range(0, count, batch):
            keys = [_key(chance, caller, start + n, count, now) for n in range(min(batch, count - start))]

            def work(tx: Transaction, keys: list[ApiKey] = keys) -> None:
                for key in keys:
                    tx.keys.insert(key, runtime.hasher.digest(Token.mint()).newest)
                    for chatflow_id in _bound(chance, ids):
                        tx.bindings.add(key.workspace_id, key.id, chatflow_id, key.created_at)

            run(runtime.store.write(work))
        return owner.token.reveal(), ids


def _bound(chance: random.Random, ids: list[str]) -> list[str]:
    first = [ids[0]] if chance.random() < 0.33 else []
    return first + chance.sample(ids[1:], chance.choice((0, 0, 1, 1, 1, 2)))


def _key(chance: random.Random, caller: Caller, number: int, count: int, now: int) -> ApiKey:
    created = now - int((count - number) / count * 900 * DAY)
    used = None if chance.random() < 0.3 else chance.randrange(created, now)
    status = chance.choice(STATUSES)
    expires = chance.randrange(created, now + 400 * DAY) if chance.random() < 0.4 else None
    return ApiKey(
        id=new_id(),
        workspace_id=caller.workspace_id,
        name=name(chance, number),
        permissions=chance.choice(PERMISSIONS),
        status=status,
        hint=Token.mint().hint,
        expires_at=expires,
        note=None,
        created_by=_creator(chance, caller),
        created_at=created,
        updated_at=chance.randrange(created, now),
        last_used_at=used,
        revoked_at=now if status is Status.REVOKED else None,
        version=1,
    )


def _creator(chance: random.Random, caller: Caller) -> Creator:
    number = chance.random()
    if number < 0.15:
        return caller.principal.as_creator()
    person = BUSY if number < 0.48 else OCCASIONAL if number < 0.49 else chance.choice(PEOPLE[2:])
    return Creator("person", creator_id(person), person)


def creator_id(person: str) -> str:
    """Return the id of one of the people."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, person))
