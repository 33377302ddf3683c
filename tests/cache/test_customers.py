"""The cache and customers: a change of one reaches all its keys, and costs those of nobody nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.token import Token
from flowkeys.storage.sqlite.feed import BOUND_MICROSECONDS
from tests.support.cached import WORKSPACE, Cached


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    """Return a cache over a database with the customers ``a`` and ``b``."""
    made = Cached(tmp_path / "keys.db")
    made.other.execute("PRAGMA foreign_keys = OFF")
    for name in ("a", "b"):
        made.other.execute(
            "INSERT INTO customer (id, workspace_id, name, name_folded, meta, status, created_at, updated_at,"
            " version) VALUES (?, ?, ?, ?, '{}', 'active', 0, 0, 1)",
            (name, WORKSPACE, name, name),
        )
    yield made
    made.close()


def make(cached: Cached, name: str, customer: str | None) -> bytes:
    """Add a key of a customer."""
    text = cached.make(name)
    cached.other.execute("UPDATE api_key SET customer_id = ? WHERE id = ?", (customer, name))
    return text


def customer_status(cached: Cached, text: bytes, *, after: int = 0) -> str | None:
    """Return the status of the customer that a look-up says."""
    cached.now += after
    record = cached.keys.at_once(text, cached.now)
    assert record is not None, "the token is somebody's"
    terms = record.terms
    return None if terms is None or terms.customer is None else terms.customer.status.value


@pytest.mark.parametrize("all_in_memory", [False, True])
async def test_a_change_of_a_customer_is_one_row_and_reaches_every_key_of_it(
    all_in_memory: bool, cached: Cached
) -> None:
    """Presented before or not; each is read again once, and those of others are not."""
    texts = [make(cached, f"key {number}", "a") for number in range(5)]
    others = [make(cached, "of b", "b"), make(cached, "of nobody", None)]
    if all_in_memory:
        await cached.read_ahead()
    presented = [*texts[:3], *others]
    for text in presented:
        customer_status(cached, text, after=BOUND_MICROSECONDS)
    ((before,),) = cached.other.execute("SELECT max(seq) FROM change").fetchall()
    for status in ("disabled", "revoked", "active"):
        cached.other.execute("UPDATE customer SET status = ? WHERE id = 'a'", (status,))
        cached.now += BOUND_MICROSECONDS
        cached.statements.clear()
        for _ in range(2):
            assert [customer_status(cached, text) for text in texts] == [status] * 5
            assert [customer_status(cached, text) for text in others] == ["active", None]
        assert len(cached.statements) == 5
    ((after,),) = cached.other.execute("SELECT max(seq) FROM change").fetchall()
    assert after == before + 3


async def test_while_everything_is_in_memory_a_guess_costs_no_look_up_after_a_customer_changed(
    cached: Cached,
) -> None:
    """What is here and out of date is somebody's; what is not here is still nobody's."""
    text, guess = make(cached, "key", "a"), make(cached, "gone", "a")
    cached.other.execute("DELETE FROM token WHERE key_id = 'gone'")
    await cached.read_ahead()
    cached.other.execute("UPDATE customer SET status = 'disabled' WHERE id = 'a'")
    cached.now += BOUND_MICROSECONDS
    cached.statements.clear()
    assert cached.find(guess) is None
    assert cached.statements == []
    assert customer_status(cached, text) == "disabled"


async def test_keys_that_are_read_again_take_no_more_memory(cached: Cached) -> None:
    """One record each, however often their customer changes."""
    texts = [make(cached, f"key {number}", "a") for number in range(5)]
    await cached.read_ahead()
    for number in range(20):
        cached.other.execute("UPDATE customer SET name = ? WHERE id = 'a'", (f"name {number}",))
        cached.now += BOUND_MICROSECONDS
        for text in texts:
            customer_status(cached, text)
    assert len(cached.keys) == 5


async def test_a_record_from_before_its_customer_changed_is_not_kept(cached: Cached) -> None:
    """e2b, Unkey: a fill that is older than the last change is dropped."""
    text = make(cached, "key", "a")
    assert customer_status(cached, text, after=BOUND_MICROSECONDS) == "active"
    found = cached.lookups.find_at_once(cached.hasher.digest(Token(text.decode())).all)
    cached.other.execute("UPDATE customer SET status = 'disabled' WHERE id = 'a'")
    cached.now += BOUND_MICROSECONDS
    cached.feed.current(cached.now)
    digests = cached.hasher.digest(Token(text.decode()))
    cached.keys._keep(cached.keys._index_of(text), found, digests, cached.now)
    assert customer_status(cached, text) == "disabled"


def test_keys_of_a_customer_share_what_is_known_of_it(cached: Cached) -> None:
    """One object for all of them, and another one after a change."""
    texts = [make(cached, f"key {number}", "a") for number in range(3)]

    def terms() -> list[object]:
        cached.now += BOUND_MICROSECONDS
        return [record.terms for text in texts if (record := cached.keys.at_once(text, cached.now))]

    first = terms()
    assert first[0] is first[1] is first[2] is not None
    cached.other.execute("UPDATE customer SET name = 'other' WHERE id = 'a'")
    second = terms()
    assert second[0] is second[1] is second[2] is not first[0]


def test_a_customer_that_is_not_there_lets_nobody_in(cached: Cached) -> None:
    """A key whose customer was deleted by hand, or is another workspace's, is not one without."""
    text = make(cached, "key", "a")
    for change in (
        "DELETE FROM customer WHERE id = 'a'",
        "UPDATE customer SET workspace_id = 'other', id = 'a' WHERE id = 'b'",
        "UPDATE customer SET workspace_id = 'w', status = 'half' WHERE id = 'a'",
    ):
        cached.other.execute(change)
        cached.now += BOUND_MICROSECONDS
        with pytest.raises(Unavailable):
            cached.keys.at_once(text, cached.now)
    cached.other.execute(f"UPDATE customer SET status = '{CustomerStatus.ACTIVE}' WHERE id = 'a'")
    assert customer_status(cached, text, after=BOUND_MICROSECONDS) == "active"


def test_more_changed_customers_than_are_remembered_empty_the_cache(
    cached: Cached, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory for changes has a bound too."""
    monkeypatch.setattr("flowkeys.cache.keys._CHANGES", 1)
    text = make(cached, "key", None)
    customer_status(cached, text, after=BOUND_MICROSECONDS)
    before = cached.keys.generation
    for name in ("a", "b"):
        cached.other.execute("UPDATE customer SET name = 'x' WHERE id = ?", (name,))
    customer_status(cached, text, after=BOUND_MICROSECONDS)
    assert cached.keys.generation == before + 1
