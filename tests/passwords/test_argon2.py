"""Hashes of passwords: what is stored, what is compared, and how many at once."""

import asyncio
import threading
from collections.abc import AsyncIterator

import argon2
import pytest
import pytest_asyncio

from flowkeys.domain.errors import Unavailable
from flowkeys.passwords import argon2 as module
from flowkeys.passwords.argon2 import Argon2Passwords
from tests.service.support import CHEAP, PASSWORD
from tests.support.waiting import PATIENCE_SECONDS, soon


@pytest_asyncio.fixture
async def cheap() -> AsyncIterator[Argon2Passwords]:
    """A hasher with parameters that cost nothing."""
    hasher = Argon2Passwords(CHEAP)
    yield hasher
    hasher.close()


async def test_the_default_is_the_memory_constrained_recommendation_of_rfc_9106() -> None:
    """What is stored names argon2id with 64 MiB, three passes and four lanes."""
    hasher = Argon2Passwords()
    stored = await hasher.hash(PASSWORD)
    hasher.close()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_password_matches_its_own_hash_only(cheap: Argon2Passwords) -> None:
    """Given two hashes of one password, they differ, and both match it and no other."""
    one, two = await cheap.hash(PASSWORD), await cheap.hash(PASSWORD)
    assert one != two
    assert (await cheap.verify(one, PASSWORD)).matches
    assert (await cheap.verify(two, PASSWORD)).matches
    assert not (await cheap.verify(one, PASSWORD + "!")).matches


@pytest.mark.parametrize("password", [PASSWORD, ""])
async def test_nothing_matches_where_nothing_is_stored(cheap: Argon2Passwords, password: str) -> None:
    """Given no account, not even the empty password opens it."""
    assert not (await cheap.verify(None, password)).matches


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$broken"])
async def test_what_is_no_hash_matches_nothing(cheap: Argon2Passwords, stored: str) -> None:
    """Given a damaged row, the sign-in is refused; it does not fail."""
    assert not (await cheap.verify(stored, stored)).matches


async def test_a_hash_of_other_parameters_is_outdated(cheap: Argon2Passwords) -> None:
    """It still matches, and says that it should be made anew."""
    stronger = Argon2Passwords(argon2.Parameters(argon2.Type.ID, 19, 16, 32, 2, 8, 1))
    found = await stronger.verify(await cheap.hash(PASSWORD), PASSWORD)
    stronger.close()
    assert (found.matches, found.outdated) == (True, True)
    assert not (await cheap.verify(await cheap.hash(PASSWORD), PASSWORD)).outdated


async def test_a_text_that_is_no_text_is_a_wrong_password(cheap: Argon2Passwords) -> None:
    """Given half of a surrogate pair, which no encoding has, nothing fails."""
    stored = await cheap.hash(PASSWORD)
    assert not (await cheap.verify(stored, "\ud800" * 12)).matches


async def test_no_account_costs_as_much_as_a_wrong_password(
    cheap: Argon2Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a look at what is computed, each comparison is one run of argon2 with the same parameters."""
    runs: list[str] = []
    real = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, stored: str, password: bytes) -> bool:
        runs.append(stored.rsplit("$", 2)[0])
        return real(self, stored, password)

    stored = await cheap.hash(PASSWORD)
    await cheap.verify(None, PASSWORD)
    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    await cheap.verify(None, PASSWORD)
    unknown = runs.copy()
    runs.clear()
    await cheap.verify(stored, "wrong password")
    assert unknown == runs == ["$argon2id$v=19$m=8,t=1,p=1"]


async def test_two_are_hashed_at_once_and_few_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a crowd, two threads work, the event loop does not, and who is too many shall come again."""
    running, most, lock, go = 0, 0, threading.Lock(), threading.Event()
    loop_thread = threading.get_ident()

    def slow(_self: object, _password: bytes) -> str:
        nonlocal running, most
        assert threading.get_ident() != loop_thread
        with lock:
            running += 1
            most = max(most, running)
        go.wait(PATIENCE_SECONDS)
        with lock:
            running -= 1
        return "hash"

    monkeypatch.setattr(argon2.PasswordHasher, "hash", slow)
    hasher = Argon2Passwords(CHEAP)
    crowd = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(module.WAITING)]
    await soon(lambda: hasher._pending == module.WAITING, "a crowd")
    with pytest.raises(Unavailable):
        await hasher.hash(PASSWORD)
    go.set()
    assert await asyncio.gather(*crowd) == ["hash"] * module.WAITING
    hasher.close()
    assert most == module.AT_ONCE
