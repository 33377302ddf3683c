"""``flowkeys serve``, as a process of its own."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.link import Purpose

FLOWKEYS = Path(sys.executable).with_name("flowkeys")
Start = Callable[..., "Served"]


class Served:
    """A server process, and what it said."""

    def __init__(self, data_dir: Path, log: Path, *arguments: str) -> None:
        self._log = log
        environment = {**os.environ, "FLOWKEYS_DATA_DIR": str(data_dir)}
        with log.open("wb") as output:
            self.process = subprocess.Popen([FLOWKEYS, "serve", *arguments], env=environment, stderr=output)

    @property
    def said(self) -> str:
        """What is on its standard error so far."""
        return self._log.read_text("utf-8")

    def url(self) -> str:
        """Wait until it answers, and return where it does."""
        for _ in range(400):
            if found := re.search(r"on (http://\S+),", self.said):
                url = found[1]
                if httpx.get(f"{url}/api/v1/ping", trust_env=False).text == "pong":
                    return url
            assert self.process.poll() is None, self.said
            time.sleep(0.05)
        raise AssertionError(self.said)

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers that are ended after the test."""
    started: list[Served] = []

    def make(*arguments: str, data_dir: Path | None = None) -> Served:
        served = Served(data_dir or tmp_path / "data", tmp_path / f"log{len(started)}", *arguments)
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
    assert httpx.get(f"{url}/api/v1/apikey", headers=headers, trust_env=False).status_code == 200
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
        httpx.get(f"{url}/nowhere", trust_env=False)
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
        assert served.process.wait(20) == 3
    (line,) = served.said.splitlines()
    assert "--port" in line


def test_a_data_directory_that_cannot_be_made_is_one_sentence(start: Start, tmp_path: Path) -> None:
    """Given a path below a file, the exit code is 3 and the sentence names the variable."""
    (tmp_path / "file").write_text("", "utf-8")
    served = start("--port", "0", data_dir=tmp_path / "file" / "data")
    assert served.process.wait(20) == 3
    (line,) = served.said.splitlines()
    assert "FLOWKEYS_DATA_DIR" in line
