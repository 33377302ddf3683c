"""Files and folders that this user may not use: a sentence that names them, instead of SQLite's."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Running

NOBODY = 23456
"""Somebody who is not root, whom every file opens itself to. Without root it is who runs the tests."""
COMMANDS = """
import contextlib, io, json, os, sys
from flowkeys.cli.main import main
from flowkeys.verify import Verifier, ConfigurationError, Unavailable
def put(folder):
    os.environ["FLOWKEYS_DATA_DIR"] = folder
    os.environ["FLOWKEYS_PORT"] = "0"
    for command in (["keys", "list"], ["keys", "create", "x"], ["doctor"]):
        out = io.StringIO()
        with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out):
            code = main(command)
        said[f"{folder} {command[0]} {command[-1]}"] = [code, out.getvalue()]
    try:
        Verifier.local(folder).close()
        said[f"{folder} library"] = [0, ""]
    except (ConfigurationError, Unavailable, OSError) as error:
        said[f"{folder} library"] = [3, f"{type(error).__name__}: {error}"]
user, sound, *folders = sys.argv[1:]
said = {}
put(sound)  # all is imported, from where somebody else may not look
assert said[f"{sound} library"][0] == said[f"{sound} doctor doctor"][0] == 0, said
said = {}
os.setgid(int(user)) if os.geteuid() == 0 else None
os.setuid(int(user)) if os.geteuid() == 0 else None
for folder in folders:
    put(folder)
print(json.dumps(said))
"""
CASES = {
    "no-folder-rights": ("", 0o000, " cannot be read: "),
    "folder-not-writable": ("", 0o500, " cannot be written: "),
    "no-file-rights": ("flowkeys.db", 0o000, "/flowkeys.db cannot be read: "),
    "file-not-writable": ("flowkeys.db", 0o400, "/flowkeys.db cannot be written: "),
    "no-secret-rights": ("secret", 0o000, "/secret cannot be read: "),
    "folder-above": ("..", 0o600, " cannot be entered: "),
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may enter, with a copy of a data directory for each case."""
    made = Running(tmp_path / "data").start()
    made.key()
    made.stop()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        place = Path(name)
        place.chmod(0o755)
        shutil.copytree(made.data_dir, place / "sound")
        (place / "sound").chmod(0o700)
        for case in CASES:
            shutil.copytree(made.data_dir, place / case / "data")
            (place / case / "data").chmod(0o700)
        if os.geteuid() == 0:
            for path in (place, *(each for case in CASES for each in (place / case).rglob("*"))):
                os.chown(path, NOBODY, NOBODY)
            for case in CASES:
                os.chown(place / case, NOBODY, NOBODY)
        for case, (file, mode, _) in CASES.items():
            (place / case / "data" / file).resolve().chmod(mode)
        yield place
        for case, (file, _, _) in CASES.items():
            (place / case / "data" / file).resolve().chmod(0o700)


def test_what_may_not_be_used_is_named(place: Path) -> None:
    """By every command that needs it and by the library: the path, whose it is, and who this is."""
    folders = [str(place / case / "data") for case in CASES]
    run = subprocess.run(
        [sys.executable, "-c", COMMANDS, str(NOBODY), str(place / "sound"), *folders],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "FLOWKEYS_LOG_FORMAT": "text"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    for name, (code, text) in json.loads(run.stdout).items():
        folder, _, command = name.partition(" ")
        _file, _, said = CASES[Path(folder).parent.name]
        reads_only = command in {"library", "doctor doctor", "keys list"} and "cannot be written" in said
        if reads_only:
            continue
        assert code == 3, (name, text)
        assert "unable to open" not in text, (name, text)
        assert "readonly database" not in text, (name, text)
        assert said in text or command == "doctor doctor", (name, text)
        assert str(place) in text, (name, text)
