"""FLOWKEYS_KEY_HEADER: where forward-auth looks for keys, and nobody else does."""

from collections.abc import Callable

import pytest

from tests.conformance import raw
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running

PATH = "/api/v1/auth/verify"


@pytest.mark.parametrize("http", ["protocol", "asgi"])
def test_forward_auth_takes_keys_from_that_header_only(start: Callable[..., Running], http: str) -> None:
    """The rest of the API takes them from Authorization, as ever."""
    running = start(key_header="X-API-Key", http=http)
    with running.owner() as api:
        chatflow = make_chatflow(api)
        token = bound_key(api, chatflow)["apiKey"]

    def ask(*lines: str, target: str = f"{PATH}/chatflow/{chatflow['id']}") -> tuple[int, str]:
        headers = [tuple(line.encode().split(b": ", 1)) for line in lines]
        answer = raw.send(running.url, "GET", target, headers)
        assert token not in answer.body.decode()
        return answer.status, answer.header("x-auth-key-name") or ""

    basic = "Authorization: Basic dXNlcjpwYXNz"
    assert ask(f"X-API-Key: {token}")[0] == 200
    assert ask(f"X-API-Key: {token}", basic)[0] == 200
    assert ask(f"x-api-key: {token}", target=PATH)[0] == 200
    assert ask(basic) == (401, "")
    assert ask(f"Authorization: Bearer {token}") == (400, "")
    assert ask(f"X-API-Key: {token}", f"Authorization: Bearer {token}") == (400, "")
    assert ask(f"X-API-Key: {token}", f"X-API-Key: {token}") == (400, "")
    prediction = running.api(token).post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
    assert prediction.status_code == 200
    beside = running.api(None, **{"X-API-Key": token})
    assert beside.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"}).status_code == 401
