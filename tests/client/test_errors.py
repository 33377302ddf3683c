"""What is raised when a call does not succeed."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

import flowkeys
from flowkeys.client.errors import read_retry_after
from tests.client.conftest import Sdk
from tests.client.scripted import Scripted


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (302, None, flowkeys.UnexpectedAnswer),
        (400, "invalid_json", flowkeys.InvalidRequestError),
        (401, "expired_key", flowkeys.AuthenticationError),
        (403, "permission_missing", flowkeys.PermissionDenied),
        (404, "not_found", flowkeys.NotFoundError),
        (405, None, flowkeys.InvalidRequestError),
        (413, "too_large", flowkeys.InvalidRequestError),
        (422, "validation_failed", flowkeys.InvalidRequestError),
        (429, "rate_limited", flowkeys.RateLimited),
        (500, "internal", flowkeys.ServerError),
        (502, "upstream_failed", flowkeys.UpstreamError),
        (503, "unavailable", flowkeys.Unavailable),
        (504, None, flowkeys.Unavailable),
        (599, None, flowkeys.ServerError),
    ],
)
async def test_each_status_has_its_class(
    sdk: Sdk, server: Scripted, status: int, code: str | None, kind: type[flowkeys.FlowkeysApiError]
) -> None:
    """Programs catch classes, and read `code` for the exact reason."""
    server.answers({"code": code, "detail": "Because."}, status=status)
    with pytest.raises(flowkeys.FlowkeysApiError, match=r"Because\.") as caught:
        await sdk(lambda c: c.keys.get("k1"), max_retries=0)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, code)


async def test_an_error_carries_what_the_server_said(sdk: Sdk, server: Scripted) -> None:
    """Fields by their wire names, the request id for the log, and when to come back."""
    problem = {
        "type": "about:blank",
        "title": "Unprocessable",
        "status": 422,
        "detail": "Two fields are wrong.",
        "code": "validation_failed",
        "errors": [{"field": "keyName", "message": "Give a name."}],
        "requestId": "r-1",
        "statusCode": 422,
        "success": False,
        "message": "Two fields are wrong.",
    }
    server.answers(
        problem, status=422, headers={"content-type": "application/problem+json", "retry-after": "3"}
    )
    with pytest.raises(flowkeys.InvalidRequestError) as caught:
        await sdk(lambda c: c.keys.create(""))
    error = caught.value
    assert error.errors == (flowkeys.FieldError("keyName", "Give a name."),)
    assert (error.request_id, error.retry_after, error.detail) == ("r-1", 3.0, "Two fields are wrong.")
    assert str(error) == (
        "422 validation_failed: Two fields are wrong. (keyName: Give a name.) [request r-1]"
    )
    assert isinstance(error, flowkeys.FlowkeysError)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[1]", b'{"errors": 7}', b"\xff"])
async def test_a_proxy_s_error_page_is_understood_by_its_status(
    sdk: Sdk, server: Scripted, body: bytes
) -> None:
    """Whatever stands in the body, the class is right and the message does not repeat it."""
    server.answers(status=502, chunks=[body], headers={"x-request-id": "r-2"})
    with pytest.raises(flowkeys.UpstreamError) as caught:
        await sdk(lambda c: c.predict("c1", "Hi"))
    assert str(caught.value) == "502: The server answered Bad Gateway. [request r-2]"


async def test_a_success_that_is_not_ours_is_an_error(sdk: Sdk, server: Scripted) -> None:
    """A login page with status 200 is not an empty list of keys."""
    server.answers(chunks=[b"<html>Please sign in</html>"])
    with pytest.raises(flowkeys.UnexpectedAnswer) as caught:
        await sdk(lambda c: c.keys.list())
    assert caught.value.status == 200


async def test_a_redirect_is_not_followed(sdk: Sdk, server: Scripted) -> None:
    """The key goes where it was meant to go, or nowhere."""
    server.answers(status=307, headers={"location": f"{server.url}/elsewhere"})
    with pytest.raises(flowkeys.UnexpectedAnswer, match="307"):
        await sdk(lambda c: c.keys.get("k1"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("7", 7.0), ("soon", None), ("-1", None), ("Tue, 1 Jan", None)]
)
def test_retry_after_is_read_as_seconds(value: str | None, seconds: float | None) -> None:
    """What cannot be read is as if it were not there."""
    assert read_retry_after(value) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    """A date in the past means now."""
    now = datetime.now(UTC)
    later = read_retry_after(format_datetime(now + timedelta(seconds=60), usegmt=True))
    assert later is not None
    assert 50 < later <= 60
    assert read_retry_after(format_datetime(now - timedelta(hours=1), usegmt=True)) == 0.0
