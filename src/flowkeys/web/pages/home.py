"""``/``: on to where work begins."""

from fastapi import Response
from fastapi.responses import RedirectResponse

from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.routes import OPEN

router = PageRouter()


@router.page("GET", "/", needs=OPEN)
async def home(call: PageCall) -> Response:
    """Go to the keys, or to what the person may see instead; without a sign-in, to that."""
    if not call.is_signed_in:
        return RedirectResponse("/sign-in", 303)
    if call.may("apikeys:view"):
        return RedirectResponse("/keys", 303)
    return RedirectResponse("/chatflows" if call.may("chatflows:view") else "/account", 303)
