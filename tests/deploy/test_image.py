"""What the Dockerfile does, done here: its commands in a copy of what it copies, with other places.

That is not a container: nothing here shows that the base image has what they need.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.deploy import files
from tests.support.programs.ports import free_port
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the first stage makes."""
    folder = tmp_path_factory.mktemp("image")
    build, place = folder / "build", folder / "opt"
    build.mkdir()
    subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
    path = f"{folder / 'base' / 'bin'}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWKEYS_")}
    instructions = iter(files.dockerfile())
    assert next(instructions)[0] == "FROM"
    for name, said in instructions:
        if name == "FROM":
            break
        if name == "COPY":
            *sources, target = said.split()
            for source in sources:
                to = build / target / (Path(source).name if target == "./" else "")
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile
                copy(ROOT / source, to)
        elif name == "RUN":
            command = said.replace("/opt/flowkeys", str(place))
            run = subprocess.run(
                ["sh", "-ec", command],
                cwd=build,
                env={**kept, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return place


def test_what_is_installed_is_what_was_tested(installed: Path) -> None:
    """Each version is that of constraints.txt, and there is no pip to change it."""
    (site,) = installed.glob("lib/python*/site-packages")
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())
    names = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    for folder in site.glob("*.dist-info"):
        name, version = folder.name.removesuffix(".dist-info").rsplit("-", 1)
        expected = "0.1.0" if name == "flowkeys" else names[name.lower().replace("_", "-").replace(".", "-")]
        assert version == expected
    assert not (installed / "bin" / "pip").exists()


def test_it_serves_as_the_image_does(installed: Path, tmp_path: Path) -> None:
    """Entry point, environment and health check of the image; SIGTERM, as Docker sends it, ends it well."""
    data, port = tmp_path / "data", free_port()
    environment = {**files.image_variables(), "FLOWKEYS_DATA_DIR": str(data), "FLOWKEYS_PORT": str(port)}
    # Tests listen on this machine alone.
    environment |= {"FLOWKEYS_HOST": "127.0.0.1", "PATH": f"{installed / 'bin'}:{os.environ['PATH']}"}
    _, *arguments = files.health_command()
    health = [installed / "bin" / "python", *arguments]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [installed / "bin" / "flowkeys", "serve"], env=environment, cwd=tmp_path, stderr=log
        )
        try:
            until(lambda: _ends_well(health, environment), "the health check never said that it is well")
            server.send_signal(signal.SIGTERM)
            # It ends by the signal itself when all is done, as uvicorn does; and as the first process of a
            # container, where that signal cannot end it, with 0.
            assert server.wait(PATIENCE_SECONDS) in {0, -signal.SIGTERM}
        finally:
            server.kill()
            server.wait()
    assert (data / "flowkeys.db").exists()
    assert not (data / "flowkeys.db-wal").exists(), "it did not end in order"


def _ends_well(command: list[str | Path], environment: dict[str, str]) -> bool:
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
