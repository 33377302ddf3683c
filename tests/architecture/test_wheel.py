"""What people install is the built wheel, not this folder."""

import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.architecture.tree import ROOT, SOURCE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel, built from this folder with the pinned build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (path,) = folder.glob("flowkeys-*.whl")
    with ZipFile(path) as opened:
        yield opened


def test_the_wheel_says_that_it_is_typed(wheel: ZipFile) -> None:
    """Type checkers read our annotations only when py.typed is installed."""
    assert "flowkeys/py.typed" in wheel.namelist()


def test_the_wheel_has_the_package_and_nothing_else(wheel: ZipFile) -> None:
    """Every file of the package, templates and migrations included; no tests, no scripts."""
    ours = {path.relative_to(SOURCE.parent).as_posix() for path in SOURCE.rglob("*") if path.is_file()}
    expected = {name for name in ours if "__pycache__" not in name}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_the_wheel_carries_its_licence_and_its_command(wheel: ZipFile) -> None:
    """Who has the wheel alone knows the terms, and can start the server."""
    names = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    metadata = message_from_bytes(wheel.read(names["METADATA"]))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert wheel.read(names["LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    assert "flowkeys = flowkeys.cli:run" in wheel.read(names["entry_points.txt"]).decode()
