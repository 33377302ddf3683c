"""curl, with the lines that people copy."""

import json
import shutil
import subprocess

import pytest

from tests.clients.conftest import WRONG_KEY, Opened, check_stream
from tests.support.flows import events


def curl(opened: Opened, key: str | None, body: dict, *options: str) -> tuple[int, str]:
    """Call the chatflow; return the status and the body."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed: make tools")
    header = ["-H", f"Authorization: Bearer {key}"] if key else []
    url = f"{opened.url}/api/v1/prediction/{opened.chatflow}"
    command = [program, "-sS", "--noproxy", "*", "-w", "\n%{http_code}", "-X", "POST", url, *header, *options]
    sent = ["-H", "Content-Type: application/json", "--data-binary", "@-"]
    result = subprocess.run(
        [*command, *sent], input=json.dumps(body).encode(), capture_output=True, timeout=30, check=True
    )
    text, _, status = result.stdout.decode().rpartition("\n")
    return int(status), text


def test_the_answer_is_json(opened: Opened, question: str) -> None:
    """A plain call prints the answer."""
    status, text = curl(opened, opened.key, {"question": question})
    assert status == 200
    assert json.loads(text)["text"] == "You said: " + question


def test_the_stream_is_readable(opened: Opened, question: str) -> None:
    """With -N the events are printed as they are, each record in its form."""
    status, text = curl(opened, opened.key, {"question": question, "streaming": True}, "-N")
    assert status == 200
    check_stream(events(text), question)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("key", "code"), [(None, "missing_credentials"), (WRONG_KEY, "unknown_key")], ids=["none", "wrong"]
)
def test_a_refusal_is_a_status_and_says_why(
    opened: Opened, key: str | None, code: str, streaming: bool
) -> None:
    """A refused call is 401 in both modes, never a stream that ends in an error."""
    status, text = curl(opened, key, {"question": "Hello", "streaming": streaming}, "-N")
    assert (status, json.loads(text)["code"]) == (401, code)


def test_a_large_question_is_announced_before_it_is_sent(opened: Opened) -> None:
    """A body for which curl waits for `100 Continue` is answered as any other."""
    question = "x" * 1_500_000
    status, text = curl(opened, opened.key, {"question": question}, "-H", "Expect: 100-continue")
    assert status == 200
    assert len(json.loads(text)["text"]) == len("You said: ") + len(question)
