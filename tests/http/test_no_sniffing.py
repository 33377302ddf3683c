"""No browser guesses what an answer is: it is what its Content-Type says."""

import httpx
import pytest

from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize(
    "path", ["/api/v1/ping", "/api/v1/apikey", "/api/v1/x", "/api/v1/x?api_key=x", "/sign-in", "/x", "/keys"]
)
def test_every_answer_says_so_once(server: Running, path: str) -> None:
    """Good and bad, of the API and of pages, refused by the outermost layer too."""
    answer = httpx.get(server.url + path, trust_env=False, timeout=PATIENCE_SECONDS)
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize("streaming", [False, True])
def test_predictions_say_so_too(server: Running, owner: Api, streaming: bool) -> None:
    """Though they pass no framework: an answer may hold anything that a flow says."""
    chatflow = make_chatflow(owner)
    caller = server.api(bound_key(owner, chatflow)["apiKey"])
    body = {"question": "<script>alert(1)</script>", "streaming": streaming}
    answer = caller.post(f"/prediction/{chatflow['id']}", json=body)
    assert answer.status_code == 200
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
