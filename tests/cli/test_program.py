"""The program as a whole: help, versions, exit codes, and how errors are said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowkeys.cli import exit_codes
from flowkeys.domain.version import VERSION
from flowkeys.web.errors import KINDS
from tests.cli.conftest import Cli
from tests.support.programs.ports import free_port
from tests.support.server import Running

HEAVY = {"sqlalchemy", "fastapi", "pydantic_settings", "httpx", "uvicorn", "structlog", "alembic"}


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a process of its own."""
    return subprocess.run(
        [Path(sys.executable).with_name("flowkeys"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_told(run: Cli) -> None:
    """The same as the package's."""
    assert run("--version").out == f"flowkeys {VERSION}\n"


def test_help_imports_nothing_heavy() -> None:
    """Help and completion are asked for often: no database, web framework or HTTP client is loaded."""
    code = "import sys; from flowkeys.cli.main import main; main(['keys', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) & HEAVY == set()


def test_a_command_imports_no_other() -> None:
    """Given one that prints the version, or the list of commands: none of them is loaded."""
    code = (
        "import sys; from flowkeys.cli.main import main; main(['--version']); main(['--help']); "
        "print(*(name for name in sys.modules if name.startswith(('flowkeys.', 'asyncio'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {name.split(".")[1] for name in done.stdout.splitlines()[-1].split()}
    assert rooms == {"cli", "client", "domain"}
    below = {name for name in done.stdout.splitlines()[-1].split() if name.startswith("flowkeys.cli.")}
    assert len(below) < 10, below


def test_a_command_that_serves_nothing_imports_no_web_framework(data_dir: Path) -> None:
    """It is half of what there is to load; the environment names the data directory."""
    code = "import sys; from flowkeys.cli.main import main; main(['keys', 'list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "flowkeys.bootstrap" in loaded
    assert loaded & {"fastapi", "starlette", "jinja2", "uvicorn", "httpx"} == set()


def test_every_code_of_the_api_has_an_exit_code() -> None:
    """Given a new code, somebody decides what a script is told."""
    undecided = {code for code in KINDS if exit_codes.of(code) is exit_codes.ExitCode.UNEXPECTED}
    assert undecided == {"internal_error"}


@pytest.mark.parametrize("arguments", [["keys", "crate"], ["keys", "show"], ["keys", "list", "--colour"]])
def test_a_usage_error_is_code_2(run: Cli, arguments: list[str]) -> None:
    """One sentence, how the command is written, and where help is; JSON for programs."""
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Usage: flowkeys keys" in result.err
    assert run(*arguments, "--json").failure["code"] == "usage"


def test_without_arguments_help_is_shown(run: Cli) -> None:
    """Who types the bare name sees what there is."""
    result = run("keys")
    assert result.code == 2
    assert "revoke" in result.out + result.err


def test_a_missing_database_is_not_made_by_looking(run: Cli, tmp_path: Path) -> None:
    """Given a mistyped FLOWKEYS_DATA_DIR, a list says so and makes no folder."""
    folder = tmp_path / "mistyped"
    result = run("keys", "list", FLOWKEYS_DATA_DIR=str(folder))
    assert result.code == 3
    assert str(folder) in result.err
    assert not folder.exists()


def test_a_server_that_is_not_there_is_code_7(run: Cli) -> None:
    """Given a URL where nothing listens, the sentence names what to check."""
    url = f"http://127.0.0.1:{free_port()}"
    result = run("keys", "list", FLOWKEYS_URL=url, FLOWKEYS_API_KEY="fl-x")
    assert result.code == 7
    assert "FLOWKEYS_URL" in result.err


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", 3),
        ("ALL_PROXY", "socks://127.0.0.1:1080", 3),
        ("SSL_CERT_FILE", "/gone", 3),
        ("HTTPS_PROXY", "http://127.0.0.1:1", 7),
    ],
)
def test_a_variable_in_the_way_is_named(run: Cli, variable: str, value: str, code: int) -> None:
    """Given a proxy or certificates that are no use, the culprit is not sought at FLOWKEYS_URL."""
    there = {"FLOWKEYS_URL": "https://keys.example.com", "FLOWKEYS_API_KEY": "fl-x", variable: value}
    result = run("keys", "list", "--json", **there)
    assert result.code == code
    assert variable in result.failure["detail"]
    assert result.failure["exitCode"] == code
    assert "FLOWKEYS_URL" not in run("keys", "list", **there).err


def test_a_missing_key_is_code_5_and_says_what_to_set(run: Cli, server: Running) -> None:
    """Given FLOWKEYS_URL alone, the advice names FLOWKEYS_API_KEY."""
    result = run("keys", "list", FLOWKEYS_URL=server.url)
    assert result.code == 5
    assert "FLOWKEYS_API_KEY" in result.err


def test_a_key_that_may_not_is_code_5(run: Cli, server: Running) -> None:
    """Given a key without permissions, the missing one is named."""
    key = server.key()["apiKey"]
    result = run("keys", "list", "--json", FLOWKEYS_URL=server.url, FLOWKEYS_API_KEY=key)
    assert result.code == 5
    assert "apikeys:view" in result.failure["detail"]


def test_which_of_two_places_is_used_is_said(remote: Cli, data_dir: Path) -> None:
    """Given both a server and a data directory, stderr says that it is the server."""
    del data_dir
    result = remote("keys", "list", "--json")
    assert "FLOWKEYS_URL" in result.err
    assert isinstance(result.json, list)


def test_a_script_s_first_key_needs_no_set_up(tmp_path: Path) -> None:
    """Given a folder that does not exist, `keys create --permission '*' --json` is all it takes."""
    made = program(
        "keys", "create", "Owner", "--permission", "*", "--json", FLOWKEYS_DATA_DIR=str(tmp_path / "new")
    )
    assert made.returncode == 0, made.stderr
    assert '"apiKey": "fl-' in made.stdout
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_reader_that_goes_away_is_no_error(data_dir: Path) -> None:
    """Given `flowkeys flows export | true`, no traceback is printed."""
    flowkeys = Path(sys.executable).with_name("flowkeys")
    large = data_dir.parent / "large.json"
    large.write_text('{"nodes": [], "edges": [], "note": "' + "x" * 500_000 + '"}', "utf-8")
    assert program("flows", "add", "Large", "--import", str(large)).returncode == 0
    pipe = ["sh", "-c", f"'{flowkeys}' flows export Large | true"]
    done = subprocess.run(pipe, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.of_sqlite("the file is overwritten")
def test_an_unreadable_data_directory_is_one_sentence(empty: Path, tmp_path: Path) -> None:
    """Given a database that is none, stderr is one line and the exit code says what kind of problem."""
    folder = tmp_path / "data"
    shutil.copytree(empty, folder)
    for leftover in folder.glob("flowkeys.db-*"):
        leftover.unlink()
    (folder / "flowkeys.db").write_bytes(b"no database" * 1000)
    done = program("keys", "list", FLOWKEYS_DATA_DIR=str(folder))
    assert done.returncode in {3, 7}
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_secret_that_cannot_be_read_is_one_sentence(local: Cli, data_dir: Path) -> None:
    """Given a folder in the secret's place, the sentence names the path."""
    (data_dir / "secret").unlink()
    (data_dir / "secret").mkdir()
    result = local("keys", "list")
    assert result.code == 3
    assert str(data_dir / "secret") in result.err


EMPTY_OPTIONS = (
    ("serve", "--host", ""),
    ("serve", "--host="),
    ("serve", "--port", " "),
    ("keys", "create", "x", "--chatflow", ""),
    ("keys", "create", "x", "--permission", ""),
    ("keys", "create", "x", "--expires-in", ""),
    ("keys", "create", "x", "--workspace", ""),
    ("keys", "list", "--chatflow", ""),
    ("keys", "list", "--created-by", ""),
    ("keys", "list", "--status", ""),
    ("keys", "update", "x", "--name", ""),
    ("keys", "revoke", "--made-under", "", "--yes"),
    ("flows", "add", "x", "--docs", ""),
    ("flows", "add", "x", "--import", ""),
    ("flows", "add", "x", "--openai", "", "--model", "m"),
    ("flows", "add", "x", "--reply", "hi", "--key", ""),
    ("flows", "update", "x", "--docs", ""),
    ("flows", "export", "x", "-o", ""),
    ("ask", "x", "hi", "--session", ""),
    ("ask", "x", "hi", "--key-env", ""),
)


def test_an_option_with_an_empty_value_is_refused(local: Cli, data_dir: Path) -> None:
    """As ``--docs "$DOCS"`` of a variable that is not set: it is named, and nothing is done."""
    before = sorted(path.name for path in data_dir.iterdir())
    for arguments in EMPTY_OPTIONS:
        result = local(*arguments)
        option = next(text for text in reversed(arguments) if text.startswith("-") and text != "--yes")
        if "--model" in arguments:
            option = "--openai"
        assert result.code == 2, arguments
        assert f"{option.rstrip('=')} has an empty value" in result.err, arguments
    assert sorted(path.name for path in data_dir.iterdir()) == before
    assert local("keys", "list", "--json").json == []
    made = local("keys", "create", "x", "--note", "", "--permission", "apikeys:view", "--json").json
    assert local("keys", "list", "--search", "", "--json").json[0]["id"] == made["id"]
    assert local("keys", "update", "x", "--permission", "", "--json").json["permissions"] == []
