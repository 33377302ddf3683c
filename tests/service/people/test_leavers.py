"""The keys of somebody who leaves: those that they made, and those that were made by their keys."""

import pytest

from flowkeys.domain.errors import Forbidden
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.people.person import Role
from flowkeys.domain.principal import Caller, Principal, operator
from flowkeys.service.keys.input import NewKey
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.people.leavers import KeysOf
from flowkeys.service.ports.keys.makers import KeysMade, MadeThrough
from tests.service.support import House, caller

MAKER = ("apikeys:view", "apikeys:create")
LIVING = "SELECT name FROM api_key WHERE status <> 'revoked' ORDER BY name"


@pytest.fixture
def keyring(house: House) -> Keyring:
    """The keys of the house."""
    return Keyring(house.store, TokenHasher(["x" * 32]), house.clock)


async def make(keyring: Keyring, by: Caller, name: str, *permissions: str) -> ApiKey:
    """Make a key that holds permissions."""
    return (await keyring.create(by, NewKey(name=name, permissions=frozenset(permissions)))).key


def as_key(key: ApiKey) -> Caller:
    """Return a key as the caller of a service."""
    return Caller(Principal("key", key.id, key.name, key.workspace_id, key.permissions))


async def family(house: House, keyring: Keyring) -> tuple[Caller, Caller, ApiKey]:
    """Let Bob make two keys, one of them two more, and one of those another; return Ada, Bob, the first."""
    ada, bob = caller(await house.owner()), caller(await house.join("bob@example.com"))
    await make(keyring, bob, "plain")
    first = await make(keyring, bob, "first", *MAKER)
    second = await make(keyring, as_key(first), "second", *MAKER)
    await make(keyring, as_key(first), "second too")
    await make(keyring, as_key(second), "third")
    theirs = await make(keyring, ada, "Ada's", *MAKER)
    await make(keyring, as_key(theirs), "Ada's second")
    return ada, bob, first


async def test_keys_that_were_made_by_somebody_s_keys_are_counted_with_theirs(
    house: House, keyring: Keyring
) -> None:
    """Given keys of keys of keys, each is counted once, by what made it; other people's are not."""
    ada, bob, first = await family(house, keyring)
    found = await KeysOf(keyring).count(ada, bob.principal.id or "")
    assert found is not None
    assert (found.own, found.through_keys, found.total) == (2, 3, 5)
    assert [(each.name, each.total) for each in found.through] == [("first", 2), ("second", 1)]
    assert await keyring.made_by(ada, first.id) == KeysMade(2, (found.through[1],))


async def test_revoking_somebody_s_keys_revokes_those_that_they_made(house: House, keyring: Keyring) -> None:
    """Given keys of keys of keys, none of them works on, and nobody else's is touched."""
    ada, bob, _ = await family(house, keyring)
    assert await KeysOf(keyring).revoke(ada, bob.principal.id or "") == 5
    assert house.rows(LIVING) == [("Ada's",), ("Ada's second",)]
    assert await KeysOf(keyring).count(ada, bob.principal.id or "") == KeysMade(0)


async def test_keys_of_a_key_that_is_revoked_are_found_all_the_same(house: House, keyring: Keyring) -> None:
    """Given a person who was removed, and whose maker key was revoked before, what it made is theirs."""
    ada, bob, first = await family(house, keyring)
    await keyring.revoke(ada, first.id)
    await house.people.remove(ada, bob.principal.id or "")
    found = await KeysOf(keyring).count(ada, bob.principal.id or "")
    assert found is not None
    assert (found.own, found.through_keys) == (1, 3)
    assert found.through[0] == MadeThrough(first.id, "first", 2)
    assert await KeysOf(keyring).revoke(ada, bob.principal.id or "") == 4


async def test_more_keys_than_one_transaction_takes_are_all_revoked(
    house: House, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given fewer keys in a part than there are, the next part follows until none is left."""
    ada, bob, _ = await family(house, keyring)
    monkeypatch.setattr("flowkeys.service.keys.keyring.MAX_KEYS", 2)
    assert await KeysOf(keyring).revoke(ada, bob.principal.id or "") == 5


async def test_keys_of_another_workspace_are_neither_counted_nor_revoked(
    house: House, keyring: Keyring
) -> None:
    """Given the id of somebody elsewhere, there is nothing of theirs here."""
    _, bob, _ = await family(house, keyring)
    shop = Caller(operator((await house.workspaces.create("Shop")).id))
    assert await KeysOf(keyring).count(shop, bob.principal.id or "") == KeysMade(0)
    assert await KeysOf(keyring).revoke(shop, bob.principal.id or "") == 0


async def test_who_may_not_see_or_revoke_keys_does_neither(house: House, keyring: Keyring) -> None:
    """Given somebody without the permissions, they are told no number, and revoke nothing."""
    _, bob, _ = await family(house, keyring)
    carl = caller(await house.join("carl@example.com", Role.MEMBER, frozenset({"users:manage"})))
    assert await KeysOf(keyring).count(carl, bob.principal.id or "") is None
    with pytest.raises(Forbidden):
        await KeysOf(keyring).revoke(carl, bob.principal.id or "")
    with pytest.raises(Forbidden):
        await keyring.made_by(carl, bob.principal.id or "")
