"""One-time links: for the first owner, for who is invited, and for a forgotten password."""

import asyncio

import msgspec
import pytest

from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.people.link import IssuedLink, Purpose
from flowkeys.domain.people.person import MEMBER_PERMISSIONS, VIEWER_PERMISSIONS, Role
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.principal import Caller, Principal, operator
from flowkeys.service.keys.input import NewKey
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.people.sign_ins import SignInRefused, Started
from tests.service.support import DAY, HOUR, OTHER_PASSWORD, PASSWORD, House, caller

BOB = "bob@example.com"
INVITER = frozenset({"users:manage"}) | MEMBER_PERMISSIONS


async def set_up(house: House) -> str:
    """Return the secret of a set-up link."""
    secret = await house.links.set_up_link()
    assert secret is not None
    return secret.reveal()


async def issue(house: House, purpose: Purpose) -> str:
    """Return the secret of a link: to set up, to invite somebody, or for the owner's password."""
    if purpose is Purpose.SET_UP:
        return await set_up(house)
    await house.owner()
    if purpose is Purpose.RESET:
        return (await house.links.reset_link("ada@example.com")).secret.reveal()
    return (await house.links.invite(await house.operator(), BOB, Role.MEMBER)).secret.reveal()


async def works(house: House, issued: IssuedLink) -> bool:
    """Tell whether a link still works."""
    return await house.links.peek(issued.link.purpose, issued.secret.reveal()) is not None


async def test_the_set_up_link_makes_the_first_owner_and_signs_them_in(house: House) -> None:
    """Given nobody, who opens the link and chooses a password holds everything, here and at once."""
    started = await house.links.accept(
        Purpose.SET_UP, await set_up(house), email=" Ada@Example.com ", password=PASSWORD, name=" Ada "
    )
    assert (started.person.email, started.person.name, started.person.role) == (
        "ada@example.com",
        "Ada",
        Role.OWNER,
    )
    signed = await house.sign_ins.find(started.secret.reveal())
    assert signed is not None
    assert signed.person.held() == {"*"}


async def test_there_is_no_set_up_link_once_there_is_an_owner(house: House) -> None:
    """Nobody becomes a second owner because a server was started again."""
    await house.owner()
    assert await house.links.set_up_link() is None


async def test_each_set_up_link_voids_the_one_before(house: House) -> None:
    """Given two starts, only the second one's link works."""
    first, second = await set_up(house), await set_up(house)
    assert await house.links.peek(Purpose.SET_UP, first) is None
    assert await house.links.peek(Purpose.SET_UP, second) is not None


async def test_a_set_up_link_is_refused_once_there_is_an_owner(house: House) -> None:
    """Given an owner who was invited meanwhile, the link that was printed opens nothing any more."""
    secret = await set_up(house)
    await house.join("ada@example.com", Role.OWNER)
    assert await house.links.peek(Purpose.SET_UP, secret) is None
    with pytest.raises(NotFound):
        await house.links.accept(Purpose.SET_UP, secret, email=BOB, password=PASSWORD)


async def test_a_link_works_once(house: House) -> None:
    """Given a link that was used, it opens nothing any more, by whoever."""
    secret = await set_up(house)
    await house.links.accept(Purpose.SET_UP, secret, email="ada@example.com", password=PASSWORD)
    with pytest.raises(NotFound):
        await house.links.accept(Purpose.SET_UP, secret, email=BOB, password=PASSWORD)
    assert len(house.rows("SELECT 1 FROM person")) == 1


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_of_two_who_use_a_link_at_once_one_wins(house: House, purpose: Purpose) -> None:
    """Given ten uses at the same moment, one signs in and nine find no link; one person, one sign-in more."""
    secret = await issue(house, purpose)
    people = len(house.rows("SELECT 1 FROM person"))
    uses = [
        house.links.accept(purpose, secret, email=f"{n}@example.com", password=f"password of {n:04}")
        for n in range(10)
    ]
    found = await asyncio.gather(*uses, return_exceptions=True)
    assert sum(isinstance(one, Started) for one in found) == 1
    assert sum(isinstance(one, NotFound) for one in found) == 9
    assert len(house.rows("SELECT 1 FROM person")) == people + (purpose is not Purpose.RESET)
    assert house.rows("SELECT 1 FROM link") == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "ada@example.com"}, "password"),
        ({"email": "ada"}, "email"),
        ({"email": None}, "email"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x07b"}, "name"),
    ],
)
async def test_a_mistake_in_the_form_leaves_the_link_usable(
    house: House, changes: dict[str, str | None], field: str
) -> None:
    """Given a password that is too short, the field is named, and the same link takes a better one."""
    secret = await set_up(house)
    right = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    with pytest.raises(InvalidInput) as caught:
        await house.links.accept(Purpose.SET_UP, secret, **{**right, **changes})  # type: ignore[arg-type]
    assert [error.field for error in caught.value.errors] == [field]
    await house.links.accept(Purpose.SET_UP, secret, **right)


@pytest.mark.parametrize(
    ("purpose", "life"), [(Purpose.SET_UP, HOUR), (Purpose.INVITATION, 7 * DAY), (Purpose.RESET, HOUR)]
)
async def test_a_link_works_for_as_long_as_it_says(house: House, purpose: Purpose, life: int) -> None:
    """A moment before the end it works, at the end it does not."""
    secret = await issue(house, purpose)
    house.clock.pass_(life - 1)
    assert await house.links.peek(purpose, secret) is not None
    house.clock.pass_(1)
    assert await house.links.peek(purpose, secret) is None
    with pytest.raises(NotFound):
        await house.links.accept(purpose, secret, email=BOB, password=PASSWORD)


async def test_a_link_that_expires_while_the_password_is_hashed_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at before the transaction is looked at again in it."""
    secret = await set_up(house)
    hashing = house.passwords.hash

    async def slowly(password: str) -> str:
        house.clock.pass_(2 * HOUR)
        return await hashing(password)

    monkeypatch.setattr(house.passwords, "hash", slowly)
    with pytest.raises(NotFound):
        await house.links.accept(Purpose.SET_UP, secret, email=BOB, password=PASSWORD)


async def test_a_link_for_one_thing_is_no_link_for_another(house: House) -> None:
    """Given an invitation's secret, it neither sets up nor resets."""
    await house.owner()
    issued = await house.links.invite(await house.operator(), BOB, Role.VIEWER)
    for purpose in (Purpose.SET_UP, Purpose.RESET):
        assert await house.links.peek(purpose, issued.secret.reveal()) is None
    assert await works(house, issued)


@pytest.mark.parametrize("text", ["", "x" * 43, "../" * 20, "é" * 43, "x" * 100_000])
async def test_no_other_text_is_a_link(house: House, text: str) -> None:
    """Made up, odd or long: nothing is found, and nothing is hashed for it."""
    await set_up(house)
    for purpose in Purpose:
        assert await house.links.peek(purpose, text) is None
        with pytest.raises(NotFound):
            await house.links.accept(purpose, text, email=BOB, password=PASSWORD)


async def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    """A browser that opens it ahead of its user does no harm; it says whom it is for and as what."""
    await house.owner()
    issued = await house.links.invite(await house.operator(), BOB, Role.VIEWER)
    for _ in range(3):
        link = await house.links.peek(Purpose.INVITATION, issued.secret.reveal())
        assert link is not None
        assert (link.email, link.role, link.created_by.name) == (BOB, Role.VIEWER, "command line")


async def test_who_is_invited_becomes_what_the_invitation_says(house: House) -> None:
    """Given three invitations, each is its own role, with its own permissions, whatever address was typed."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.MEMBER, frozenset({"apikeys:view"}), caller(ada))
    cleo = await house.join("cleo@example.com", Role.VIEWER, by=caller(ada))
    dora = await house.join("dora@example.com", Role.OWNER, by=caller(ada))
    eve = await house.join("eve@example.com", by=caller(ada))
    held = [one.person.held() for one in (bob, cleo, dora, eve)]
    assert held == [{"apikeys:view"}, VIEWER_PERMISSIONS, {"*"}, MEMBER_PERMISSIONS]
    assert [one.person.name for one in (bob, cleo)] == ["bob", "cleo"]


async def test_the_invited_address_counts_and_no_other(house: House) -> None:
    """Given another address in the form, it is ignored."""
    await house.owner()
    issued = await house.links.invite(await house.operator(), BOB, Role.MEMBER)
    started = await house.links.accept(
        Purpose.INVITATION, issued.secret.reveal(), email="mallory@example.com", password=PASSWORD
    )
    assert started.person.email == BOB


async def test_inviting_an_address_again_replaces_its_invitation(house: House) -> None:
    """Given a mistake in the role, the corrected invitation is the only one."""
    await house.owner()
    by = await house.operator()
    first = await house.links.invite(by, BOB, Role.OWNER)
    other = await house.links.invite(by, "cleo@example.com", Role.VIEWER)
    second = await house.links.invite(by, "BOB@example.com", Role.VIEWER)
    assert [await works(house, one) for one in (first, other, second)] == [False, True, True]
    assert [link.id for link in await house.links.invitations(by)] == [second.link.id, other.link.id]


async def test_who_is_here_already_is_not_invited(house: House) -> None:
    """The error names the field."""
    ada = await house.owner()
    with pytest.raises(InvalidInput) as caught:
        await house.links.invite(caller(ada), "Ada@example.com", Role.VIEWER)
    assert [error.field for error in caught.value.errors] == ["email"]


@pytest.mark.parametrize(
    ("email", "permissions", "field"),
    [
        ("", None, "email"),
        ("bob", None, "email"),
        ("bob@", None, "email"),
        ("bob @example.com", None, "email"),
        ("bob@x\n@example.com", None, "email"),
        ("b" * 250 + "@x.org", None, "email"),
        (BOB, frozenset({"apikeys:everything"}), "permissions"),
        (BOB, frozenset({"*"}), "permissions"),
    ],
)
async def test_an_invitation_names_what_is_wrong(
    house: House, email: str, permissions: frozenset[str] | None, field: str
) -> None:
    """No address, no such permission, and no member who is an owner in disguise."""
    ada = await house.owner()
    with pytest.raises(InvalidInput) as caught:
        await house.links.invite(caller(ada), email, Role.MEMBER, permissions)
    assert [error.field for error in caught.value.errors] == [field]


async def test_nobody_invites_without_the_permission(house: House) -> None:
    """Given a member without `users:manage`, they neither invite nor see nor withdraw invitations."""
    ada = await house.owner()
    bob = await house.join(BOB)
    issued = await house.links.invite(caller(ada), "cleo@example.com", Role.VIEWER)
    with pytest.raises(Forbidden):
        await house.links.invite(caller(bob), "eve@example.com", Role.VIEWER)
    with pytest.raises(Forbidden):
        await house.links.invitations(caller(bob))
    with pytest.raises(Forbidden):
        await house.links.withdraw(caller(bob), issued.link.id)
    assert await works(house, issued)


@pytest.mark.parametrize(
    ("role", "permissions"), [(Role.OWNER, None), (Role.MEMBER, frozenset({"loginActivity:view"}))]
)
async def test_nobody_gives_by_invitation_what_they_do_not_hold(
    house: House, role: Role, permissions: frozenset[str] | None
) -> None:
    """Given a member who may invite, an owner or a permission of which they have none is refused."""
    await house.owner()
    bob = await house.join(BOB, Role.MEMBER, INVITER)
    with pytest.raises(Forbidden):
        await house.links.invite(caller(bob), "eve@example.com", role, permissions)
    await house.links.invite(caller(bob), "eve@example.com", Role.MEMBER)


async def test_an_invitation_is_worth_what_its_sender_is_worth_now(house: House) -> None:
    """Given a sender who was demoted or removed since, the invitation opens nothing and is not listed."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.MEMBER, INVITER)
    issued = await house.links.invite(caller(bob), "eve@example.com", Role.MEMBER)
    assert await works(house, issued)
    await house.people.change(caller(ada), bob.person.id, Role.VIEWER)
    assert not await works(house, issued)
    assert await house.links.invitations(caller(ada)) == []
    with pytest.raises(NotFound):
        await house.links.accept(Purpose.INVITATION, issued.secret.reveal(), password=PASSWORD)


@pytest.mark.parametrize("role", [Role.OWNER, Role.MEMBER])
async def test_an_invitation_does_not_come_back_with_what_its_sender_lost(house: House, role: Role) -> None:
    """Given a sender who was demoted and promoted again, their invitation stays void, and the log says so."""
    ada = await house.owner()
    bob = await house.join(BOB, role, INVITER)
    issued = await house.links.invite(caller(bob), "eve@example.com", Role.MEMBER)
    await house.people.change(caller(ada), bob.person.id, Role.VIEWER)
    await house.people.change(caller(ada), bob.person.id, role, INVITER)
    assert not await works(house, issued)
    query = "SELECT actor_name, subject_id FROM audit WHERE action = 'person.withdraw_invitation'"
    assert house.rows(query) == [("ada", issued.link.id)]


async def test_removing_a_person_withdraws_their_invitations_and_nobody_else_s(house: House) -> None:
    """Given invitations of two people, those of the one who goes leave the database with them."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.MEMBER, INVITER)
    await house.links.invite(caller(bob), "eve@example.com", Role.MEMBER)
    other = await house.links.invite(caller(ada), "finn@example.com", Role.MEMBER)
    await house.people.remove(caller(ada), bob.person.id)
    assert house.rows("SELECT id FROM link") == [(other.link.id,)]


async def test_a_change_that_leaves_an_invitation_backed_leaves_it(house: House) -> None:
    """Given an owner who becomes a member that may invite, what they still hold they still give."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.OWNER)
    small = await house.links.invite(caller(bob), "eve@example.com", Role.MEMBER)
    large = await house.links.invite(caller(bob), "finn@example.com", Role.OWNER)
    await house.people.change(caller(ada), bob.person.id, Role.MEMBER, INVITER)
    assert [await works(house, one) for one in (small, large)] == [True, False]


async def test_that_an_address_belongs_to_somebody_elsewhere_is_not_said(house: House) -> None:
    """Given a person of another workspace, the refusal says neither where nor that there is somebody."""
    ada = await house.owner()
    shop = Caller(operator((await house.workspaces.create("Shop")).id))
    await house.join(BOB, by=shop)
    with pytest.raises(InvalidInput) as caught:
        await house.links.invite(caller(ada), BOB, Role.VIEWER)
    said = [error.message for error in caught.value.errors]
    assert said == ["This email address cannot be used here. Use another one."]


async def test_an_invitation_can_be_withdrawn(house: House) -> None:
    """Given one that was withdrawn, it opens nothing; twice is not found."""
    ada = await house.owner()
    issued = await house.links.invite(caller(ada), BOB, Role.VIEWER)
    await house.links.withdraw(caller(ada), issued.link.id)
    assert not await works(house, issued)
    with pytest.raises(NotFound):
        await house.links.withdraw(caller(ada), issued.link.id)


async def test_links_of_another_workspace_are_not_seen_or_withdrawn(house: House) -> None:
    """Given two workspaces, an invitation belongs to one, and makes a person there."""
    ada = await house.owner()
    shop = Caller(operator((await house.workspaces.create("Shop")).id))
    issued = await house.links.invite(shop, BOB, Role.OWNER)
    assert await house.links.invitations(caller(ada)) == []
    with pytest.raises(NotFound):
        await house.links.withdraw(caller(ada), issued.link.id)
    bob = await house.links.accept(Purpose.INVITATION, issued.secret.reveal(), password=PASSWORD)
    assert bob.person.workspace_id == shop.workspace_id


async def test_only_invitations_are_withdrawn(house: House) -> None:
    """Given the id of a reset link, it is not found: the operator made it."""
    ada = await house.owner()
    issued = await house.links.reset_link("ada@example.com")
    with pytest.raises(NotFound):
        await house.links.withdraw(caller(ada), issued.link.id)
    assert await works(house, issued)


async def test_a_reset_sets_the_password_and_ends_every_sign_in(house: House) -> None:
    """Given a forgotten password, who opens the link chooses another and is the only one signed in."""
    ada = await house.owner()
    issued = await house.links.reset_link("ADA@example.com")
    assert await house.sign_ins.find(ada.secret.reveal()) is not None
    started = await house.links.accept(Purpose.RESET, issued.secret.reveal(), password=OTHER_PASSWORD)
    assert started.person == ada.person
    assert await house.sign_ins.find(ada.secret.reveal()) is None
    assert await house.sign_ins.find(started.secret.reveal()) is not None
    assert await house.sign_ins.sign_in("ada@example.com", PASSWORD) == SignInRefused()


async def test_a_new_reset_link_voids_the_one_before(house: House) -> None:
    """Given two for one person and one for another, the first alone is void."""
    await house.owner()
    await house.join(BOB)
    first = await house.links.reset_link(BOB)
    other = await house.links.reset_link("ada@example.com")
    second = await house.links.reset_link(BOB)
    assert [await works(house, one) for one in (first, other, second)] == [False, True, True]


async def test_there_is_no_reset_link_for_nobody(house: House) -> None:
    """The operator is told that nobody has this address, or that it is none."""
    with pytest.raises(NotFound):
        await house.links.reset_link(BOB)
    with pytest.raises(InvalidInput):
        await house.links.reset_link("bob")


async def test_removing_a_person_voids_their_reset_link(house: House) -> None:
    """Given a link for somebody who was removed, it brings nobody back."""
    ada = await house.owner()
    bob = await house.join(BOB)
    issued = await house.links.reset_link(BOB)
    await house.people.remove(caller(ada), bob.person.id)
    assert not await works(house, issued)


async def test_a_link_shows_its_secret_in_its_path_only(house: House) -> None:
    """Given what a log would print of it, the secret is not in it."""
    await house.owner()
    issued = await house.links.invite(await house.operator(), BOB, Role.VIEWER)
    assert issued.path == f"/invitation/{issued.secret.reveal()}"
    assert issued.secret.reveal() not in repr(issued) + str(issued.secret)
    assert isinstance(RandomSecret.parse(issued.secret.reveal()), RandomSecret)


async def test_expired_links_are_deleted_when_the_next_one_is_made(house: House) -> None:
    """No table grows with links that nobody used."""
    await house.owner()
    await house.links.invite(await house.operator(), BOB, Role.VIEWER)
    house.clock.pass_(8 * DAY)
    await house.links.reset_link("ada@example.com")
    assert house.rows("SELECT purpose FROM link") == [("reset",)]


async def test_an_invitation_of_a_revoked_key_opens_nothing(house: House) -> None:
    """Given a key that invited somebody, its invitation ends with it."""
    await house.owner()
    keyring = Keyring(house.store, TokenHasher(["x" * 32]), house.clock)
    by = await house.operator()
    key = (await keyring.create(by, NewKey(name="inviter", permissions=INVITER))).key
    as_key = msgspec.structs.replace(
        by, principal=Principal("key", key.id, key.name, key.workspace_id, key.permissions)
    )
    issued = await house.links.invite(as_key, BOB, Role.MEMBER)
    assert await works(house, issued)
    await keyring.revoke(by, key.id)
    assert not await works(house, issued)


async def test_every_link_is_in_the_audit_log_without_its_secret(house: House) -> None:
    """Who was invited by whom, and who came by which link."""
    ada = await house.owner()
    await house.join(BOB, by=caller(ada))
    found = house.rows("SELECT action, actor_name FROM audit WHERE action NOT LIKE 'workspace%' ORDER BY seq")
    assert found == [
        ("person.set_up_link", "command line"),
        ("person.create", "ada"),
        ("person.sign_in", "ada"),
        ("person.invite", "ada"),
        ("person.create", "bob"),
        ("person.sign_in", "bob"),
    ]
