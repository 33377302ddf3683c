"""Inviting, changing and removing people."""

import re
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import Forbidden, InvalidInput
from flowkeys.domain.people.person import USERS_MANAGE, Person
from flowkeys.service.people.leavers import KeysOf
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.people import form as person_form
from flowkeys.web.pages.people.form import PersonForm, by_field
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

Errors = dict[str, str]

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_MAKERS_SHOWN: Final = 10
"""Keys that made keys, when somebody is removed: so many by name, the others in number."""


@router.page("GET", "/people/invite", needs=USERS_MANAGE)
async def invite_form(call: PageCall) -> Response:
    """Ask whom to invite, as what."""
    return _invite_page(call, PersonForm())


@router.page("POST", "/people/invite", needs=USERS_MANAGE)
async def invite(call: PageCall) -> Response:
    """Make an invitation, and show its link: in this answer only."""
    form = PersonForm.of(await call.form())
    try:
        role, given = form.given(call.caller)
        issued = await call.services.links.invite(call.caller, form.email, role, given)
    except InvalidInput as error:
        return _invite_page(call, form, by_field(error))
    except Forbidden as error:
        return _invite_page(call, form, {"role": str(error)}, 403)
    return call.render(
        "people/invited.html", title="Invitation made", link=issued.link, address=call.address + issued.path
    )


@router.page("GET", "/people/{person_id}", needs=USERS_MANAGE)
async def change_form(person_id: str, call: PageCall) -> Response:
    """Ask what a person is to be."""
    person = await call.services.people.get(call.caller, person_id)
    return _change_page(call, person, PersonForm.of_person(person))


@router.page("POST", "/people/{person_id}", needs=USERS_MANAGE)
async def change(person_id: str, call: PageCall) -> Response:
    """Change what a person is and may do."""
    sent = await call.form()
    form, version = PersonForm.of(sent), sent.text("version")
    services = call.services
    person = await services.people.get(call.caller, person_id)
    offered = person_form.permissions(call.caller, form.permissions).offered
    try:
        role, given = form.given(call.caller, person.permissions - offered)
        changed = await services.people.change(
            call.caller, person_id, role, given, int(version) if _NUMBER.fullmatch(version) else 0
        )
    except InvalidInput as error:
        return _change_page(call, person, form, by_field(error))
    except Forbidden as error:
        return _change_page(call, person, form, {"role": str(error)}, 403)
    is_me = person_id == call.person.id
    return call.done(
        "/" if is_me else "/people", f"{changed.name} is {_with_article(changed.role.value)} now."
    )


@router.page("GET", "/people/{person_id}/remove", needs=USERS_MANAGE)
async def remove_form(person_id: str, call: PageCall) -> Response:
    """Ask whether a person is to go, and what becomes of the keys that they made."""
    return await _remove_page(call, await call.services.people.get(call.caller, person_id))


@router.page("POST", "/people/{person_id}/remove", needs=USERS_MANAGE)
async def remove(person_id: str, call: PageCall) -> Response:
    """Remove a person; when that is asked for, the keys that they made as well."""
    form, services = await call.form(), call.services
    person = await services.people.get(call.caller, person_id)
    try:
        await services.people.remove(call.caller, person_id)
    except Forbidden as error:
        return await _remove_page(call, person, str(error), 403)
    except InvalidInput as error:
        return await _remove_page(call, person, str(error).removeprefix("person: "), 422)
    is_me = person_id == call.person.id
    said = "Your account was removed." if is_me else f"{person.name} was removed."
    keys = KeysOf(services.keyring)
    if form.has("revokeKeys"):
        try:
            revoked = words.count(await keys.revoke(call.caller, person_id), "key")
        except Forbidden as error:
            said += f" The keys were not revoked. {error}"
        else:
            said += f" {revoked} revoked."
    if is_me:
        return call.done("/sign-in", said)
    left = await keys.count(call.caller, person_id)
    if left is None or not left.total:
        return call.done("/people", said)
    if left.through:
        said += f" {words.count(left.through_keys, 'key')} made by their keys still work."
    if not left.own:
        return call.done("/people", said)
    return call.done(f"/keys?createdBy={person_id}", f"{said} These keys that they made still work.")


def _invite_page(
    call: PageCall, form: PersonForm, errors: Errors | None = None, refused: int = 422
) -> Response:
    return call.render(
        "people/invite.html",
        refused if errors else 200,
        title="Invite somebody",
        form=form,
        errors=errors or {},
        roles=person_form.roles(call.caller, form.role),
        permissions=person_form.permissions(call.caller, form.permissions),
    )


def _change_page(
    call: PageCall, person: Person, form: PersonForm, errors: Errors | None = None, refused: int = 422
) -> Response:
    return call.render(
        "people/change.html",
        refused if errors else 200,
        title=person.name,
        subject=person,
        form=form,
        errors=errors or {},
        roles=person_form.roles(call.caller, form.role),
        permissions=person_form.permissions(call.caller, form.permissions),
    )


async def _remove_page(
    call: PageCall, person: Person, message: str | None = None, status: int = 200
) -> Response:
    return call.render(
        "people/remove.html",
        status,
        title=f"Remove {person.name}",
        subject=person,
        message=message,
        keys=await KeysOf(call.services.keyring).count(call.caller, person.id),
        shown=_MAKERS_SHOWN,
        is_you=person.id == call.person.id,
    )


def _with_article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
