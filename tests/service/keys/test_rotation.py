"""Rotation: a key gets a new token, and the old one ends when it is time."""

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest
import pytest_asyncio
from msgspec.structs import replace

from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.errors import AlreadySent, Conflict, Forbidden, InvalidInput, NotFound
from flowkeys.domain.keys.api_key import ApiKey, KeyRecord
from flowkeys.domain.keys.decision import ANYTHING, Allowed, Denied, decide
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.keys.rotation import TokenUses
from flowkeys.domain.keys.token import Token
from flowkeys.domain.principal import Caller, Principal
from flowkeys.domain.times import SECOND, to_iso
from flowkeys.service.customers.customers import CustomerService
from flowkeys.service.customers.input import NewCustomer
from flowkeys.service.forms import once
from flowkeys.service.keys.input import KeyPatch, NewKey
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.keys.rotations import NewRotation
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.sqlite.database import chatflow_loader
from flowkeys.storage.sqlite.feed import SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups
from flowkeys.usage.buffer import UsageBuffer
from tests.service.support import BEGIN, DAY, HOUR, House
from tests.support.waiting import PATIENCE_SECONDS

HASHER = TokenHasher(["s" * 32])


class Ring:
    """A keyring with the memory of uses beside it, and the operator as its caller."""

    def __init__(self, house: House, caller: Caller) -> None:
        self.house = house
        self.caller = caller
        self.usage = UsageBuffer(lambda *buffered: self.keyring.flush(*buffered))  # noqa: PLW0108
        self.keyring = Keyring(house.store, HASHER, house.clock, self.usage)
        self.rotations = self.keyring.rotations

    async def make(self, **fields: object) -> tuple[ApiKey, Token]:
        """Make a key; return it and its token."""
        made = await self.keyring.create(self.caller, NewKey(name="Backend", **fields))  # type: ignore[arg-type]
        return made.key, made.token

    async def rotate(self, key: ApiKey, grace: int = 3600, unused: int | None = None) -> Token:
        """Rotate a key and return the new token."""
        new = NewRotation(grace_seconds=grace, finish_when_unused_seconds=unused)
        return (await self.rotations.begin(self.caller, key.id, new)).token

    async def get(self, key: ApiKey) -> ApiKey:
        """Return a key as it is now."""
        return await self.keyring.get(self.caller, key.id)

    def record(self, token: Token) -> KeyRecord | None:
        """Return what verification finds."""
        lookups = SqliteLookups(self.house.database, 1)
        try:
            return lookups.find_at_once(HASHER.digest(token).all).record
        finally:
            lookups.close()

    def said(self, token: Token) -> str:
        """Return what is said of a token."""
        decision = decide(self.record(token), ANYTHING, self.house.clock())
        return decision.reason.value if isinstance(decision, Denied) else "valid"

    def use(self, token: Token, address: str | None = None, agent: str | None = None) -> None:
        """Use a token, as the verifier notes it."""
        record, now = self.record(token), self.house.clock()
        assert record is not None
        self.usage.used(record.key_id, now)
        if record.replaced is not None:
            self.usage.used_replaced(record.replaced.token, now, KnownClient(address, agent))


@pytest_asyncio.fixture
async def ring(house: House) -> Ring:
    """The keys of the house."""
    return Ring(house, await house.operator())


async def test_both_tokens_work_until_the_grace_is_over_to_the_microsecond(ring: Ring) -> None:
    """One key: the id, the name and all that is decided by are the same; the hint is the new token's."""
    key, old = await ring.make()
    new = await ring.rotate(key, grace=3600)
    assert [ring.said(old), ring.said(new)] == ["valid", "valid"]
    first, second = ring.record(old), ring.record(new)
    assert first is not None
    assert second is not None
    assert (first.identity, first.permissions) == (second.identity, second.permissions)
    assert second.replaced is None
    assert (await ring.get(key)).hint == new.hint
    ring.house.clock.pass_(HOUR - 1)
    assert ring.said(old) == "valid"
    ring.house.clock.pass_(1)
    assert [ring.said(old), ring.said(new)] == ["expired_key", "valid"]


async def test_a_leaked_key_ends_at_once(ring: Ring) -> None:
    """With a grace of 0 no rotation is under way, and the next may begin."""
    key, old = await ring.make()
    new = await ring.rotate(key, grace=0)
    assert [ring.said(old), ring.said(new)] == ["expired_key", "valid"]
    assert (await ring.get(key)).rotation_at(ring.house.clock()) is None
    newest = await ring.rotate(key, grace=0)
    assert [ring.said(each) for each in (old, new, newest)] == ["expired_key", "expired_key", "valid"]


async def test_one_rotation_at_a_time(ring: Ring) -> None:
    """Two at once too: one of them is refused, and what it made is nobody's."""
    key, old = await ring.make()
    done = await asyncio.gather(ring.rotate(key), ring.rotate(key), return_exceptions=True)
    (refused,) = [each for each in done if not isinstance(each, Token)]
    assert isinstance(refused, Conflict)
    assert refused.code == "rotation_under_way"
    assert f"flowkeys keys rotation {key.id} --end" in str(refused)
    assert ring.house.rows("SELECT count(*) FROM token") == [(2,)]
    ring.house.clock.pass_(HOUR)
    assert ring.said(await ring.rotate(key)) == "valid"
    assert ring.said(old) == "expired_key"


async def test_a_grace_is_ended_or_extended(ring: Ring) -> None:
    """From now on: longer or shorter; 0 ends the old token at once, and then there is nothing to extend."""
    key, old = await ring.make()
    with pytest.raises(Conflict, match="never rotated"):
        await ring.rotations.set_grace(ring.caller, key.id, 60)
    await ring.rotate(key, grace=60)
    ring.house.clock.pass_(30 * SECOND)
    changed = await ring.rotations.set_grace(ring.caller, key.id, 3600)
    assert changed.rotation is not None
    assert changed.rotation.ends_at == ring.house.clock() + HOUR
    ring.house.clock.pass_(59 * 60 * SECOND)
    assert ring.said(old) == "valid"
    await ring.rotations.set_grace(ring.caller, key.id, 0)
    assert ring.said(old) == "expired_key"
    with pytest.raises(Conflict, match=f"ended at {to_iso(ring.house.clock())}") as refused:
        await ring.rotations.set_grace(ring.caller, key.id, 60)
    assert refused.value.code == "no_rotation"
    assert ring.said(old) == "expired_key", "what has ended is never brought back"


@pytest.mark.parametrize("late", ["extended", "rotated"])
async def test_what_another_process_ends_while_a_change_waits_has_ended(ring: Ring, late: str) -> None:
    """Given a change that waits for the store, its clock is that of when it is done, not of when it came."""
    key, old = await ring.make()
    await ring.rotate(key)
    let_go = threading.Event()

    def elsewhere(tx: Transaction) -> None:
        assert let_go.wait(PATIENCE_SECONDS)
        ring.house.clock.pass_(SECOND)
        now = ring.house.clock()
        tx.tokens.set_end(key.workspace_id, key.id, now, now)

    ended = asyncio.ensure_future(ring.house.store.write(elsewhere))
    await asyncio.sleep(0)
    change = ring.rotations.set_grace(ring.caller, key.id, 60) if late == "extended" else ring.rotate(key)
    waiting = asyncio.ensure_future(change)
    await asyncio.sleep(0)
    let_go.set()
    await ended
    if late == "extended":
        with pytest.raises(Conflict) as refused:
            await waiting
        assert refused.value.code == "no_rotation"
    else:
        assert ring.said(await waiting) == "valid"
    assert ring.said(old) == "expired_key", "what has ended is never brought back"


async def test_bounds_are_told(ring: Ring) -> None:
    """Each field by its name, and nothing is changed."""
    key, _ = await ring.make()
    for grace, unused, field in (
        (-1, None, "graceSeconds"),
        (90 * 86_400 + 1, None, "graceSeconds"),
        (3600, 59, "finishWhenUnusedSeconds"),
        (3600, 3601, "finishWhenUnusedSeconds"),
        (0, 60, "finishWhenUnusedSeconds"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await ring.rotate(key, grace, unused)
        assert [error.field for error in refused.value.errors] == [field]
    assert (await ring.get(key)).rotation is None
    await ring.rotate(key, 90 * 86_400, 60)


async def test_what_a_key_must_be_to_be_rotated(ring: Ring) -> None:
    """Not revoked, and not expired. A disabled one stays disabled: so a leak is stopped first."""
    revoked, _ = await ring.make()
    await ring.keyring.revoke(ring.caller, revoked.id)
    with pytest.raises(InvalidInput, match="revoked"):
        await ring.rotate(revoked)
    ending, _ = await ring.make(expires_at=ring.house.clock() + HOUR)
    ring.house.clock.pass_(HOUR)
    with pytest.raises(InvalidInput, match="expiresAt"):
        await ring.rotate(ending)
    disabled, old = await ring.make()
    await ring.keyring.disable(ring.caller, disabled.id)
    new = await ring.rotate(disabled)
    assert [ring.said(old), ring.said(new)] == ["disabled_key", "disabled_key"]
    await ring.keyring.enable(ring.caller, disabled.id)
    assert [ring.said(old), ring.said(new)] == ["valid", "valid"]
    with pytest.raises(NotFound):
        await ring.rotations.begin(ring.caller, "nobody", NewRotation())
    customers = CustomerService(ring.house.store, ring.house.clock)
    customer = await customers.create(ring.caller, NewCustomer(name="Left"))
    left, _ = await ring.make(customer_id=customer.id)
    await ring.house.store.write(
        lambda tx: tx.customers.update(replace(customer, status=CustomerStatus.REVOKED))  # as in the middle
    )
    with pytest.raises(InvalidInput, match="revoked with its customer"):
        await ring.rotate(left)


async def test_who_may_rotate(ring: Ring) -> None:
    """apikeys:update, and all that the key holds: who rotates a key has its power afterwards."""
    key, _ = await ring.make(permissions=frozenset({"logs:view"}))
    for held, permitted in (
        (frozenset({"logs:view"}), False),
        (frozenset({"apikeys:update"}), False),
        (frozenset({"apikeys:update", "logs:view"}), True),
    ):
        by = Caller(Principal("key", "k", "k", ring.caller.workspace_id, held))
        for call in (
            lambda by=by: ring.rotations.begin(by, key.id, NewRotation()),
            lambda by=by: ring.rotations.set_grace(by, key.id, 0),
        ):
            if permitted:
                await call()
            else:
                with pytest.raises(Forbidden):
                    await call()


async def test_a_form_rotates_once(ring: Ring) -> None:
    """However often it is sent; a send that was refused has spent nothing."""
    key, _ = await ring.make()
    form = once.issue(ring.house.clock)
    with pytest.raises(InvalidInput):
        await ring.rotations.begin(ring.caller, key.id, NewRotation(grace_seconds=-1), form)
    await ring.rotations.begin(ring.caller, key.id, NewRotation(grace_seconds=0), form)
    with pytest.raises(AlreadySent) as refused:
        await ring.rotations.begin(ring.caller, key.id, NewRotation(grace_seconds=0), form)
    assert refused.value.subject_id == key.id
    assert ring.house.rows("SELECT count(*) FROM token") == [(2,)]


async def test_uses_of_the_old_token_are_counted_apart(ring: Ring) -> None:
    """From where and by what, before they are stored and after; the new one's are none of them."""
    key, old = await ring.make()
    ring.use(old, "10.0.0.1", "before")
    new = await ring.rotate(key)
    ring.use(new, "10.0.0.9", "new")
    rotation = (await ring.get(key)).rotation
    assert rotation is not None
    assert (rotation.uses, rotation.last_used_at) == (0, None)
    for stored in (False, True):
        ring.house.clock.pass_(SECOND)
        ring.use(old, "10.0.0.2", "curl/8")
        ring.use(old, "10.0.0.3", f"agent {old.reveal()} " + "x" * 300)
        if stored:
            await ring.usage.flush()
        rotation = (await ring.get(key)).rotation
        assert rotation is not None
        assert rotation.uses == (4 if stored else 2)
        assert rotation.last_used_at == ring.house.clock()
        assert rotation.last_address == "10.0.0.3"
        assert rotation.last_user_agent == ("agent fl-… " + "x" * 300)[:200]


async def test_uses_from_before_the_rotation_are_none_of_the_old_token(ring: Ring) -> None:
    """Also those of a token whose end was set by hand, and that are not stored when it is replaced."""
    key, old = await ring.make()
    await ring.house.store.write(
        lambda tx: tx._connection.raw.execute("UPDATE token SET valid_until = ?", (BEGIN + DAY,)).rowcount
    )
    lookups = SqliteLookups(ring.house.database, 1)
    feed = SqliteFeed(lookups.connection)
    cache = KeyCache(lookups, feed, HASHER, ring.usage, 100)
    directory = ChatflowCache(lookups, feed, chatflow_loader(lookups.connection), ring.house.clock)
    verifier = Verifier(cache, directory, ring.usage, ring.house.clock)
    assert isinstance(verifier.at_once(old.reveal().encode()), Allowed)
    assert isinstance(await verifier.verify(old), Allowed)
    lookups.close()
    await ring.rotate(key)
    rotation = (await ring.get(key)).rotation
    assert rotation is not None
    assert (rotation.uses, rotation.last_used_at) == (0, None)


async def test_a_buffered_use_undoes_nothing(ring: Ring) -> None:
    """ADR 4: the end that was set meanwhile stands, and a later use is not taken back by an earlier one."""
    key, old = await ring.make()
    await ring.rotate(key)
    ring.use(old)
    await ring.rotations.set_grace(ring.caller, key.id, 0)
    await ring.usage.flush()
    assert ring.said(old) == "expired_key"
    number = ring.record(old).replaced.token  # type: ignore[union-attr]
    before = ring.house.rows("SELECT * FROM token WHERE replaced_at IS NULL")
    await ring.keyring.flush({}, {}, {number: _uses(1, 5), number + 1: _uses(1, 5)})
    ((uses, last),) = ring.house.rows(f"SELECT uses, last_used_at FROM token WHERE seq = {number}")
    assert (uses, last) == (2, ring.house.clock())
    assert ring.house.rows("SELECT * FROM token WHERE replaced_at IS NULL") == before


async def test_an_unused_old_token_ends_by_itself(ring: Ring) -> None:
    """From the start of the rotation, or its last use; the journal says who did it: the server."""
    key, old = await ring.make()
    await ring.rotate(key, grace=24 * 3600, unused=6 * 3600)
    ring.house.clock.pass_(6 * HOUR - 1)
    assert await ring.rotations.finish_unused() == 0
    ring.use(old)  # just before: it is in memory only, and wins
    ring.house.clock.pass_(1)
    assert await ring.rotations.finish_unused() == 0
    await ring.usage.flush()
    ring.house.clock.pass_(6 * HOUR - 2)
    assert await ring.rotations.finish_unused() == 0
    ring.house.clock.pass_(1)
    changes = ring.house.rows("SELECT count(*) FROM change")
    assert await ring.rotations.finish_unused() == 1
    assert ring.said(old) == "expired_key"
    assert ring.house.rows("SELECT count(*) FROM change") > changes
    last = "SELECT action, actor_type, actor_name, subject_id FROM audit ORDER BY seq DESC LIMIT 1"
    assert ring.house.rows(last) == [("key.rotation_finish", "system", "flowkeys", key.id)]
    assert await ring.rotations.finish_unused() == 0


async def test_only_what_is_to_finish_does(ring: Ring) -> None:
    """Not without being told, not a revoked key's, and what was never used by the time of its start."""
    plain, old = await ring.make()
    await ring.rotate(plain, grace=7 * 86_400)
    gone, _ = await ring.make()
    await ring.rotate(gone, grace=7 * 86_400, unused=60)
    await ring.keyring.revoke(ring.caller, gone.id)
    ring.house.clock.pass_(6 * DAY)
    assert await ring.rotations.finish_unused() == 0
    assert ring.said(old) == "valid"
    late, ended = await ring.make()
    await ring.rotate(late, grace=86_400, unused=60)
    ring.house.clock.pass_(60 * SECOND)
    assert await ring.rotations.finish_unused() == 1
    assert ring.said(ended) == "expired_key"


async def test_a_key_that_was_spoilt_by_hand_keeps_no_other_from_finishing(ring: Ring) -> None:
    """It is left as it is, since it opens nothing."""
    spoilt, _ = await ring.make()
    await ring.rotate(spoilt, grace=86_400, unused=60)
    key, old = await ring.make()
    await ring.rotate(key, grace=86_400, unused=60)
    with closing(sqlite3.connect(ring.house.database)) as raw, raw:
        raw.execute("UPDATE api_key SET permissions = 'x' WHERE id = ?", (spoilt.id,))
    ring.house.clock.pass_(60 * SECOND)
    assert await ring.rotations.finish_unused() == 1
    assert ring.said(old) == "expired_key"


async def test_the_journal_says_what_became_of_the_tokens_and_holds_neither(ring: Ring) -> None:
    """Before and after: the hints, and when the old one ends."""
    key, old = await ring.make()
    new = await ring.rotate(key)
    await ring.rotations.set_grace(ring.caller, key.id, 0)
    rows = ring.house.rows('SELECT action, "before", "after" FROM audit WHERE subject = \'key\' ORDER BY seq')
    assert [row[0] for row in rows] == ["key.create", "key.rotate", "key.rotation_end"]
    assert f"•{old.hint}" in rows[1][1]
    assert f"•{new.hint}" in rows[1][2]
    assert to_iso(ring.house.clock() + HOUR) in rows[1][2]
    everything = str(ring.house.rows("SELECT * FROM audit"))
    assert old.reveal() not in everything
    assert new.reveal() not in everything


async def test_both_tokens_are_stored_under_the_newest_secret_after_use(ring: Ring) -> None:
    """Two tokens of one key: neither displaces the other in what waits to be stored."""
    key, old = await ring.make()
    new = await ring.rotate(key)
    second = TokenHasher(["t" * 32, "s" * 32])
    for token in (old, new):
        digests = second.digest(token)
        ring.usage.outdated(key.id, digests.all[1], digests.newest)
    await ring.usage.flush()
    stored = {row[0] for row in ring.house.rows("SELECT digest FROM token")}
    assert stored == {second.digest(token).newest for token in (old, new)}


async def test_ended_tokens_need_no_secret(ring: Ring) -> None:
    """Doctor says that an old secret is needed no more; the rows stay."""
    key, _ = await ring.make()
    await ring.rotate(key, grace=60)
    (secret,) = HASHER.secret_ids
    now = ring.house.clock

    async def count() -> int:
        return await ring.house.store.read(lambda tx: tx.keys.count_under(secret, now()))

    assert await count() == 2
    ring.house.clock.pass_(60 * SECOND)
    assert await count() == 1
    assert ring.house.rows("SELECT count(*) FROM token") == [(2,)]


async def test_what_else_is_changed_leaves_the_rotation_alone(ring: Ring) -> None:
    """A new name, disabling, and a rename by a form that was open before."""
    key, old = await ring.make()
    await ring.rotate(key)
    before = (await ring.get(key)).rotation
    await ring.keyring.update(ring.caller, key.id, KeyPatch(name="Other"))
    await ring.keyring.disable(ring.caller, key.id)
    await ring.keyring.enable(ring.caller, key.id)
    assert (await ring.get(key)).rotation == before
    assert ring.said(old) == "valid"
    await ring.keyring.revoke(ring.caller, key.id)
    assert ring.said(old) == "revoked_key"


def _uses(uses: int, at: int) -> TokenUses:
    return TokenUses(uses, at, None, None)
