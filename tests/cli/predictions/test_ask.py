"""``flowkeys ask``: streamed to the terminal, locally and over HTTP."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.raw_model import CHUNKED, chunk, in_a_thread, record, whole
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

REPLY = "You said: {{ question }}"
FAILING = """
def answer(question):
    try:
        {}["cause"]
    except KeyError as error:
        raise ValueError(f"no {question}") from error
"""


def test_the_answer_is_streamed_to_the_output(cli: Cli, name: str) -> None:
    """Given a question, the answer alone goes to the standard output."""
    flow = cli("flows", "add", name, "--reply", REPLY, "--json").json
    key = cli("keys", "create", name, "--chatflow", flow["id"], "--json").json
    result = cli("ask", flow["id"], "Hello", "--key-env", "A_KEY", A_KEY=key["apiKey"])
    assert (result.code, result.out) == (0, "You said: Hello\n")


def test_without_streaming_the_answer_is_the_same(cli: Cli, name: str) -> None:
    """--no-stream prints the whole answer at once; --json prints it as the API gives it."""
    flow = cli("flows", "add", name, "--reply", REPLY, "--public", "--json").json
    assert cli("ask", name, "Hello", "--no-stream").out == "You said: Hello\n"
    answer = cli("ask", flow["id"], "Hello", "--json").json
    assert (answer["text"], answer["question"]) == ("You said: Hello", "Hello")
    assert answer.keys() >= {"chatId", "chatMessageId", "sessionId"}


def test_sources_are_listed_at_the_end(cli: Cli, name: str, docs: Path) -> None:
    """Given an answer from documents, their names come beside the answer, not in it."""
    cli("flows", "add", name, "--docs", docs)
    cli("flows", "update", name, "--public")
    result = cli("ask", name, "What has a zebra?")
    assert "stripes" in result.out
    assert "Sources:" not in result.out
    assert "[1] zebra.md" in result.err


def test_the_question_can_be_piped_in(local: Cli) -> None:
    """Given -, the question is read from the standard input."""
    local("flows", "add", "Echo", "--reply", REPLY)
    assert local("ask", "Echo", "-", stdin="A long\nquestion\n").out == "You said: A long\nquestion\n"


def test_the_operator_asks_a_closed_chatflow(local: Cli) -> None:
    """On the server's machine no key is needed to try a chatflow."""
    local("flows", "add", "Echo", "--reply", REPLY)
    assert local("ask", "Echo", "Hello").code == 0


def test_the_operator_is_told_why_an_object_failed(local: Cli, tmp_path: Path) -> None:
    """Where it was raised, in its own lines, beside the sentence that callers get; no line of ours."""
    module = f"failing_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(FAILING, "utf-8")
    own = {"FLOWKEYS_PYTHON_FLOWS": f"{module}:answer", "FLOWKEYS_PYTHON_PATH": str(tmp_path)}
    assert local("flows", "add", "Bad", "--python", f"{module}:answer", **own).code == 0
    for more in ((), ("--no-stream",), ("--json",)):
        result = local("ask", "Bad", "Hello", *more, **own)
        assert (result.code, result.out) == (8, "")
        assert "the Python object raised ValueError." in result.err
        assert 'raise ValueError(f"no {question}") from error' in result.err
        assert "ValueError: no Hello" in result.err
        assert "KeyError: 'cause'" in result.err
        assert "containment.py" not in result.err
    assert result.failure["code"] == "upstream_failed"


def test_over_http_a_closed_chatflow_is_refused(remote: Cli, name: str) -> None:
    """A key that may do everything opens no chatflow: only a binding does."""
    flow = remote("flows", "add", name, "--reply", REPLY, "--json").json
    result = remote("ask", flow["id"], "Hello", "--json")
    assert result.code == 5
    assert result.failure["code"] == "chatflow_not_allowed"


@pytest.mark.parametrize("mode", [[], ["--json"]])
def test_a_key_that_is_not_bound_is_refused(cli: Cli, name: str, mode: list[str]) -> None:
    """Given --key-env, it is asked with that key's right, on this machine too."""
    flow = cli("flows", "add", name, "--reply", REPLY, "--json").json
    other = cli("keys", "create", name, "--json").json
    result = cli("ask", flow["id"], "Hello", "--key-env", "A_KEY", *mode, A_KEY=other["apiKey"])
    assert result.code == 5
    assert other["apiKey"] not in result.err


def test_a_bound_key_alone_asks_by_id(run: Cli, server: Running, remote: Cli, name: str) -> None:
    """Given a key without permissions as FLOWKEYS_API_KEY, an id works, and a name says to give one."""
    flow = remote("flows", "add", name, "--reply", REPLY, "--json").json
    key = remote("keys", "create", name, "--chatflow", flow["id"], "--json").json["apiKey"]
    asking = {"FLOWKEYS_URL": server.url, "FLOWKEYS_API_KEY": key}
    assert run("ask", flow["id"], "Hello", **asking).out == "You said: Hello\n"
    by_name = run("ask", name, "Hello", **asking)
    assert by_name.code == 5
    assert "id" in by_name.err


def test_an_empty_key_variable_is_named(local: Cli) -> None:
    """Given --key-env with a variable that is not set, nothing is asked with another right instead."""
    local("flows", "add", "Echo", "--reply", REPLY)
    result = local("ask", "Echo", "Hello", "--key-env", "NOT_SET")
    assert result.code == 3
    assert "NOT_SET" in result.err


def test_a_chatflow_that_fails_is_exit_code_8(local: Cli, data_dir: Path) -> None:
    """Given a Python object that cannot be imported, the message names it and the code says what failed."""
    (data_dir / "config.toml").write_text('python_flows = ["no_such_module:chain"]\n', "utf-8")
    local("flows", "add", "Broken", "--python", "no_such_module:chain")
    result = local("ask", "Broken", "Hello")
    assert result.code == 8, result.err
    assert "Traceback" not in result.err


def test_the_operator_is_told_why_a_model_failed(local: Cli) -> None:
    """On the server's machine the words of the model's server are printed, and when to try again."""
    with in_a_thread() as model:
        settings = {"FLOWKEYS_ALLOWED_ENDPOINTS": model.url}
        local("flows", "add", "Model", "--openai", model.url, "--model", "m", **settings)
        refusal = whole(b'{"error":{"message":"The GPU is on fire."}}', b"Retry-After: 9", status=b"503 X")
        model.says(refusal)
        for mode in ([], ["--no-stream"]):
            result = local("ask", "Model", "Hello", *mode, **settings)
            assert result.code == 8
            assert "The GPU is on fire." in result.err
            assert "answered 503." in result.err
            assert "Try again in 9 seconds." in result.err
        end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
        model.says(CHUNKED, chunk(record("Half of it") + end), chunk(b""))
        for mode in ([], ["--no-stream"]):
            result = local("ask", "Model", "Hello", *mode, **settings)
            assert (result.code, result.out) == (0, "Half of it\n")
            assert "The answer is cut off" in result.err


def test_a_python_object_is_run_on_this_machine(local: Cli, data_dir: Path, tmp_path: Path) -> None:
    """Given a listed function below FLOWKEYS_PYTHON_PATH, `ask` runs it as the server would."""
    module = f"answers_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text("def answer(question):\n    return question.upper()\n", "utf-8")
    settings = {"FLOWKEYS_PYTHON_FLOWS": f"{module}:answer", "FLOWKEYS_PYTHON_PATH": str(tmp_path)}
    local("flows", "add", "Shout", "--python", f"{module}:answer", **settings)
    assert local("ask", "Shout", "hello", **settings).out == "HELLO\n"


def test_ctrl_c_ends_a_question_quietly(data_dir: Path, tmp_path: Path) -> None:
    """Given SIGINT while a chatflow thinks, the exit code is 130, and there is no traceback."""
    code = "import time\n\n\ndef answer(question):\n    print('thinking', flush=True)\n    time.sleep(3600)\n"
    (tmp_path / "slow_answer.py").write_text(code, "utf-8")
    environment = {
        **os.environ,
        "FLOWKEYS_DATA_DIR": str(data_dir),
        "FLOWKEYS_PYTHON_FLOWS": "slow_answer:answer",
        "FLOWKEYS_PYTHON_PATH": str(tmp_path),
    }
    flowkeys = Path(sys.executable).with_name("flowkeys")
    add = [flowkeys, "flows", "add", "Slow", "--python", "slow_answer:answer"]
    subprocess.run(add, env=environment, check=True, capture_output=True)
    asking = subprocess.Popen(
        [flowkeys, "ask", "Slow", "Hello"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with asking:
        try:
            assert asking.stdout is not None
            asking.stdout.readline()
            asking.send_signal(signal.SIGINT)
            _, said = asking.communicate(timeout=PATIENCE_SECONDS)
        finally:
            asking.kill()
    assert asking.returncode == 130
    assert "Traceback" not in said
