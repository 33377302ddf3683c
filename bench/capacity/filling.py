"""A store filled as an installation would be: by the statements of its own services, many rows a commit."""

import random
import uuid
from collections.abc import Callable
from typing import Any, Final

from bench.seed import DAY, name
from bench.target import Opened
from bench.verification.keys import token
from flowkeys.bootstrap import clock
from flowkeys.domain.ids import new_ordered_id
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.predictions.conversation import Message, Role
from flowkeys.domain.times import SECOND
from flowkeys.domain.usage.usage import HOUR, NUMBERS, Counted, Door
from flowkeys.flows.drafts.templates import reply_flow
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.changes import record_change
from flowkeys.service.ports.store import Transaction
from flowkeys.service.ports.usage import Batch

QUESTION_CHARACTERS: Final = 60
ANSWER_CHARACTERS: Final = 540
"""Six hundred in a turn: a short question and an answer of about a hundred words."""
TURNS: Final = 2
"""In a conversation."""
CHATFLOWS: Final = 10
NAME_CHARACTERS: Final = 30
"""As `bench.seed.name` makes them, on average."""
BATCH: Final = 50
"""Keys in a commit."""
_USED_BUCKETS: Final = 3
"""So many lengths of calls are told apart in a row that is not a heavy user's: most numbers are nought."""
_WORDS: Final = ("what", "the", "key", "opens", "is", "bound", "to", "and", "nobody", "else", "may", "ask")


def chatflows(target: Opened) -> tuple[str, ...]:
    """Make chatflows; return their ids."""
    made = []
    for number in range(CHATFLOWS):
        patch = ChatflowPatch(name=f"Flow {number}", flow_data=reply_flow("{{ question }}"))
        made.append(target.run(target.runtime.chatflows.create(target.caller, patch)).chatflow.id)
    return tuple(made)


def keys(target: Opened, flows: tuple[str, ...], count: int, chance: random.Random) -> list[str]:
    """Make keys, each bound to a chatflow and with its rows of the journals; return their ids.

    As `Keyring.create` does it, but for its checks, which read.
    """
    runtime, caller = target.runtime, target.caller
    ids: list[str] = []
    for start in range(0, count, BATCH):
        now = clock()
        some = []
        for number in range(start, min(start + BATCH, count)):
            text = token(chance)
            key = ApiKey(
                id=new_ordered_id(now),
                workspace_id=caller.workspace_id,
                name=name(chance, number),
                permissions=frozenset(),
                status=Status.ACTIVE,
                hint=text[-4:],
                expires_at=now + 400 * DAY if number % 3 == 0 else None,
                note=None,
                created_by=caller.principal.as_creator(),
                created_at=now,
                updated_at=now,
                last_used_at=None,
                revoked_at=None,
                version=1,
            )
            digest = runtime.hasher.newest_tag + runtime.hasher.newest(text.encode()).hex()
            some.append((key, digest, flows[number % len(flows)]))
            ids.append(key.id)

        def work(tx: Transaction, some: list[Any] = some, now: int = now) -> None:
            for key, digest, _ in some:
                tx.keys.insert(key, digest)
                record_change(tx, caller, now, "key.create", None, key)
            for key, _, flow in some:
                tx.bindings.add(key.workspace_id, key.id, flow, now)

        target.run(runtime.store.write(work))
    return ids


def usage(
    target: Opened, flows: tuple[str, ...], rows: int, chance: random.Random, recorder: str = "bench"
) -> int:
    """Count calls of a tenth as many keys in each of ten hours; return how many rows that makes."""
    runtime, now = target.runtime, clock()
    first = now - now % DAY - 10 * HOUR  # yesterday
    ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(rows // 10)]
    number = 0
    for hour in range(10):
        for start in range(0, len(ids), 500):
            counted = [
                Counted(
                    first + hour * HOUR,
                    target.caller.workspace_id,
                    key_id,
                    flows[at % len(flows)],
                    "",
                    Door.PREDICTION.value,
                    "ok",
                    _numbers(chance),
                )
                for at, key_id in enumerate(ids[start : start + 500])
            ]
            number += 1
            batch = Batch(recorder, number, counted)
            target.run(runtime.store.write(lambda tx, batch=batch: tx.usage.add(batch, now)))
    return len(ids) * 10


def days(target: Opened, rows: int) -> None:
    """Make the earliest rows of hours into days."""
    for _ in range(rows // 500):
        target.run(target.runtime.store.write(lambda tx: tx.usage.roll(clock(), 500)))


def messages(target: Opened, flows: tuple[str, ...], count: int, chance: random.Random) -> int:
    """Store so many messages; return how many conversations that makes."""
    now, conversations = clock(), count // (2 * TURNS)
    for start in range(0, conversations, 500):
        some = []
        for number in range(start, min(start + 500, conversations)):
            session, key_id = (str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(2))
            for turn in range(2 * TURNS):
                role = Role.ASSISTANT if turn % 2 else Role.USER
                some.append(
                    Message(
                        id=new_ordered_id(now),
                        workspace_id=target.caller.workspace_id,
                        chatflow_id=flows[number % len(flows)],
                        key_id=key_id,
                        session_id=session,
                        chat_id=session,
                        role=role,
                        content=_text(chance, ANSWER_CHARACTERS if turn % 2 else QUESTION_CHARACTERS),
                        created_at=now + turn * SECOND,
                    )
                )
        target.run(_stored(target.runtime.store.add_messages, some))
    return conversations


async def _stored(add: Callable[[Any], Any], some: list[Message]) -> None:
    await add(some)


def _numbers(chance: random.Random) -> list[int]:
    numbers = [0] * NUMBERS
    for _ in range(_USED_BUCKETS):
        numbers[chance.randrange(8, 16)] += chance.randrange(1, 40)
    for at in range(NUMBERS - 5, NUMBERS - 1):
        numbers[at] = chance.randrange(500, 60_000)
    return numbers


def _text(chance: random.Random, characters: int) -> str:
    words: list[str] = []
    length = 0
    while length < characters:
        words.append(chance.choice(_WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)[:characters]
