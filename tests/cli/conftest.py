"""The program run in this process, on a data directory of its own or over HTTP."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowkeys.cli.main import main
from flowkeys.domain.ids import new_id
from flowkeys.telemetry import logs
from tests.support import databases
from tests.support.server import Api, Running


class Result(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on the standard output; the command must have worked."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def failure(self) -> Any:
        """The JSON object that says what went wrong."""
        assert self.code != 0, self.out
        assert self.out == ""
        return json.loads(self.err.splitlines()[-1])


class Typed(io.StringIO):
    """A standard input that is a terminal."""

    def isatty(self) -> bool:
        """Tell that a person types."""
        return True


Cli = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command with an input and more variables of the environment."""
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # it would keep this test's stderr for good

    def call(*arguments: object, stdin: io.StringIO | str = "", **environment: str) -> Result:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(stdin) if isinstance(stdin, str) else stdin)
            capsys.readouterr()
            code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a schema and a secret, to be copied."""
    running = Running(tmp_path_factory.mktemp("empty") / "data").start()
    running.stop()
    return running.data_dir


@pytest.fixture
def data_dir(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of the test's own, which the environment names."""
    folder = databases.copy(empty, tmp_path / "data")
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(folder))
    for name, value in databases.environment(folder).items():
        monkeypatch.setenv(name, value)
    yield folder
    databases.let_go(folder)


@pytest.fixture
def local(run: Cli, data_dir: Path) -> Cli:
    """The program on a data directory."""
    del data_dir
    return run


@pytest.fixture
def remote(run: Cli, server: Running, owner: Api, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The program over HTTP, with a key that may do everything."""
    monkeypatch.setenv("FLOWKEYS_URL", server.url)
    monkeypatch.setenv("FLOWKEYS_API_KEY", owner.token or "")
    return run


@pytest.fixture(params=["local", "remote"])
def cli(request: pytest.FixtureRequest) -> Cli:
    """The program both ways: what it does must not depend on it."""
    found: Cli = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def name() -> str:
    """A name that no other test uses, on a server that tests share."""
    return f"Test {new_id()[:8]}"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with two documents, one of them in a folder below."""
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    (folder / "zebra.md").write_text("# Zebras\n\nA zebra has black and white stripes.\n", "utf-8")
    (folder / "guide" / "walrus.md").write_text("# Walruses\n\nA walrus has two long tusks.\n", "utf-8")
    return folder
