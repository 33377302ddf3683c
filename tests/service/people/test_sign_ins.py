"""Signing in and staying signed in."""

import asyncio
from typing import Any

import argon2
import pytest

from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound, Unavailable
from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Role
from flowkeys.domain.principal import Caller, Principal
from flowkeys.domain.times import SECOND
from flowkeys.service.people.sign_ins import SignInRefused, SignInService, Started
from tests.service.support import DAY, MINUTE, OTHER_PASSWORD, PASSWORD, House, caller

EMAIL = "ada@example.com"
NOBODY = "nobody@example.com"
HOME = "198.51.100.1"


async def signed_in(house: House, email: str = EMAIL, password: str = PASSWORD, **about: Any) -> Started:
    """Sign in; it must work."""
    started = await house.sign_ins.sign_in(email, password, **about)
    assert isinstance(started, Started)
    return started


async def is_signed_in(house: House, started: Started) -> bool:
    """Tell whether a secret still works."""
    return await house.sign_ins.find(started.secret.reveal()) is not None


async def test_a_sign_in_is_found_by_its_secret(house: House) -> None:
    """Given the right password, the secret leads to the person, what they hold, and where they came from."""
    await house.owner()
    started = await signed_in(house, address="203.0.113.7", user_agent="Firefox\x1b[31m on Linux")
    signed = await house.sign_ins.find(started.secret.reveal())
    assert signed is not None
    assert signed.person.email == EMAIL
    assert signed.person.as_principal().permissions == {"*"}
    assert (signed.sign_in.address, signed.sign_in.user_agent) == ("203.0.113.7", "Firefox[31m on Linux")


@pytest.mark.parametrize("typed", [" ada@example.com ", "ADA@Example.COM"])
async def test_an_address_is_one_account_however_it_is_typed(house: House, typed: str) -> None:
    """Case and spaces around it make no difference."""
    await house.owner()
    assert (await signed_in(house, typed)).person.email == EMAIL


async def test_the_password_is_normalised_before_it_is_compared(house: House) -> None:
    """Given a password chosen with a composed accent, the same one typed decomposed opens the account."""
    secret = await house.links.set_up_link()
    assert secret is not None
    chosen = "caf\u00e9 caf\u00e9 caf\u00e9"
    await house.links.accept(Purpose.SET_UP, secret.reveal(), email=EMAIL, password=chosen)
    await signed_in(house, password="cafe\u0301 cafe\u0301 cafe\u0301")


@pytest.mark.parametrize("password", ["wrong password", "", PASSWORD + " ", PASSWORD.upper(), "x" * 100_000])
async def test_another_password_is_refused(house: House, password: str) -> None:
    """Nothing is cut, folded or forgiven."""
    await house.owner()
    assert await house.sign_ins.sign_in(EMAIL, password) == SignInRefused()


async def test_an_unknown_account_gets_the_same_answers_as_a_wrong_password(house: House) -> None:
    """Given many tries for one that exists and one that does not, all answers are equal, waits included."""
    await house.owner()
    answers: dict[str, list[object]] = {EMAIL: [], NOBODY: []}
    for _ in range(12):
        for email, given in answers.items():
            given.append(await house.sign_ins.sign_in(email, "wrong password"))
        house.clock.pass_(SECOND)
    assert answers[EMAIL] == answers[NOBODY]
    assert SignInRefused(1) in answers[EMAIL]
    assert SignInRefused(2) in answers[EMAIL]


async def test_an_unknown_account_costs_the_same_work(house: House) -> None:
    """One comparison, one read and one written row each, whether there is an account or not."""
    await house.owner()
    counts = []
    for email in (EMAIL, NOBODY, "no address at all"):
        house.passwords.compared.clear()
        before = len(house.rows("SELECT 1 FROM audit"))
        await house.sign_ins.sign_in(email, "wrong password")
        counts.append((len(house.passwords.compared), len(house.rows("SELECT 1 FROM audit")) - before))
    assert counts == [(1, 1)] * 3


async def test_while_it_waits_the_password_is_not_even_looked_at(house: House) -> None:
    """Given five failures, the right password too has to wait, and nothing is compared."""
    await house.owner()
    for _ in range(5):
        await house.sign_ins.sign_in(EMAIL, "wrong password")
    house.passwords.compared.clear()
    assert await house.sign_ins.sign_in(EMAIL, PASSWORD) == SignInRefused(1)
    assert house.passwords.compared == []
    house.clock.pass_(SECOND)
    await signed_in(house)


async def test_tries_at_the_same_time_are_counted_before_they_are_decided(house: House) -> None:
    """Given thirty guesses sent at once, five passwords are compared."""
    await house.owner()
    house.passwords.compared.clear()
    guesses = [house.sign_ins.sign_in(EMAIL, f"guess number {n}") for n in range(30)]
    answers = await asyncio.gather(*guesses)
    assert len(house.passwords.compared) == 5
    assert answers.count(SignInRefused()) == 5


@pytest.mark.parametrize("text", ["", "\x00", "\ud800@example.com", "' OR 1=1 --", "x" * 1_000_000])
async def test_any_text_can_be_typed(house: House, text: str) -> None:
    """Given no address or no text at all, the sign-in is refused like any other; nothing fails."""
    await house.owner()
    assert await house.sign_ins.sign_in(text, text) == SignInRefused()


async def test_a_success_clears_the_account_s_failures(house: House) -> None:
    """Given four mistakes and then the right password, the next mistakes are free again."""
    await house.owner()
    for _ in range(3):
        for _ in range(4):
            assert await house.sign_ins.sign_in(EMAIL, "wrong password") == SignInRefused()
        await signed_in(house)


async def test_somebody_else_s_failures_do_not_lock_anybody_out(house: House) -> None:
    """Given guesses each second from other addresses, before and after a restart, the person signs in."""
    await house.owner()
    await signed_in(house, address=HOME)
    for sign_ins in (house.sign_ins, SignInService(house.store, house.passwords, house.clock)):
        for number in range(70):
            await sign_ins.sign_in(EMAIL, "wrong password", address=f"203.0.113.{number}")
            house.clock.pass_(SECOND)
        assert isinstance(await sign_ins.sign_in(EMAIL, PASSWORD, address="192.0.2.1"), SignInRefused)
        assert isinstance(await sign_ins.sign_in(EMAIL, PASSWORD, address=HOME), Started)


async def test_even_where_nobody_can_be_told_apart_a_wait_ends(house: House) -> None:
    """Given a night of guesses by the proxy that all come by, a quarter of an hour without any is enough."""
    await house.owner()
    for _ in range(200):
        answer = await house.sign_ins.sign_in(EMAIL, "wrong password", address="127.0.0.1")
        assert isinstance(answer, SignInRefused)
        house.clock.pass_(answer.retry_after_seconds * SECOND)
    house.clock.pass_(15 * MINUTE)
    await signed_in(house, address="127.0.0.1")


async def test_where_one_person_signs_in_is_no_known_place_of_another_s(house: House) -> None:
    """Given guesses for one account, an address at which only somebody else signed in is a stranger's."""
    await house.owner()
    await house.join("bob@example.com")
    await signed_in(house, "bob@example.com", address=HOME)
    for number in range(50):
        await house.sign_ins.sign_in(EMAIL, "wrong password", address=f"203.0.113.{number}")
    assert await house.sign_ins.sign_in(EMAIL, PASSWORD, address=HOME) == SignInRefused(1)


async def test_a_link_lets_a_person_in_while_others_fail_for_them(house: House) -> None:
    """Given an account that has to wait, a reset link does not wait, and ends the waiting."""
    await house.owner()
    for _ in range(6):
        await house.sign_ins.sign_in(EMAIL, "wrong password")
    issued = await house.links.reset_link(EMAIL)
    await house.links.accept(issued.link.purpose, issued.secret.reveal(), password=OTHER_PASSWORD)
    await signed_in(house, password=OTHER_PASSWORD)


async def test_an_outage_is_no_failed_try(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a store that cannot be reached, that is raised, and afterwards nobody has to wait for it."""
    await house.owner()

    async def broken(_work: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "read", broken)
        for _ in range(10):
            with pytest.raises(Unavailable):
                await house.sign_ins.sign_in(EMAIL, PASSWORD)
    await signed_in(house)


@pytest.mark.parametrize("text", ["", " ", "x" * 43, "é" * 43, "x" * 100_000, "a\x00b"])
async def test_no_other_text_is_a_sign_in(house: House, text: str) -> None:
    """Empty, odd, long or made up: nobody is found, and nothing fails."""
    await house.owner()
    assert await house.sign_ins.find(text) is None


async def test_what_is_stored_is_no_secret(house: House) -> None:
    """Given the stored digest and the public id of a sign-in, neither signs anybody in."""
    await house.owner()
    for text in house.rows("SELECT digest, id FROM sign_in")[0]:
        assert await house.sign_ins.find(text) is None


async def test_a_sign_in_ends_after_thirty_days_however_much_it_is_used(house: House) -> None:
    """Given a visit each day, the thirtieth day is the last."""
    started = await house.owner()
    for _ in range(29):
        house.clock.pass_(DAY)
        assert await is_signed_in(house, started)
        await house.sign_ins.settled()
    house.clock.pass_(DAY)
    assert started.expires_at == house.clock()
    assert not await is_signed_in(house, started)


async def test_a_sign_in_ends_after_seven_days_without_a_visit(house: House) -> None:
    """Given no visit for a week, it has ended; a moment less, and it goes on."""
    started = await house.owner()
    house.clock.pass_(7 * DAY - 1)
    assert await is_signed_in(house, started)
    await house.sign_ins.settled()
    house.clock.pass_(7 * DAY)
    assert not await is_signed_in(house, started)


async def test_ended_sign_ins_are_not_listed_and_are_deleted_at_the_next_sign_in(house: House) -> None:
    """Given sign-ins that were idle too long, nobody sees them and no table grows with them."""
    await house.owner()
    house.clock.pass_(8 * DAY)
    started = await signed_in(house)
    assert len(await house.sign_ins.mine(caller(started))) == 1
    assert len(house.rows("SELECT 1 FROM sign_in")) == 1


async def test_being_seen_is_written_every_five_minutes_at_most(house: House) -> None:
    """Given requests all the time, one in five minutes writes, of the sign-in and of the person."""
    started = await house.owner()
    begin = house.clock()
    written = []
    for _ in range(11):
        await house.sign_ins.find(started.secret.reveal())
        await house.sign_ins.settled()
        (seen,) = house.rows("SELECT s.last_seen_at, p.last_seen_at FROM sign_in s, person p")[0:1]
        assert seen[0] == seen[1]
        written.append((seen[0] - begin) // MINUTE)
        house.clock.pass_(MINUTE)
    assert written == [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10]


async def test_a_page_does_not_fail_when_its_visit_cannot_be_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a full disk, who is signed in stays signed in."""
    started = await house.owner()

    async def full(_work: object) -> None:
        raise Unavailable

    house.clock.pass_(DAY)
    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", full)
        assert await is_signed_in(house, started)
        await house.sign_ins.settled()
        assert await is_signed_in(house, started)
        await house.sign_ins.settled()


async def test_signing_out_ends_this_sign_in_only(house: House) -> None:
    """Given two browsers, the other one stays signed in; signing out twice is no error."""
    one = await house.owner()
    two = await signed_in(house)
    await house.sign_ins.sign_out(one.secret.reveal())
    await house.sign_ins.sign_out(one.secret.reveal())
    assert (await is_signed_in(house, one), await is_signed_in(house, two)) == (False, True)


async def test_one_s_own_sign_ins_can_be_ended_one_by_one_and_nobody_else_s(house: House) -> None:
    """Given the id of another person's sign-in, it is not found and goes on."""
    ada = await house.owner()
    bob = await house.join("bob@example.com")
    (of_ada,) = await house.sign_ins.mine(caller(ada))
    with pytest.raises(NotFound):
        await house.sign_ins.end(caller(bob), of_ada.id)
    assert await is_signed_in(house, ada)
    await house.sign_ins.end(caller(ada), of_ada.id)
    assert not await is_signed_in(house, ada)


async def test_signing_out_everywhere_ends_all_or_all_others(house: House) -> None:
    """Given three browsers of one person and one of another, only the one person's are ended."""
    ada = await house.owner()
    bob = await house.join("bob@example.com")
    others = [await signed_in(house), await signed_in(house)]
    this = await house.sign_ins.find(ada.secret.reveal())
    assert this is not None
    assert await house.sign_ins.end_others(caller(ada), this.sign_in.id) == 2
    assert [await is_signed_in(house, one) for one in (ada, *others, bob)] == [True, False, False, True]
    assert await house.sign_ins.end_all(caller(ada)) == 1
    assert [await is_signed_in(house, one) for one in (ada, bob)] == [False, True]


async def test_changing_the_password_ends_every_other_sign_in(house: House) -> None:
    """Given three browsers, the one that changes it goes on; the old password opens nothing any more."""
    this = await house.owner()
    others = [await signed_in(house), await signed_in(house)]
    signed = await house.sign_ins.find(this.secret.reveal())
    assert signed is not None
    await house.sign_ins.change_password(caller(this), PASSWORD, OTHER_PASSWORD, keep=signed.sign_in.id)
    assert [await is_signed_in(house, one) for one in (this, *others)] == [True, False, False]
    assert await house.sign_ins.sign_in(EMAIL, PASSWORD) == SignInRefused()
    await signed_in(house, password=OTHER_PASSWORD)


async def test_changing_the_password_voids_links_for_a_forgotten_one(house: House) -> None:
    """Given a reset link that lies around, it works no more."""
    ada = await house.owner()
    issued = await house.links.reset_link(EMAIL)
    await house.sign_ins.change_password(caller(ada), PASSWORD, OTHER_PASSWORD)
    assert await house.links.peek(issued.link.purpose, issued.secret.reveal()) is None


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong password", OTHER_PASSWORD, "oldPassword"),
        (PASSWORD, "short", "newPassword"),
        (PASSWORD, EMAIL, "newPassword"),
    ],
)
async def test_a_change_of_password_names_what_is_wrong(house: House, old: str, new: str, field: str) -> None:
    """Nothing is changed, and nobody is signed out."""
    ada = await house.owner()
    with pytest.raises(InvalidInput) as caught:
        await house.sign_ins.change_password(caller(ada), old, new)
    assert [error.field for error in caught.value.errors] == [field]
    assert await is_signed_in(house, ada)
    await signed_in(house)


async def test_the_old_password_cannot_be_guessed_from_an_open_browser(house: House) -> None:
    """Given five wrong ones, the next is not looked at, and others' failed sign-ins do not count here."""
    ada = await house.owner()
    for _ in range(5):
        with pytest.raises(InvalidInput, match="not your password"):
            await house.sign_ins.change_password(caller(ada), "wrong password", OTHER_PASSWORD)
    house.passwords.compared.clear()
    with pytest.raises(InvalidInput, match="Too many"):
        await house.sign_ins.change_password(caller(ada), PASSWORD, OTHER_PASSWORD)
    assert house.passwords.compared == []
    house.clock.pass_(SECOND)
    await house.sign_ins.change_password(caller(ada), PASSWORD, OTHER_PASSWORD)


async def test_guesses_of_the_old_password_at_once_get_no_further(house: House) -> None:
    """Given twenty at the same moment, five are compared."""
    ada = await house.owner()
    house.passwords.compared.clear()
    guesses = [
        house.sign_ins.change_password(caller(ada), f"guess number {n}", OTHER_PASSWORD) for n in range(20)
    ]
    await asyncio.gather(*guesses, return_exceptions=True)
    assert len(house.passwords.compared) == 5


async def test_a_password_changed_while_a_sign_in_was_decided_wins(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the old password compared just before the change, nobody gets in with it afterwards."""
    ada = await house.owner()
    verify = house.passwords.verify

    async def changed_meanwhile(stored: str | None, password: str) -> Any:
        found = await verify(stored, password)
        monkeypatch.undo()
        await house.sign_ins.change_password(caller(ada), PASSWORD, OTHER_PASSWORD)
        return found

    monkeypatch.setattr(house.passwords, "verify", changed_meanwhile)
    assert await house.sign_ins.sign_in(EMAIL, PASSWORD) == SignInRefused()


async def test_a_hash_of_older_parameters_is_made_anew_at_the_next_sign_in(house: House) -> None:
    """Given a stored hash of weaker parameters, a sign-in replaces it; the password stays the same."""
    await house.owner()
    weaker = argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=2).hash(PASSWORD)
    await house.store.write(
        lambda tx: tx.people.set_password_hash(
            tx.workspaces.all()[0].id, tx.people.all(tx.workspaces.all()[0].id)[0].person.id, weaker
        )
    )
    await signed_in(house)
    ((stored,),) = house.rows("SELECT password_hash FROM person")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    await signed_in(house)


@pytest.mark.parametrize("kind", ["key", "operator"])
async def test_only_people_have_sign_ins(house: House, kind: Any) -> None:
    """Given a key, even one whose id is a person's, it neither lists nor ends a person's sign-ins."""
    ada = await house.owner()
    other = Caller(Principal(kind, ada.person.id, "x", ada.person.workspace_id, frozenset({"*"})))
    with pytest.raises(Forbidden):
        await house.sign_ins.mine(other)
    with pytest.raises(Forbidden):
        await house.sign_ins.end_all(other)
    with pytest.raises(Forbidden):
        await house.sign_ins.change_password(other, PASSWORD, OTHER_PASSWORD)
    assert await is_signed_in(house, ada)


async def test_the_audit_log_tells_who_signed_in_and_out_and_who_failed(house: House) -> None:
    """Given a success, a failure, an unknown account and a sign-out, each has a row with the address."""
    ada = (await house.owner()).person
    await house.sign_ins.sign_in(EMAIL, "wrong password", address="203.0.113.1")
    await house.sign_ins.sign_in(NOBODY, "wrong password", address="203.0.113.2")
    started = await signed_in(house, address="203.0.113.3")
    await house.sign_ins.sign_out(started.secret.reveal(), address="203.0.113.3")
    await house.sign_ins.change_password(caller(ada, "203.0.113.4"), PASSWORD, OTHER_PASSWORD)
    found = house.rows("SELECT action, subject_id, address FROM audit WHERE address IS NOT NULL ORDER BY seq")
    assert found == [
        ("person.sign_in_failed", ada.id, "203.0.113.1"),
        ("person.sign_in_failed", "unknown", "203.0.113.2"),
        ("person.sign_in", ada.id, "203.0.113.3"),
        ("person.sign_out", ada.id, "203.0.113.3"),
        ("person.change_password", ada.id, "203.0.113.4"),
    ]


async def test_no_secret_and_no_password_is_in_the_database(house: House) -> None:
    """Given everything done once, no file holds a password, a secret, or an address that was mistyped."""
    ada = await house.owner()
    invited = await house.links.invite(caller(ada), "bob@example.com", Role.MEMBER)
    bob = await house.links.accept(invited.link.purpose, invited.secret.reveal(), password=PASSWORD)
    reset = await house.links.reset_link("bob@example.com")
    await house.links.invite(caller(ada), "eve@example.com", Role.VIEWER)
    await house.sign_ins.sign_in(EMAIL, "a wrong password of somebody")
    await house.sign_ins.sign_in("mistyped@example.com", "a wrong password of somebody")
    await house.sign_ins.change_password(caller(ada), PASSWORD, OTHER_PASSWORD)
    hidden = [one.secret.reveal() for one in (ada, invited, bob, reset)]
    hidden += [PASSWORD, OTHER_PASSWORD, "a wrong password of somebody", "mistyped@example.com"]
    kept = b"".join(path.read_bytes() for path in house.database.parent.glob(f"{house.database.name}*"))
    assert b"eve@example.com" in kept
    assert [text for text in hidden if text.encode() in kept] == []
    digests = {
        digest for table in ("sign_in", "link") for (digest,) in house.rows(f"SELECT digest FROM {table}")
    }
    journal = repr(house.rows("SELECT * FROM audit"))
    assert [digest for digest in digests if digest in journal] == []
    assert "$argon2" not in journal
