"""The programs that pages offer to copy run as they are shown, with nothing but the variable set."""

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowkeys.web.pages.chatflows.snippets import env_line, snippets
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS

CLIENTS = Path(__file__).parents[3] / ".venv-clients" / "bin" / "python"
IDS = ["curl", "sdk", "requests", "fetch"]
ANSWER = "You said: Hello"
HOSTILE = "http://x/'\"`$(touch hacked)\\\n;[1-3]{a,b}«url»</script>\u2028"


def run(snippet: str, code: str, token: str | None, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as a person would; the environment has the variable and no proxy."""
    program = folder / {"curl": "ask.sh", "fetch": "ask.js"}.get(snippet, "ask.py")
    program.write_text(code, "utf-8")
    runner = {
        "curl": shutil.which("sh"),
        "sdk": sys.executable,
        "requests": str(CLIENTS) if CLIENTS.exists() else None,
        "fetch": shutil.which("node"),
    }[snippet]
    if runner is None or (snippet == "curl" and shutil.which("curl") is None):
        pytest.skip("a program is missing: make tools, or make clients for Python's requests")
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and "FLOWKEYS" not in k}
    variable = {} if token is None else {"FLOWKEYS_API_KEY": token}
    return subprocess.run(
        [runner, program],
        env={**clean, **variable},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def code_of(snippet: str, url: str, chatflow_id: str | None, *, streaming: bool = False) -> str:
    """Return one of the programs."""
    return {s.id: s.code for s in snippets(url, chatflow_id=chatflow_id, streaming=streaming)}[snippet]


@pytest.mark.parametrize("snippet", IDS)
def test_it_prints_the_answer_as_shown(server: Running, owner: Api, tmp_path: Path, snippet: str) -> None:
    """Copied, with the variable set, it asks the chatflow."""
    chatflow = make_chatflow(owner)
    token = bound_key(owner, chatflow)["apiKey"]
    done = run(snippet, code_of(snippet, server.url, chatflow["id"]), token, tmp_path)
    assert done.returncode == 0, done.stderr
    text = json.loads(done.stdout)["text"] if snippet == "curl" else done.stdout.strip()
    assert text == ANSWER


@pytest.mark.parametrize("snippet", IDS)
def test_it_streams_the_answer_as_shown(server: Running, owner: Api, tmp_path: Path, snippet: str) -> None:
    """The same with the answer's pieces as they come."""
    chatflow = make_chatflow(owner)
    token = bound_key(owner, chatflow)["apiKey"]
    done = run(snippet, code_of(snippet, server.url, chatflow["id"], streaming=True), token, tmp_path)
    assert done.returncode == 0, done.stderr
    if snippet == "curl":
        assert done.stdout.rstrip().endswith('{"event":"end","data":"[DONE]"}')
    else:
        assert done.stdout.strip() == ANSWER


@pytest.mark.parametrize("snippet", IDS)
def test_a_key_that_opens_nothing_asks_about_itself(
    server: Running, owner: Api, tmp_path: Path, snippet: str
) -> None:
    """There is something to run before any chatflow is chosen."""
    key = make_key(owner, "not bound yet")
    done = run(snippet, code_of(snippet, server.url, None), key["apiKey"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert key["id"] in done.stdout
    assert "not bound yet" in done.stdout


@pytest.mark.parametrize("snippet", IDS[1:])
def test_a_refused_key_fails_the_program_and_says_why(
    server: Running, owner: Api, tmp_path: Path, snippet: str
) -> None:
    """Not bound is 403, and no program goes on as if it were an answer."""
    chatflow = make_chatflow(owner)
    token = make_key(owner)["apiKey"]
    done = run(snippet, code_of(snippet, server.url, chatflow["id"]), token, tmp_path)
    assert done.returncode != 0
    assert "403" in done.stderr or "not bound" in done.stderr
    assert token not in done.stderr


@pytest.mark.parametrize("streaming", [False, True])
def test_what_is_filled_in_stays_a_string(streaming: bool) -> None:
    """An address with quotes, commands and line ends is one string in every language."""
    codes = {s.id: s.code for s in snippets(HOSTILE, chatflow_id="../'a b", streaming=streaming)}
    url = f"{HOSTILE}/api/v1/prediction/..%2F%27a%20b"
    words = shlex.split(codes["curl"].replace("\\\n  -", "-"))
    assert url in words
    for name, text in (("sdk", HOSTILE), ("sdk", "../'a b"), ("requests", url)):
        strings = [n.value for n in ast.walk(ast.parse(codes[name])) if isinstance(n, ast.Constant)]
        assert text in strings
    literal = codes["fetch"].partition("fetch(")[2].partition(", {\n")[0]
    assert json.loads(literal) == url


def test_no_program_holds_a_token(tmp_path: Path) -> None:
    """Each reads it from the variable, and the line that sets the variable is quoted for the shell."""
    codes = [s.code for s in snippets("http://127.0.0.1:3000", chatflow_id="x")]
    assert all("FLOWKEYS_API_KEY" in code and "fl-" not in code for code in codes)
    script = tmp_path / "line.sh"
    script.write_text(env_line("fl-it's$HOME") + '\nprintf %s "$FLOWKEYS_API_KEY"', "utf-8")
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=True)
    assert done.stdout == "fl-it's$HOME"
    assert env_line("fl-" + "a" * 32) == f"export FLOWKEYS_API_KEY='fl-{'a' * 32}'"
