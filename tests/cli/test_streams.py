"""Outputs and inputs as programs get them: any encoding, closed, full, read by nobody."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowkeys.cli import shown_once, streams
from flowkeys.cli.main import main
from tests.cli.conftest import Cli

ENCODINGS = ["ascii", "cp437", "cp932", "cp1252", "gbk", "latin-1", "utf-8", "utf-16"]
NAME = "Ключ … é 鍵 \U0001f511"


class Full(io.BytesIO):
    """A disk without room."""

    def write(self, data: object, /) -> int:
        """Fail as the system does."""
        del data
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch, local: Cli) -> Callable[..., tuple[int, bytes]]:
    """Run a command whose output has an encoding, as it has with PYTHONIOENCODING; return code and bytes."""
    del local

    def call(encoding: str, *arguments: str) -> tuple[int, bytes]:
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, encoding=encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            code = main([*arguments])
        stream.detach()
        return code, written.getvalue()

    return call


def test_every_encoding_takes_every_command(encoded: Callable[..., tuple[int, bytes]]) -> None:
    """Tables escape what it lacks, JSON is ASCII then, and a token is always whole."""
    for encoding in ENCODINGS:
        code, out = encoded(encoding, "keys", "create", NAME, "--json")
        assert code == 0, encoding
        made = json.loads(out.decode(encoding))
        assert made["keyName"] == NAME
        assert len(made["apiKey"]) == 35
        if not encoding.startswith("utf-"):
            assert out.decode(encoding).isascii()
        code, out = encoded(encoding, "keys", "create", NAME)
        assert (code, len(out.decode(encoding).strip())) == (0, 35)
        code, out = encoded(encoding, "keys", "list", "--json")
        assert {key["keyName"] for key in json.loads(out.decode(encoding))} == {NAME}
        assert code == 0
        for arguments in (["keys", "list"], ["keys", "show", made["id"]], ["keys", "create", "--help"]):
            code, out = encoded(encoding, *arguments)
            assert code == 0, (encoding, arguments)
            assert out.decode(encoding)


def test_half_a_character_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON can hold one, in an answer for example, and UTF-8 cannot."""
    streams.prepare()
    streams.say(streams.as_json({"text": "\ud83d"}, sys.stdout))
    streams.say("\ud83d!")
    assert capsys.readouterr().out == '{"text": "\\ud83d"}\n\\ud83d!\n'


def test_an_argument_of_bytes_is_said_to_be_no_text(local: Cli) -> None:
    """Given bytes that are not UTF-8, as another system's file names are, it is a mistake in the call."""
    result = local("keys", "list", "--search", "\udcff", "--json")
    assert result.code == 2
    assert "UTF-8" in result.failure["detail"]


def test_a_token_that_cannot_be_shown_is_not_made(local: Cli) -> None:
    """Given an output that is full or closed, and the errors closed too; reading says it in a line."""
    for command, said in (
        ("keys create lost >/dev/full", "Nothing was made."),
        ("keys create lost --json >&-", "Nothing was made."),
        ("keys create lost >&- 2>&- <&-", ""),
        ("keys list --json >/dev/full", "The output cannot be written"),
    ):
        done = subprocess.run(
            ["/bin/bash", "-c", f"{Path(sys.executable).parent}/flowkeys {command}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 3, command
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == (1 if said else 0)
        if "--json >&-" in command:
            assert json.loads(done.stderr)["code"] == "output_failed"
    assert local("keys", "list", "--json").json == []


def test_a_token_that_was_not_shown_names_the_key(local: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an output that fails only when it is written, the error says what to revoke, and nothing else."""
    monkeypatch.setattr(shown_once, "refusal", lambda: None)  # a disk that fills up between the two
    errors, full = io.StringIO(), io.TextIOWrapper(Full())
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        patch.setattr(sys, "stderr", errors)
        assert main(["keys", "create", "lost", "--json"]) == 3
    full.detach()
    failure = json.loads(errors.getvalue().splitlines()[-1])
    key = local("keys", "list", "--json").json[0]
    assert failure["code"] == "output_failed"
    assert f"flowkeys keys revoke {key['id']}" in failure["detail"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("zwölf".encode("utf-16"), "zwölf"),
        (b"\xfe\xff" + "zwölf".encode("utf-16-be"), "zwölf"),
        ("zwölf".encode("utf-32"), "zwölf"),
        ("zwölf".encode("cp1252"), None),
        (b"", ""),
    ],
)
def test_what_is_piped_in_is_read_by_its_mark(data: bytes, text: str | None) -> None:
    """PowerShell and editors put a byte order mark before a text; another encoding without one is told."""
    assert streams.decoded(data) == text
