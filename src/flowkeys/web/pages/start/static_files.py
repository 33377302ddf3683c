"""``/static``: style sheets, scripts and drawings, all of them ours or served as published (VENDORED.md)."""

from typing import Final

from fastapi import Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from flowkeys.domain.errors import NotFound
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.templating import STATIC, version_of
from flowkeys.web.routes import OPEN

router = PageRouter()

_FILES: Final = StaticFiles(directory=STATIC)
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@router.page("GET", "/static/{name}", needs=OPEN)
async def static_file(name: str, call: PageCall) -> Response:
    """Return a file. One that is asked for by its hash may be kept; its address changes when it does."""
    try:
        response = await _FILES.get_response(name, call.scope)
    except HTTPException:
        raise NotFound("file") from None
    by_hash = call.query_params.get("v") == version_of(name)
    response.headers["Cache-Control"] = _FOR_EVER if by_hash else "no-cache"
    return response
