"""``/auth/verify`` in the description: `web.hot` answers it, in front of the framework.

The framework has no such route, since whatever the hot form does not take for forward-auth is none.
"""

from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Response

from flowkeys.web.routes import ANY_KEY, GuardedRouter

router = GuardedRouter(tags=["Verification"])


def _headers(**described: str) -> dict[str, Any]:
    return {
        name.replace("_", "-"): {"description": description, "schema": {"type": "string"}}
        for name, description in described.items()
    }


_IDENTITY: Final = _headers(
    X_Auth_Key_Id="The key's id.",
    X_Auth_Key_Name="The key's name, as percent-encoded UTF-8.",
    X_Auth_Workspace_Id="The id of the key's workspace.",
    X_Auth_Customer_Id="The id of the key's customer; empty when it has none.",
)
_NOBODY: Final = _headers(
    X_Auth_Key_Id="Empty.",
    X_Auth_Key_Name="Empty.",
    X_Auth_Workspace_Id="Empty.",
    X_Auth_Customer_Id="Empty.",
)
_FOR_NGINX: Final = _headers(
    X_Auth_Status="With `mode=nginx`: the real status.",
    X_Auth_Code="With `mode=nginx`: the code.",
    X_Auth_Retry_After="With `mode=nginx`: the seconds to wait, when there are any.",
)
_REFUSED: Final = {"headers": {**_NOBODY, **_FOR_NGINX}}
_EXTRA: Final = {
    "responses": {
        "200": {"description": "Let the call through. The body is empty.", "headers": _IDENTITY},
        **dict.fromkeys(("401", "403"), _REFUSED),
        **{status: {"headers": _NOBODY} for status in ("400", "429", "500", "503")},
    }
}

Permission = Annotated[
    list[str] | None,
    Query(description="The key has to hold each that is named; one that there is none of is held by nobody."),
]
Mode = Annotated[
    Literal["nginx"] | None,
    Query(description="For proxies that know two refusals: 401 and 400 are 401, every other one is 403."),
]


@router.on("GET", "/auth/verify", needs=ANY_KEY, answers=None, extra=_EXTRA, response_class=Response)
async def verify_for_proxy(permission: Permission = None, mode: Mode = None) -> None:
    """Tell a reverse proxy whether to let a call through, and whose it is (forward-auth).

    Any method and any path below it, but for `/chatflow/…`, is answered the same: authentication only. No
    body is looked at, no cookie, and no parameter but these.
    """
    raise NotImplementedError


@router.on(
    "GET",
    "/auth/verify/chatflow/{chatflow_id}",
    needs=ANY_KEY,
    answers=None,
    errors=("chatflow_not_allowed",),
    extra=_EXTRA,
    response_class=Response,
)
async def verify_for_proxy_and_chatflow(
    chatflow_id: str, permission: Permission = None, mode: Mode = None
) -> None:
    """Tell a reverse proxy whether to let a call to a chatflow through, and whose it is (forward-auth).

    The key has to be bound to the chatflow, or of its workspace when it is public. Any method and any path
    below it is answered the same.
    """
    raise NotImplementedError


def paths() -> dict[str, Any]:
    """Return these operations as they stand in the description."""
    app = FastAPI()
    app.include_router(router)
    found: dict[str, Any] = app.openapi()["paths"]
    return found
