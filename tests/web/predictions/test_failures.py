"""What callers are told of a failure, and what the operator's log says besides."""

import json

import pytest
import structlog
from structlog.testing import capture_logs

from flowkeys.domain.errors import NotFound, Unavailable, UpstreamFailed
from flowkeys.telemetry import logs
from flowkeys.web.errors import of_error
from flowkeys.web.predictions.failures import log_failure


def raised() -> ValueError:
    """Return an exception with a traceback."""

    def broken() -> None:
        raise ValueError("no such model, Bearer abcdefgh, sk-proj-0123456789abcdef")

    with pytest.raises(ValueError, match="no such model") as caught:
        broken()
    return caught.value


def test_the_log_says_more_than_the_caller_is_told():
    """The reason and the traceback are found by the request's id; the caller gets the sentence alone."""
    error = UpstreamFailed("LLM: it answered 400.", reason="The context is too long.", raised=raised())
    with capture_logs() as lines:
        log_failure(error, "r-1")
    (line,) = lines
    assert (line["event"], line["request_id"]) == ("upstream failed", "r-1")
    assert (line["detail"], line["reason"]) == ("LLM: it answered 400.", "The context is too long.")
    assert line["exc_info"] is error.raised
    assert of_error(error).detail == "LLM: it answered 400."


def test_a_traceback_is_written_without_keys(capsys: pytest.CaptureFixture[str]):
    """Where it was raised is in the line; keys that the exception quotes are not."""
    before = structlog.get_config()
    try:
        logs.configure(form="json")
        log_failure(UpstreamFailed("It raised ValueError.", raised=raised()), "r-2")
    finally:
        structlog.configure(**before)
    line = json.loads(capsys.readouterr().err)
    assert "test_failures.py" in line["exception"]
    assert "no such model" in line["exception"]
    assert "abcdefgh" not in str(line)
    assert "0123456789" not in str(line)


@pytest.mark.parametrize(
    ("error", "events"),
    [(UpstreamFailed("x"), ["upstream failed"]), (Unavailable(), ["unavailable"]), (NotFound("key"), [])],
)
def test_failures_are_logged_and_refusals_are_not(error, events):
    """A refusal's code is in the request's line, which is enough."""
    with capture_logs() as lines:
        log_failure(error)
    assert [line["event"] for line in lines] == events


def test_when_to_try_again_is_handed_on():
    """What the upstream said of waiting reaches the caller as Retry-After; without it there is none."""
    assert of_error(UpstreamFailed("x", retry_after_seconds=7)).headers == (("Retry-After", "7"),)
    assert of_error(UpstreamFailed("x")).headers == ()
