"""Keys in another header, in each front door of the library."""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from starlette.testclient import TestClient

from flowkeys.asgi import KeyMiddleware
from flowkeys.domain.errors import ConfigurationError
from flowkeys.fastapi import install, require_key
from flowkeys.verify import FixedKey, VerifiedKey, Verifier, mint

TOKEN = mint()
BASIC = "Basic dXNlcjpwYXNz"
# headers, status, a part of the answer
CASES = [
    ({"X-API-Key": TOKEN}, 200, "None"),
    ({"X-API-Key": TOKEN, "Authorization": BASIC}, 200, BASIC),
    ({"Authorization": BASIC}, 401, "Send the key as: X-API-Key"),
    ({}, 401, "Send the key as: X-API-Key"),
    ({"Authorization": f"Bearer {TOKEN}"}, 400, "not its place"),
    ({"X-API-Key": TOKEN, "Authorization": f"Bearer {TOKEN}"}, 400, "not its place"),
    ({"X-API-Key": mint()}, 401, "unknown_key"),
    ({"X-API-Key": f"Bearer {TOKEN}"}, 400, "without Bearer"),
]


def verifier(name: str | None = "X-API-Key") -> Verifier:
    """Return a verifier that knows one key."""
    return Verifier.fixed([FixedKey(token=TOKEN, name="one")], key_header=name)


def with_fastapi() -> FastAPI:
    """Return an application that says what came in Authorization."""
    app = FastAPI()
    install(app)

    @app.get("/")
    def read(request: Request, key: Annotated[VerifiedKey, Depends(require_key(verifier()))]) -> str:
        assert key.name == "one"
        return str(request.headers.get("authorization"))

    return app


def with_middleware() -> KeyMiddleware:
    """Return the same behind the middleware."""
    app = FastAPI()

    @app.get("/")
    def read(request: Request) -> str:
        assert request.state.flowkeys.name == "one"
        return str(request.headers.get("authorization"))

    return KeyMiddleware(app, verifier())


@pytest.mark.parametrize("make", [with_fastapi, with_middleware])
def test_authorization_reaches_the_application_untouched(make) -> None:
    """And a key is taken from the one header alone."""
    with TestClient(make()) as client:
        for headers, status, words in CASES:
            answer = client.get("/", headers=headers)
            assert answer.status_code == status, headers
            assert words in answer.text, headers
            assert status == 200 or TOKEN not in answer.text
        twice = httpx.Headers([("X-API-Key", TOKEN), ("X-API-Key", TOKEN)])
        assert client.get("/", headers=twice).status_code == 400


def test_the_description_names_the_header() -> None:
    """As an API key in a header, not as a bearer token."""
    schemes = with_fastapi().openapi()["components"]["securitySchemes"]
    assert schemes == {
        "bearerKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key: fl-…"}
    }


def test_a_token_alone_may_be_given_and_authorization_is_a_mistake() -> None:
    """Who reads headers otherwise gives the value; giving that of Authorization must not become a check."""
    with verifier() as found:
        assert found.verify(token=TOKEN).allowed
        assert found.key_header == "X-API-Key"
        refused = found.verify()
        assert not refused.allowed
        with pytest.raises(ValueError, match="X-API-Key"):
            found.verify(f"Bearer {TOKEN}")


def test_a_name_that_cannot_be_is_a_mistake() -> None:
    """Said when the verifier is made; the usual name is the usual place."""
    with pytest.raises(ConfigurationError):
        verifier("Cookie")
    with verifier("Authorization") as found:
        assert found.key_header is None
        assert found.verify(f"Bearer {TOKEN}").allowed
