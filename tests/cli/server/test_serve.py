"""``flowkeys serve``, as a process of its own."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from flowkeys import bootstrap, logs
from flowkeys.config import load
from flowkeys.domain.people.link import Purpose
from tests.cli.conftest import Cli
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


def test_a_new_user_is_told_how_to_make_the_first_key(start: Start, tmp_path: Path) -> None:
    """Given an empty data directory, the printed command makes a key that the running server accepts."""
    served = start("--port", "0")
    url = served.url()
    (command,) = [line.strip() for line in served.said.splitlines() if "keys create" in line]
    path = f"{FLOWKEYS.parent}:{os.environ['PATH']}"
    made = subprocess.run(
        ["sh", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    assert (
        httpx.get(
            f"{url}/api/v1/apikey", headers=headers, trust_env=False, timeout=PATIENCE_SECONDS
        ).status_code
        == 200
    )
    assert served.end(signal.SIGINT) == 0
    again = start("--port", "0")
    again.url()
    assert "keys create" not in again.said


def test_while_nobody_is_owner_each_start_prints_a_link_to_set_up(start: Start) -> None:
    """Given two starts, each prints its own link, in words and in no log line; the second voids the first."""
    links = []
    for _ in range(2):
        served = start("--port", "0")
        url = served.url()
        httpx.get(f"{url}/nowhere", trust_env=False, timeout=PATIENCE_SECONDS)
        (line,) = [line for line in served.said.splitlines() if "/set-up/" in line]
        assert line.startswith(f"Open this link to set up flowkeys: {url}/set-up/")
        assert "It works once, within an hour." in served.said
        links.append(line.partition("/set-up/")[2])
        assert served.end(signal.SIGINT) == 0
    assert links[0] != links[1]
    assert served.said.count(links[1]) == 1


def test_links_of_a_start_name_the_public_url(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given FLOWKEYS_PUBLIC_URL, the link begins with it, whichever address is served."""
    monkeypatch.setenv("FLOWKEYS_PUBLIC_URL", "https://keys.example.com")
    served = start("--port", "0")
    served.url()
    assert "flowkeys: https://keys.example.com/set-up/" in served.said


def test_once_there_is_an_owner_no_link_is_printed(start: Start, tmp_path: Path) -> None:
    """Given somebody who set up, the next start prints no way to become another owner."""
    first = start("--port", "0")
    first.url()
    (secret,) = re.findall(r"/set-up/(\S+)", first.said)
    first.end(signal.SIGINT)

    async def set_up() -> None:
        runtime = await bootstrap.open_runtime(load(data_dir=tmp_path / "data"))
        await runtime.links.accept(
            Purpose.SET_UP, secret, email="ada@example.com", password="correct horse battery"
        )
        await runtime.close()

    asyncio.run(set_up())
    again = start("--port", "0")
    again.url()
    assert "set-up" not in again.said
    assert "keys create" in again.said


def test_ctrl_c_is_the_way_to_stop(start: Start) -> None:
    """Given SIGINT, the server ends with 0 and no traceback."""
    served = start("--host", "127.0.0.1", "--port", "0")
    served.url()
    assert served.end(signal.SIGINT) == 0
    assert "Traceback" not in served.said


def test_a_taken_port_is_one_sentence(start: Start) -> None:
    """Given a port that is in use, the exit code is 3 and the sentence names the options."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        served = start("--port", str(other.getsockname()[1]))
        assert served.process.wait(PATIENCE_SECONDS) == 3
    (line,) = served.said.splitlines()
    assert "--port" in line


def test_a_data_directory_that_cannot_be_made_is_one_sentence(start: Start, tmp_path: Path) -> None:
    """Given a path below a file, the exit code is 3 and the sentence names the variable."""
    (tmp_path / "file").write_text("", "utf-8")
    served = start("--port", "0", data_dir=tmp_path / "file" / "data")
    assert served.process.wait(PATIENCE_SECONDS) == 3
    (line,) = served.said.splitlines()
    assert "FLOWKEYS_DATA_DIR" in line


def lines(served: Served) -> list[dict]:
    """Return the log; each line of it has to be one JSON object."""
    found = [json.loads(line) for line in served.said.splitlines()]
    assert all(isinstance(line, dict) and {"event", "level", "timestamp"} <= set(line) for line in found)
    return found


@pytest.mark.parametrize("form", ["json", "auto"])
def test_a_log_in_json_is_json_from_its_first_line(
    form: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link is not in it: its file is, for its owner's eyes only, and gone when the link was used."""
    monkeypatch.setenv("FLOWKEYS_LOG_FORMAT", form)
    served = start("--port", "0")
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
    again = start("--port", "0")
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
    last = start("--port", "0")
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
