"""Keys for FastAPI: a dependency that refuses, returns the key, and shows in the description.

    verifier = Verifier.local("~/.flowkeys")
    app = FastAPI()
    install(app)

    @app.get("/reports")
    async def reports(key: Annotated[VerifiedKey, Depends(require_key(verifier, permission="logs:view"))]):
        ...

It works in ``Depends`` and ``Security``, on one route or in a router's ``dependencies``.
"""

from collections.abc import Iterable
from typing import Any, Literal, cast, overload

from fastapi import FastAPI, HTTPException
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.openapi.models import SecurityBase as SecurityBaseModel
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.responses import Response

from flowkeys.asgi import client_of
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.verify.result import Refusal, Result, VerifiedKey
from flowkeys.verify.verifier import Permissions, Verifier, request_for
from flowkeys.web.errors import CONTENT_TYPE, Problem, of_error

SCHEME_NAME = "bearerKey"
"""What the security scheme is called in the description, as in flowkeys' own."""


class KeyRefused(HTTPException):
    """A call without a good key, or one that could not be verified (503).

    With `install` it is answered as ``application/problem+json``, without as FastAPI answers exceptions;
    the status and the headers are the same.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.status, problem.detail, dict(problem.headers))


class KeyRequired(SecurityBase):
    """The dependency that `require_key` makes. Scopes of ``Security`` are permissions that are needed too."""

    def __init__(
        self,
        verifier: Verifier,
        permissions: Permissions,
        chatflow_id: str | None,
        chatflow_param: str | None,
        trusted_proxies: Iterable[str] = (),
    ) -> None:
        """Require a key that is good for this; see `require_key`."""
        self.model = _described(verifier.key_header)
        self.scheme_name = SCHEME_NAME
        self._verifier = verifier
        self._permissions = request_for(None, permissions).permissions
        self._chatflow_id = chatflow_id
        self._chatflow_param = chatflow_param
        self._client = client_of(trusted_proxies)

    async def __call__(self, connection: HTTPConnection, scopes: SecurityScopes) -> VerifiedKey:
        """Return the key that came with a request or a WebSocket's handshake.

        Raises:
            KeyRefused: it is not good for this, or cannot be verified now.
        """
        found = await self._find(connection, scopes)
        if isinstance(found, Refusal):
            raise KeyRefused(found.problem)
        return found

    async def _find(self, connection: HTTPConnection, scopes: SecurityScopes) -> Result:
        chatflow_id = self._chatflow_id
        if self._chatflow_param is not None:
            # A KeyError when the route has no such parameter: a mistake must not become a weaker check.
            chatflow_id = str(connection.path_params[self._chatflow_param])
        try:
            return await self._verifier.averify(
                headers=connection.scope["headers"],
                chatflow_id=chatflow_id,
                permissions=(*self._permissions, *scopes.scopes),
                address=self._client(connection.scope),
            )
        except Unavailable as error:
            raise KeyRefused(of_error(error)) from error


class KeyOptional(KeyRequired):
    """The dependency that ``require_key(…, optional=True)`` makes."""

    async def __call__(  # type: ignore[override]
        self, connection: HTTPConnection, scopes: SecurityScopes
    ) -> VerifiedKey | None:
        """Return the key that came with a request, or None when none came at all.

        Raises:
            KeyRefused: one came, and it is not good for this or cannot be verified now.
        """
        found = await self._find(connection, scopes)
        if isinstance(found, Refusal):
            if found.is_missing:
                return None
            raise KeyRefused(found.problem)
        return found


@overload
def require_key(
    verifier: Verifier,
    *,
    permission: Permissions = (),
    chatflow_id: str | None = None,
    chatflow_param: str | None = None,
    optional: Literal[False] = False,
    trusted_proxies: Iterable[str] = (),
) -> KeyRequired: ...


@overload
def require_key(
    verifier: Verifier,
    *,
    permission: Permissions = (),
    chatflow_id: str | None = None,
    chatflow_param: str | None = None,
    optional: Literal[True],
    trusted_proxies: Iterable[str] = (),
) -> KeyOptional: ...


def require_key(
    verifier: Verifier,
    *,
    permission: Permissions = (),
    chatflow_id: str | None = None,
    chatflow_param: str | None = None,
    optional: bool = False,
    trusted_proxies: Iterable[str] = (),
) -> KeyRequired:
    """Return a dependency: a good key, with all permissions named, for the chatflow named.

    With `optional` a call without any key is let in too, and gets None. A key that is no good, or that came
    in another form or place, is still refused: nobody is taken for nobody because of a mistake.

    The chatflow is `chatflow_id`, or what the route's path has for its parameter `chatflow_param`. Without a
    chatflow and a permission it is authentication only.

    A key that is bound to networks is asked for the address of whoever is connected, or for what one of
    `trusted_proxies` says in ``X-Forwarded-For``: addresses and networks, and ``unix`` for whoever has no
    address, as on a Unix socket.

    Raises:
        ConfigurationError: a proxy is no network.
        ValueError: a permission does not exist, or the chatflow is named twice.
        TypeError: `permission` is None.
    """
    if chatflow_id is not None and chatflow_param is not None:
        raise ValueError("Give chatflow_id or chatflow_param, not both.")
    kind = KeyOptional if optional else KeyRequired
    return kind(verifier, permission, chatflow_id, chatflow_param, trusted_proxies)


def _described(key_header: str | None) -> SecurityBaseModel:
    """Return the security scheme: a bearer token, or a key in the header that the verifier reads."""
    if key_header is None:
        return HTTPBearer(description="A key: fl-…", bearerFormat="fl-…")
    return APIKey.model_validate({"in": APIKeyIn.header, "name": key_header, "description": "A key: fl-…"})


def install(app: FastAPI) -> None:
    """Answer refusals as ``application/problem+json`` (RFC 9457), with the members that flowkeys sends."""
    # The framework's type asks for handlers of every exception; it calls this with ours only.
    app.add_exception_handler(KeyRefused, cast("Any", _answer))


async def _answer(connection: HTTPConnection, refused: KeyRefused) -> Response:
    del connection
    headers = {"Cache-Control": "no-store", **(refused.headers or {})}
    return Response(refused.problem.body(new_id()), refused.status_code, headers, media_type=CONTENT_TYPE)
