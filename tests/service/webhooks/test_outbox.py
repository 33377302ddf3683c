"""How what is due gets out: once and in order, again when it failed, and never for what did not happen."""

import asyncio

import msgspec
import pytest

from flowkeys.domain.times import SECOND
from flowkeys.domain.webhooks.retries import MOST_TRIES
from flowkeys.domain.webhooks.webhook import Outcome, State
from flowkeys.service.ports.webhooks import Answer
from flowkeys.service.webhooks.announcing import announce_key
from flowkeys.service.webhooks.input import WebhookPatch
from flowkeys.service.webhooks.outbox import AT_ONCE, AT_ONCE_EACH, LEASE_SECONDS
from flowkeys.service.webhooks.sealing import move_to_newest
from tests.service.support import DAY, HOUR
from tests.service.webhooks.post import OLDER, SECRET, URL, Post, Undone
from tests.support.waiting import soon

FAILED = Answer(code=503, failure="it answered 503.")


async def test_an_event_is_written_with_its_change_or_not_at_all(post: Post) -> None:
    """A change that is rolled back announces nothing, although it was announced in its middle."""
    await post.hook("key.disabled")
    key = await post.key()

    def half(tx):
        announce_key(tx, "key.disabled", key, post.clock())
        raise Undone("in the middle")

    with pytest.raises(Undone):
        await post.store.write(half)
    await post.deliver()
    assert (post.told(), post.rows("SELECT * FROM webhook_event")) == ([], [])
    await post.keyring.disable(post.caller, key.id)
    assert post.rows("SELECT type FROM webhook_event") == [("key.disabled",)], "before anything was sent"
    await post.deliver()
    assert post.told() == [("key.disabled", "key")]


async def test_where_nobody_listens_nothing_is_written(post: Post) -> None:
    """Keys of servers without webhooks cost no rows."""
    await post.key()
    await post.hook("key.revoked")
    await post.key()
    assert post.rows("SELECT * FROM webhook_event") == []


async def test_what_was_claimed_by_a_server_that_died_is_sent_by_the_next(post: Post) -> None:
    """Killed between the claim and the answer: the lease ends, and the event arrives under the same id."""
    webhook = await post.hook("key.created")
    await post.key()
    (taken,) = await post.outbox.claim({})
    post.close()
    post.restart()
    await post.deliver()
    assert post.told() == [], "the lease is not over"
    post.clock.pass_(LEASE_SECONDS * SECOND)
    await post.deliver()
    assert post.mailbox.ids == [taken.event.id]
    (one,) = await post.log(webhook)
    assert (one.outcome, one.tries) == (Outcome.DELIVERED, 2)
    late = msgspec.structs.replace(taken)
    await post.outbox.settle(late, FAILED)
    assert (await post.log(webhook))[0].outcome is Outcome.DELIVERED, "what came late changes nothing"


async def test_a_receiver_that_is_down_gets_everything_when_it_is_back(post: Post) -> None:
    """Tries come later and later, under one id; nothing is lost meanwhile."""
    await post.hook("key.created")
    await post.key("first")
    post.mailbox.answer = FAILED
    await post.deliver()
    for _ in range(3):
        post.clock.pass_(HOUR)
        await post.deliver()
    await post.key("second")
    post.mailbox.sent.clear()
    post.mailbox.answer = Answer(code=200)
    post.clock.pass_(6 * HOUR)
    await post.deliver()
    assert sorted(post.told()) == [("key.created", "first"), ("key.created", "second")]
    assert len(set(post.mailbox.ids)) == 2


async def test_after_a_day_it_is_given_up_and_shown_as_failed(post: Post) -> None:
    """So many tries, then no more; people see why, and can send it again."""
    webhook = await post.hook("key.created")
    await post.key()
    post.mailbox.answer = FAILED
    for _ in range(MOST_TRIES + 5):
        await post.deliver()
        post.clock.pass_(8 * HOUR)
    assert len(post.mailbox.sent) == MOST_TRIES
    (one,) = await post.log(webhook)
    assert (one.outcome, one.tries, one.next_at) == (Outcome.FAILED, MOST_TRIES, None)
    assert (one.answer_code, one.failure) == (503, "it answered 503.")
    post.mailbox.answer = Answer(code=200)
    await post.webhooks.deliveries.resend(post.caller, webhook.id, one.id)
    await post.deliver()
    newest, before = await post.log(webhook)
    assert (newest.outcome, before.outcome) == (Outcome.DELIVERED, Outcome.FAILED)
    assert newest.event_id == before.event_id


async def test_the_next_try_is_no_sooner_than_its_time(post: Post) -> None:
    """A microsecond too soon nothing is sent."""
    webhook = await post.hook("key.created")
    await post.key()
    post.mailbox.answer = FAILED
    await post.deliver()
    (one,) = await post.log(webhook)
    assert one.next_at is not None
    post.clock.now = one.next_at - 1
    await post.deliver()
    assert len(post.mailbox.sent) == 1
    post.clock.now += 1
    await post.deliver()
    assert len(post.mailbox.sent) == 2


async def test_a_slow_receiver_leaves_room_for_the_others(post: Post) -> None:
    """Of one webhook a few are under way, of all of them a few more."""
    hooks = [await post.hook("key.created") for _ in range(AT_ONCE)]
    for number in range(5):
        await post.key(f"key {number}")
    claimed = await post.outbox.claim({})
    counted = {hook.id: sum(one.webhook.id == hook.id for one in claimed) for hook in hooks}
    assert len(claimed) == AT_ONCE
    assert set(counted.values()) <= {0, 1, AT_ONCE_EACH}
    slow = hooks[0].id
    more = await post.outbox.claim({slow: AT_ONCE_EACH})
    assert more
    assert slow not in {one.webhook.id for one in more}
    assert await post.outbox.claim({slow: AT_ONCE}) == []


async def test_a_receiver_that_never_answers_holds_up_nobody(post: Post) -> None:
    """While its tries hang, what others are sent arrives."""
    hanging, quick = await post.hook("key.created"), await post.hook("key.created")
    let_go = asyncio.Event()
    arrived: list[str] = []

    async def send(url, headers, body):
        """Hang for the first webhook."""
        del headers, body
        if url.endswith("slow"):
            await let_go.wait()
        arrived.append(url)
        return Answer(code=200)

    post.mailbox.send = send
    await post.webhooks.update(post.caller, hanging.id, WebhookPatch(url="https://example.com/slow"))
    for number in range(5):
        await post.key(f"key {number}")
    for _ in range(10):
        await post.worker.send_due()
        await soon(lambda: len(post.worker._tries) <= AT_ONCE_EACH, "the quick receiver's tries to end")
    assert len(arrived) == 5
    assert {one.outcome for one in await post.log(quick)} == {Outcome.DELIVERED}
    let_go.set()
    await post.worker.settled()


async def test_what_waits_for_a_disabled_webhook_waits_until_it_is_enabled(post: Post) -> None:
    """Disabled in the middle of an outage: nothing is sent, and nothing is lost."""
    webhook = await post.hook("key.created")
    await post.key()
    await post.webhooks.update(post.caller, webhook.id, WebhookPatch(enabled=False))
    await post.deliver()
    assert post.told() == []
    await post.webhooks.update(post.caller, webhook.id, WebhookPatch(enabled=True))
    await post.deliver()
    assert post.told() == [("key.created", "key")]


async def test_gone_is_said_once_and_stands_in_the_audit_log(post: Post) -> None:
    """410 disables the webhook, whoever's try heard it."""
    webhook = await post.hook("key.created")
    await post.key("one")
    await post.key("two")
    post.mailbox.answer = Answer(code=410, failure="it answered 410: nothing more is sent to it.")
    await post.deliver()
    assert (await post.webhooks.get(post.caller, webhook.id)).state is State.GONE
    assert post.rows("SELECT actor_type FROM audit WHERE action = 'webhook.gone'") == [("system",)]
    await post.key("three")
    assert len(await post.log(webhook)) == 2


async def test_the_log_is_kept_for_30_days(post: Post) -> None:
    """Older deliveries go, and events with the last of theirs."""
    webhook = await post.hook("key.created")
    await post.key("old")
    await post.deliver()
    post.clock.pass_(29 * DAY)
    await post.key("new")
    await post.deliver()
    await post.outbox.forget()
    assert len(await post.log(webhook)) == 2
    post.clock.pass_(2 * DAY)
    await post.outbox.forget()
    assert [one.event_type for one in await post.log(webhook)] == ["key.created"]
    assert len(post.rows("SELECT * FROM webhook_event")) == 1


async def test_of_many_deliveries_the_newest_are_kept(post: Post) -> None:
    """However much is announced, the log of a webhook has a bound; what still waits is not cut."""
    webhook = await post.hook("key.created")
    for number in range(6):
        await post.key(f"key {number}")
    await post.deliver()
    await post.store.write(lambda tx: tx.deliveries.forget(0, 2))
    assert len(await post.log(webhook)) == 2
    assert len(post.rows("SELECT * FROM webhook_event")) == 2


async def test_secrets_move_to_the_newest_server_secret(post: Post) -> None:
    """After the start the old one can go, and what is signed stays the same; the database alone is no use."""
    made = await post.webhooks.create(post.caller, WebhookPatch(url=URL, events=("key.created",)))
    post.close()
    moved = Post(post.database, OLDER, SECRET)
    await moved.open()
    assert await move_to_newest(moved.store, moved.seal) == ()
    assert await move_to_newest(moved.store, moved.seal) == ()
    moved.close()
    alone = Post(post.database, OLDER)
    await alone.open()
    (kept,) = await alone.store.read(
        lambda tx: tx.webhooks.secrets(made.webhook.workspace_id, made.webhook.id, alone.clock())
    )
    assert kept.sealed.made_under == alone.seal.newest
    assert alone.seal.open(kept.sealed, kept.id) == made.secret.reveal()
    alone.close()
    post.restart()


async def test_a_secret_that_cannot_be_read_is_a_failure_with_a_way_out(post: Post) -> None:
    """The server secret is lost: the start says so, and so does each delivery; another secret mends it."""
    webhook = await post.hook("key.created")
    post.close()
    other = Post(post.database, OLDER)
    await other.open()
    (said,) = await move_to_newest(other.store, other.seal)
    assert "1 webhook's secret is kept under the server secret" in said
    await other.key()
    await other.deliver()
    (one,) = await other.log(webhook)
    assert one.failure is not None
    assert "give the webhook another secret" in one.failure
    assert other.mailbox.sent == []
    await other.webhooks.replace_secret(other.caller, webhook.id, 3600)
    other.clock.pass_(HOUR)
    await other.deliver()
    assert other.told() == [("key.created", "key")]
    other.close()
    post.restart()


async def test_a_sealed_secret_stands_for_no_other(post: Post) -> None:
    """Whoever can write to the database cannot give a webhook the secret of another, nor change one."""
    first = await post.hook("key.created")
    post.rows("SELECT 1")
    second = await post.hook("key.created")
    kept = [
        (await post.store.read(lambda tx, hook=hook: tx.webhooks.secrets(hook.workspace_id, hook.id, 0)))[0]
        for hook in (first, second)
    ]
    from flowkeys.service.ports.webhooks import CannotOpen

    assert post.seal.open(kept[0].sealed, kept[0].id).startswith("whsec_")
    with pytest.raises(CannotOpen):
        post.seal.open(kept[1].sealed, kept[0].id)
    changed = msgspec.structs.replace(kept[0].sealed, text=kept[0].sealed.text[:-8] + "AAAAAAA=")
    with pytest.raises(CannotOpen):
        post.seal.open(changed, kept[0].id)
