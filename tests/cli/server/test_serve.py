"""``flowkeys serve``, as a process of its own."""

import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.people.link import Purpose
from flowkeys.telemetry import logs
from tests.cli.conftest import Cli
from tests.support import template
from tests.support.waiting import PATIENCE_SECONDS, until

FLOWKEYS = Path(sys.executable).with_name("flowkeys")
Start = Callable[..., "Served"]


class Served:
    """A server process, and what it said."""

    def __init__(self, data_dir: Path, log: Path, *arguments: str, **variables: str) -> None:
        self._log = log
        environment = {**os.environ, "FLOWKEYS_DATA_DIR": str(data_dir), **variables}
        with log.open("wb") as output:
            self.process = subprocess.Popen([FLOWKEYS, "serve", *arguments], env=environment, stderr=output)

    @property
    def said(self) -> str:
        """What is on its standard error so far."""
        return self._log.read_text("utf-8")

    def url(self) -> str:
        """Wait until it answers, and return where it does."""

        def found() -> str | None:
            assert self.process.poll() is None, self.said
            address = re.search(r"on (http://\S+),", self.said)
            if (
                address is None
                or httpx.get(f"{address[1]}/api/v1/ping", trust_env=False, timeout=PATIENCE_SECONDS).text
                != "pong"
            ):
                return None
            return address[1]

        url = until(found, lambda: f"the server to answer: {self.said}")
        assert url is not None
        return url

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start servers that are ended after the test."""
    started: list[Served] = []

    monkeypatch.setenv("FLOWKEYS_LOG_FORMAT", "text")  # as on a terminal

    def make(*arguments: str, data_dir: Path | None = None, **variables: str) -> Served:
        log = tmp_path / f"log{len(started)}"
        served = Served(data_dir or tmp_path / "data", log, *arguments, **variables)
        started.append(served)
        return served

    yield make
    for served in started:
        if served.process.poll() is None:
            served.end(signal.SIGKILL)


class First(NamedTuple):
    """The first two starts over a new data directory, between which the first key was made."""

    url: str
    command: str
    """What the first start printed to make a key with."""
    status: int
    """What the running server answered to that key."""
    said: tuple[str, str]
    exits: tuple[int, int]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """Start as a new user does, and follow what is printed; start again with a public URL."""
    folder = tmp_path_factory.mktemp("first")
    data_dir, text = folder / "data", {"FLOWKEYS_LOG_FORMAT": "text"}
    served = Served(data_dir, folder / "log0", "--host", "127.0.0.1", "--port", "0", **text)
    url = served.url()
    httpx.get(f"{url}/nowhere", trust_env=False, timeout=PATIENCE_SECONDS)
    (command,) = [line.strip() for line in served.said.splitlines() if "keys create" in line]
    path = f"{FLOWKEYS.parent}:{os.environ['PATH']}"
    made = subprocess.run(
        ["sh", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    status = httpx.get(
        f"{url}/api/v1/apikey", headers=headers, trust_env=False, timeout=PATIENCE_SECONDS
    ).status_code
    ended = served.end(signal.SIGINT)
    public = {"FLOWKEYS_PUBLIC_URL": "https://keys.example.com"}
    again = Served(data_dir, folder / "log1", "--port", "0", **text, **public)
    again.url()
    return First(url, command, status, (served.said, again.said), (ended, again.end(signal.SIGINT)))


def test_a_new_user_is_told_how_to_make_the_first_key(first: First) -> None:
    """Given an empty data directory, the printed command makes a key that the running server accepts."""
    assert first.status == 200
    assert "keys create" not in first.said[1]


def test_while_nobody_is_owner_each_start_prints_a_link_to_set_up(first: First) -> None:
    """Given two starts, each prints its own link, in words and in no log line, and nobody repeats it."""
    links = []
    for said in first.said:
        (line,) = [line for line in said.splitlines() if "/set-up/" in line]
        assert line.startswith("Open this link to set up flowkeys: http")
        assert "It works once, within an hour." in said
        links.append(line.partition("/set-up/")[2])
        assert said.count(links[-1]) == 1
    assert links[0] != links[1]


def test_links_of_a_start_name_the_public_url(first: First) -> None:
    """Given FLOWKEYS_PUBLIC_URL, the link begins with it, whichever address is served; else with that."""
    assert f"flowkeys: {first.url}/set-up/" in first.said[0]
    assert "flowkeys: https://keys.example.com/set-up/" in first.said[1]


def test_ctrl_c_is_the_way_to_stop(first: First) -> None:
    """Given SIGINT, the server ends with 0 and no traceback."""
    assert first.exits == (0, 0)
    assert "Traceback" not in "".join(first.said)


def test_once_there_is_an_owner_no_link_is_printed(start: Start, tmp_path: Path) -> None:
    """Given somebody who set up, the next start prints no way to become another owner."""
    template.begin(tmp_path / "data")

    async def set_up() -> None:
        runtime = await bootstrap.open_runtime(load(data_dir=tmp_path / "data"))
        secret = await runtime.links.set_up_link()
        assert secret is not None
        await runtime.links.accept(
            Purpose.SET_UP, secret.reveal(), email="ada@example.com", password="correct horse battery"
        )
        await runtime.close()

    asyncio.run(set_up())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        again = start("--port", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    again.url()
    assert "set-up" not in again.said
    assert "keys create" in again.said
    limit, _ = resource.prlimit(again.process.pid, resource.RLIMIT_NOFILE)
    assert limit == resource.RLIM_INFINITY or limit > 1024, (
        "a server may open more than programs by themselves"
    )


def test_a_taken_port_is_one_sentence(start: Start) -> None:
    """Given a port that is in use, the exit code is 3 and the sentence names the options."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        served = start("--port", str(other.getsockname()[1]))
        assert served.process.wait(PATIENCE_SECONDS) == 3
    (line,) = served.said.splitlines()
    assert "--port" in line


def test_a_data_directory_that_cannot_be_made_is_one_sentence(
    run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a path below a file, the exit code is 3 and the sentence names the variable."""
    monkeypatch.setattr(logs, "take_over", lambda: None)  # of this process, which runs other tests
    (tmp_path / "file").write_text("", "utf-8")
    data_dir = str(tmp_path / "file" / "data")
    result = run("serve", "--port", "0", FLOWKEYS_DATA_DIR=data_dir, FLOWKEYS_LOG_FORMAT="text")
    assert result.code == 3
    (line,) = result.err.splitlines()
    assert "FLOWKEYS_DATA_DIR" in line


def lines(served: Served) -> list[dict]:
    """Return the log; each line of it has to be one JSON object."""
    found = [json.loads(line) for line in served.said.splitlines()]
    assert all(isinstance(line, dict) and {"event", "level", "timestamp"} <= set(line) for line in found)
    return found


def test_a_log_in_json_is_json_from_its_first_line(start: Start, tmp_path: Path) -> None:
    """The link is not in it: its file is, for its owner's eyes only, and gone when the link was used."""
    template.begin(tmp_path / "data")
    served = start("--port", "0", FLOWKEYS_LOG_FORMAT="auto")
    url = served.url()
    httpx.get(f"{url}/nowhere", trust_env=False, timeout=PATIENCE_SECONDS)
    first, link, *_ = lines(served)
    assert (first["url"], first["data_dir"]) == (url, str(tmp_path / "data"))
    file = Path(link["file"])
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text("utf-8").strip()
    assert text.startswith(f"{url}/set-up/")
    assert text.rpartition("/")[2] not in served.said
    assert served.end(signal.SIGINT) == 0
    assert not file.exists(), "nobody listens"

    file.write_text("of a server that was killed", "utf-8")
    again = start("--port", "0", FLOWKEYS_LOG_FORMAT="json")
    again.url()
    text = file.read_text("utf-8").strip()
    assert file.stat().st_mode & 0o777 == 0o600
    body = {"email": "ada@example.com", "password": "correct horse battery"}
    headers = {"Origin": again.url()}
    assert (
        httpx.post(text, data=body, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS).status_code
        == 303
    )
    assert not file.exists(), "it was used"
    assert again.end(signal.SIGINT) == 0
    file.write_text("of a server that was killed", "utf-8")
    last = start("--port", "0", FLOWKEYS_LOG_FORMAT="auto")  # its log is a file, no terminal
    last.url()
    assert not file.exists(), "there is an owner"
    assert last.end(signal.SIGINT) == 0
    for each in (served, again, last):
        assert lines(each)
        assert "/set-up/" not in "".join(line["event"] for line in lines(each))


def test_what_ends_a_start_is_a_line_of_json_too(
    run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A taken port, a wrong setting, a wrong option, a wrong file, wherever the form of the log is said."""
    monkeypatch.setattr(logs, "take_over", lambda: None)  # of this process, which runs other tests
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "broken").write_text("log_format = 'json'\nport = =", "utf-8")
    (tmp_path / "config").write_text("log_format = 'json'\nhttp = 'x'\n", "utf-8")
    broken, config = (str(tmp_path / name) for name in ("broken", "config"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        table: list[tuple[tuple[str, ...], dict[str, str], int, str]] = [
            (("--port", port), {"LOG_FORMAT": "json"}, 3, "--port"),
            (("--port", "0"), {"LOG_FORMAT": "json", "HTTP": "x"}, 3, "FLOWKEYS_HTTP"),
            (("--port", "0"), {"LOG_FORMAT": "", "CONFIG": config}, 3, "http: "),
            (("--port", "0"), {"LOG_FORMAT": "", "CONFIG": broken}, 3, "line 2"),
            (("--port", "many"), {"LOG_FORMAT": "json"}, 2, "--port"),
            (("--host", ""), {"LOG_FORMAT": "json"}, 2, "--host"),
            (("--nonsense",), {"LOG_FORMAT": "json"}, 2, "--nonsense"),
        ]
        for arguments, variables, code, said in table:
            environment = {f"FLOWKEYS_{name}": value for name, value in variables.items()}
            result = run("serve", *arguments, **environment)
            (line,) = result.err.splitlines()
            found = json.loads(line)
            assert (found["level"], found["exitCode"], result.code) == ("error", code, code), line
            assert said in found["event"]
            assert "timestamp" in found
