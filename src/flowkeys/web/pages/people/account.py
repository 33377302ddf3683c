"""``/account``: one's own name, password and sign-ins."""

from fastapi import Response
from fastapi.responses import RedirectResponse

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.service.people.password_rule import SHORTEST
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame import notice
from flowkeys.web.pages.people import browsers
from flowkeys.web.pages.router import SIGNED_IN, PageRouter
from flowkeys.web.requests import sign_in_cookie

router = PageRouter()


@router.page("GET", "/account", needs=SIGNED_IN)
async def account(call: PageCall) -> Response:
    """Show one's own account."""
    return await _page(call)


@router.page("POST", "/account/name", needs=SIGNED_IN)
async def rename(call: PageCall) -> Response:
    """Change one's own name."""
    form = await call.form()
    try:
        await call.services.people.rename(call.caller, form.text("name"))
    except InvalidInput as error:
        return await _page(call, _by_field(error), name=form.text("name"))
    return call.done("/account", "Your name was changed.")


@router.page("POST", "/account/password", needs=SIGNED_IN)
async def change_password(call: PageCall) -> Response:
    """Change one's own password; this sign-in stays and the others end."""
    form = await call.form()
    try:
        await call.services.sign_ins.change_password(
            call.caller, form.text("oldPassword"), form.text("newPassword"), keep=call.sign_in.id
        )
    except InvalidInput as error:
        return await _page(call, _by_field(error))
    return call.done("/account", "Your password was changed. You are signed out everywhere else.")


@router.page("POST", "/account/sign-ins/others/end", needs=SIGNED_IN)
async def end_other_sign_ins(call: PageCall) -> Response:
    """Sign out everywhere but here."""
    ended = await call.services.sign_ins.end_others(call.caller, call.sign_in.id)
    where = words.count(ended, "other place")
    return call.done(
        "/account", f"You are signed out of {where}." if ended else "You are signed in only here."
    )


@router.page("POST", "/account/sign-ins/all/end", needs=SIGNED_IN)
async def end_all_sign_ins(call: PageCall) -> Response:
    """Sign out everywhere, here too."""
    await call.services.sign_ins.end_all(call.caller)
    response = RedirectResponse("/sign-in", 303)
    sign_in_cookie.clear(response, place=call.place)
    notice.leave(response, "You are signed out everywhere.", place=call.place)
    return response


@router.page("POST", "/account/sign-ins/{sign_in_id}/end", needs=SIGNED_IN)
async def end_sign_in(sign_in_id: str, call: PageCall) -> Response:
    """Sign out of one browser. Of one that is signed out already: the same."""
    try:
        await call.services.sign_ins.end(call.caller, sign_in_id)
    except NotFound:
        return call.done("/account", "That browser was signed out already.")
    return call.done("/account", "That browser is signed out.")


async def _page(call: PageCall, errors: dict[str, str] | None = None, *, name: str | None = None) -> Response:
    signed_in = await call.services.sign_ins.mine(call.caller)
    limits = call.services.sign_ins.limits
    return call.render(
        "account/account.html",
        422 if errors else 200,
        title="Your account",
        errors=errors or {},
        name=call.person.name if name is None else name,
        shortest=SHORTEST,
        limits=limits,
        sign_ins=[
            {
                "id": item.id,
                "browser": browsers.describe(item.user_agent),
                "address": item.address,
                "created_at": item.created_at,
                "last_seen_at": item.last_seen_at,
                "is_this": item.id == call.sign_in.id,
            }
            for item in signed_in
        ],
    )


def _by_field(error: InvalidInput) -> dict[str, str]:
    return {item.field: item.message for item in error.errors}
