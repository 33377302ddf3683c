"""Who is in a workspace, and what each may do."""

import asyncio

import pytest

from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound
from flowkeys.domain.people.person import MEMBER_PERMISSIONS, VIEWER_PERMISSIONS, Role
from flowkeys.domain.principal import Caller, operator
from tests.service.support import HOUR, House, caller

BOB = "bob@example.com"
MANAGER = frozenset({"users:manage", "apikeys:view"})


async def held(house: House, person_id: str) -> frozenset[str]:
    """Return what a person holds now."""
    return (await house.people.get(await house.operator(), person_id)).held()


async def test_people_are_listed_with_when_they_were_last_here(house: House) -> None:
    """Given two people, who came first is first, and a sign-in that ended is no reason to forget a visit."""
    ada = await house.owner()
    house.clock.pass_(HOUR)
    bob = await house.join(BOB)
    await house.sign_ins.end_all(caller(bob))
    found = await house.people.all(caller(ada))
    assert [(one.person.email, one.last_seen_at) for one in found] == [
        ("ada@example.com", house.clock() - HOUR),
        (BOB, house.clock()),
    ]


async def test_a_change_takes_effect_at_the_next_request(house: House) -> None:
    """Given a member who is signed in, what was taken from them is gone when they ask again."""
    ada = await house.owner()
    bob = await house.join(BOB)
    await house.people.change(caller(ada), bob.person.id, Role.VIEWER)
    signed = await house.sign_ins.find(bob.secret.reveal())
    assert signed is not None
    assert signed.person.as_principal().permissions == VIEWER_PERMISSIONS


async def test_a_member_s_permissions_stay_until_others_are_given(house: House) -> None:
    """Given no permissions, a member keeps theirs; who becomes a member gets the usual."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.MEMBER, frozenset({"apikeys:view"}))
    await house.people.change(caller(ada), bob.person.id, Role.MEMBER)
    assert await held(house, bob.person.id) == {"apikeys:view"}
    await house.people.change(caller(ada), bob.person.id, Role.OWNER)
    assert await held(house, bob.person.id) == {"*"}
    await house.people.change(caller(ada), bob.person.id, Role.MEMBER)
    assert await held(house, bob.person.id) == MEMBER_PERMISSIONS
    await house.people.change(caller(ada), bob.person.id, Role.MEMBER, frozenset())
    assert await held(house, bob.person.id) == set()


async def test_removing_a_person_ends_their_sign_ins(house: House) -> None:
    """Given somebody who is signed in, their next request finds nobody; the log remembers."""
    ada = await house.owner()
    bob = await house.join(BOB)
    await house.people.remove(caller(ada), bob.person.id)
    assert await house.sign_ins.find(bob.secret.reveal()) is None
    assert [one.person.email for one in await house.people.all(caller(ada))] == ["ada@example.com"]
    assert house.rows("SELECT action FROM audit ORDER BY seq DESC LIMIT 1") == [("person.remove",)]
    await house.join(BOB)


async def test_the_last_owner_is_neither_demoted_nor_removed(house: House) -> None:
    """Not even by the operator; a second owner makes it possible."""
    ada = await house.owner()
    for by in (caller(ada), await house.operator()):
        with pytest.raises(InvalidInput) as caught:
            await house.people.change(by, ada.person.id, Role.MEMBER)
        assert [error.field for error in caught.value.errors] == ["role"]
        with pytest.raises(InvalidInput):
            await house.people.remove(by, ada.person.id)
    await house.join(BOB, Role.OWNER)
    await house.people.change(caller(ada), ada.person.id, Role.MEMBER)
    assert await held(house, ada.person.id) == MEMBER_PERMISSIONS


async def test_two_owners_who_demote_each_other_leave_one(house: House) -> None:
    """Given both at the same moment, one is done and the other refused."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.OWNER)
    found = await asyncio.gather(
        house.people.change(caller(ada), bob.person.id, Role.VIEWER),
        house.people.change(caller(bob), ada.person.id, Role.VIEWER),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Forbidden | InvalidInput) for one in found) == 1
    assert house.rows("SELECT count(*) FROM person WHERE role = 'owner'") == [(1,)]


async def test_an_owner_of_another_workspace_is_no_owner_of_this(house: House) -> None:
    """Given one owner in each of two workspaces, each is the last one."""
    ada = await house.owner()
    shop = Caller(operator((await house.workspaces.create("Shop")).id))
    await house.join(BOB, Role.OWNER, by=shop)
    with pytest.raises(InvalidInput):
        await house.people.remove(caller(ada), ada.person.id)


async def test_people_of_another_workspace_do_not_exist_here(house: House) -> None:
    """Given the id of somebody elsewhere, they are neither seen, changed nor removed."""
    ada = await house.owner()
    shop = Caller(operator((await house.workspaces.create("Shop")).id))
    bob = await house.join(BOB, by=shop)
    assert [one.person.email for one in await house.people.all(caller(ada))] == ["ada@example.com"]
    for doing in (
        house.people.get(caller(ada), bob.person.id),
        house.people.change(caller(ada), bob.person.id, Role.VIEWER),
        house.people.remove(caller(ada), bob.person.id),
    ):
        with pytest.raises(NotFound):
            await doing
    assert await house.sign_ins.find(bob.secret.reveal()) is not None


async def test_nobody_manages_people_without_the_permission(house: House) -> None:
    """Given a member with all that members usually hold, they see, change and remove nobody."""
    await house.owner()
    bob = await house.join(BOB)
    cleo = await house.join("cleo@example.com", Role.VIEWER)
    for doing in (
        house.people.all(caller(bob)),
        house.people.get(caller(bob), cleo.person.id),
        house.people.change(caller(bob), cleo.person.id, Role.MEMBER),
        house.people.change(caller(bob), bob.person.id, Role.OWNER),
        house.people.remove(caller(bob), cleo.person.id),
    ):
        with pytest.raises(Forbidden):
            await doing


async def test_nobody_gives_more_than_they_hold_or_touches_who_holds_more(house: House) -> None:
    """Given a member who may manage people, owners and larger permissions are out of their reach."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.MEMBER, MANAGER)
    cleo = await house.join("cleo@example.com", Role.MEMBER, frozenset({"apikeys:view"}))
    dora = await house.join("dora@example.com", Role.MEMBER, frozenset({"apikeys:delete"}))
    for doing in (
        house.people.change(caller(bob), bob.person.id, Role.OWNER),
        house.people.change(caller(bob), cleo.person.id, Role.OWNER),
        house.people.change(caller(bob), cleo.person.id, Role.MEMBER, frozenset({"apikeys:delete"})),
        house.people.change(caller(bob), dora.person.id, Role.MEMBER, frozenset()),
        house.people.remove(caller(bob), dora.person.id),
        house.people.change(caller(bob), ada.person.id, Role.VIEWER),
        house.people.remove(caller(bob), ada.person.id),
    ):
        with pytest.raises(Forbidden):
            await doing
    await house.people.change(caller(bob), cleo.person.id, Role.MEMBER, MANAGER)
    await house.people.remove(caller(bob), cleo.person.id)


async def test_who_was_demoted_while_they_acted_may_not_go_on(house: House) -> None:
    """Given a caller who was let in as an owner and is none any more, what they hold now decides."""
    ada = await house.owner()
    bob = await house.join(BOB, Role.OWNER)
    cleo = await house.join("cleo@example.com", Role.VIEWER)
    as_owner = caller(bob)
    await house.people.change(caller(ada), bob.person.id, Role.VIEWER)
    with pytest.raises(Forbidden):
        await house.people.change(as_owner, bob.person.id, Role.OWNER)
    with pytest.raises(Forbidden):
        await house.links.invite(as_owner, "mallory@example.com", Role.OWNER)
    await house.people.remove(caller(ada), bob.person.id)
    with pytest.raises(Forbidden):
        await house.people.remove(as_owner, cleo.person.id)


@pytest.mark.parametrize("permissions", [frozenset({"*"}), frozenset({"users:all"})])
async def test_a_member_cannot_be_given_everything_or_nothing_known(
    house: House, permissions: frozenset[str]
) -> None:
    """Only the role of an owner holds `*`, and names are a closed list."""
    ada = await house.owner()
    bob = await house.join(BOB)
    with pytest.raises(InvalidInput) as caught:
        await house.people.change(caller(ada), bob.person.id, Role.MEMBER, permissions)
    assert [error.field for error in caught.value.errors] == ["permissions"]


async def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(house: House) -> None:
    """Given two windows, the second one is told to look again."""
    ada = await house.owner()
    bob = await house.join(BOB)
    await house.people.change(caller(ada), bob.person.id, Role.VIEWER, version=bob.person.version)
    with pytest.raises(InvalidInput) as caught:
        await house.people.change(caller(ada), bob.person.id, Role.OWNER, version=bob.person.version)
    assert [error.field for error in caught.value.errors] == ["version"]


async def test_people_change_their_own_name_and_nobody_else_s(house: House) -> None:
    """Given a name, it is trimmed; who is no person has none."""
    ada = await house.owner()
    assert (await house.people.rename(caller(ada), " Ada Lovelace ")).name == "Ada Lovelace"
    for name in ("", "  ", "x" * 101, "a\x00"):
        with pytest.raises(InvalidInput):
            await house.people.rename(caller(ada), name)
    with pytest.raises(Forbidden):
        await house.people.rename(await house.operator(), "Root")


async def test_every_change_of_a_person_is_in_the_feed_and_in_the_log(house: House) -> None:
    """Given a change, both rows name the person and the version; nothing changed writes nothing."""
    ada = await house.owner()
    bob = await house.join(BOB)
    await house.people.change(caller(ada, "203.0.113.9"), bob.person.id, Role.VIEWER)
    await house.people.change(caller(ada), bob.person.id, Role.VIEWER)
    about = f"subject = 'person' AND subject_id = '{bob.person.id}'"
    assert house.rows(f"SELECT version FROM change WHERE {about} ORDER BY seq") == [(1,), (2,)]
    log = house.rows(f"SELECT actor_id, address FROM audit WHERE {about} AND action = 'person.update'")
    assert log == [(ada.person.id, "203.0.113.9")]
