"""Lines of the secret file that are no secret: refused, and a way back for keys made under one before."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flowkeys.domain.keys.digest import TokenHasher, secret_id
from flowkeys.domain.keys.server_secrets import HEADER
from flowkeys.domain.keys.token import Token
from tests.cli.conftest import Cli
from tests.cli.test_doctor import findings
from tests.support.databases import Shell
from tests.support.server import Running

MARK = "\ufeff"
STRAY = "// restored from the backup of November 2026"
OTHER = "q" * 40
SignedUnder = Callable[..., dict]


def digests(data_dir: Path) -> dict[str, str]:
    """Return the id of the secret that each key's token is under."""
    with Shell(data_dir) as database:
        return {
            key: digest.split("$")[1] for key, digest in database.execute("SELECT key_id, digest FROM token")
        }


@pytest.fixture
def signed_under(local: Cli, data_dir: Path) -> SignedUnder:
    """Make a key as an earlier version made it that took a text for the newest secret."""
    created = {name: local("keys", "create", name, "--json").json for name in ("used", "unused")}

    def make(text: str, name: str = "used") -> dict:
        made: dict = created[name]
        parsed = Token.parse(made["apiKey"])
        assert parsed is not None
        digest = TokenHasher([text]).digest(parsed).newest
        with Shell(data_dir) as database:
            database.execute("UPDATE token SET digest = ? WHERE key_id = ?", (digest, made["id"]))
        return made

    return make


def real(data_dir: Path) -> str:
    """Return the secret that the server made."""
    return (data_dir / "secret").read_text("utf-8").split()[-1]


def valid(local: Cli, made: dict) -> bool:
    """Tell whether a key is good, by the command."""
    return local("keys", "verify", FLOWKEYS_TOKEN=made["apiKey"]).code == 0


@pytest.mark.parametrize(
    "line", [STRAY, f"; {OTHER}", f"FLOWKEYS_SECRET={OTHER}", f'secret = "{OTHER}"', "cut", f"{OTHER}\u200b"]
)
@pytest.mark.parametrize("behind", [False, True], ids=["in front", "behind"])
def test_every_command_refuses_a_line_that_is_no_secret(
    line: str, behind: bool, local: Cli, data_dir: Path
) -> None:
    """By its number and not by its text; no key is made, and the doctor wants no other line away."""
    made = local("keys", "create", "one", "--json").json
    path = data_dir / "secret"
    text = path.read_text("utf-8")
    path.write_text(f"{text}{line}\n" if behind else f"{line}\n{text}", "utf-8")
    number = 3 if behind else 1
    for command in (["keys", "create", "two"], ["keys", "list"], ["doctor"], ["keys", "verify"]):
        result = local(*command, FLOWKEYS_TOKEN=made["apiKey"])
        assert result.code == 3
        assert f"line {number} can be no secret" in result.out + result.err
        assert str(path) in result.out + result.err
        assert line not in result.out + result.err
        assert OTHER not in result.out + result.err
    assert not findings(local("doctor", "--json"), "secret", "warn")
    path.write_text(text, "utf-8")
    assert digests(data_dir) == {made["id"]: secret_id(real(data_dir))}
    assert valid(local, made)


def test_a_file_in_utf_16_is_one_sentence(local: Cli, data_dir: Path) -> None:
    """With the command that mends it, which works."""
    made = local("keys", "create", "one", "--json").json
    path = data_dir / "secret"
    path.write_bytes(path.read_text("utf-8").encode("utf-16"))
    result = local("keys", "list")
    assert result.code == 3
    (command,) = re.findall(r"iconv .*", result.err)
    subprocess.run(["sh", "-c", command], check=True)
    assert valid(local, made)


def test_a_byte_order_mark_changes_nothing(local: Cli, data_dir: Path) -> None:
    """The secret stays the secret; the doctor says how to be rid of the mark, and to take out nothing."""
    made = local("keys", "create", "one", "--json").json
    path = data_dir / "secret"
    path.write_text(MARK + path.read_text("utf-8"), "utf-8")
    again = local("keys", "create", "two", "--json").json
    assert valid(local, made)
    assert valid(local, again)
    assert set(digests(data_dir).values()) == {secret_id(real(data_dir))}
    (found,) = findings(local("doctor", "--json"), "secret", "warn")
    assert "byte order mark" in found
    assert "ake it out" not in found


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (MARK, MARK + HEADER),
        (f"{STRAY}\n", STRAY),
        (f"FLOWKEYS_SECRET={OTHER}\n", f"FLOWKEYS_SECRET={OTHER}"),
    ],
    ids=["mark", "comment", "assignment"],
)
def test_keys_that_an_earlier_version_made_under_a_line_go_on(
    before: str, text: str, local: Cli, signed_under: SignedUnder, data_dir: Path
) -> None:
    """They work after the update, move when used, nothing is signed under the line, and then it can go."""
    old, unused = signed_under(text, "used"), signed_under(text, "unused")
    path = data_dir / "secret"
    clean = path.read_text("utf-8")
    path.write_text(before + clean, "utf-8")
    assert digests(data_dir)[old["id"]] == secret_id(text)

    new = local("keys", "create", "two", "--json")
    assert new.code == 0
    assert "Warning: Line 1" in new.err
    assert text not in new.err
    warned = findings(local("doctor", "--json"), "secret", "warn")
    assert any("2 keys were made under it" in found and secret_id(text) in found for found in warned)
    assert not any("ake it out" in found or "ake the line out" in found for found in warned)

    assert valid(local, old)
    assert valid(local, new.json)
    assert digests(data_dir) == {
        old["id"]: secret_id(real(data_dir)),
        new.json["id"]: secret_id(real(data_dir)),
        unused["id"]: secret_id(text),
    }
    assert local("keys", "revoke", unused["id"], "--yes").code == 0

    assert local("keys", "list").code == 0, "a line that nothing needs any more stops no start"
    (found,) = findings(local("doctor", "--json"), "secret", "warn")
    assert "no key needs" in found
    assert "made under" not in found
    path.write_text(clean, "utf-8")
    assert findings(local("doctor", "--json"), "secret", "warn") == []
    assert valid(local, old)


def test_a_server_moves_them_and_a_later_start_stands(
    signed_under: SignedUnder, local: Cli, data_dir: Path
) -> None:
    """Over HTTP too; the line is tolerated where it was needed once, and refused elsewhere."""
    old = signed_under(STRAY)
    path = data_dir / "secret"
    path.write_text(f"{STRAY}\n{path.read_text('utf-8')}", "utf-8")
    server = Running(data_dir).start()
    assert server.api(old["apiKey"]).get("/auth/verify").status_code == 200
    (warning,) = server.runtime.warnings
    assert "Line 1" in warning
    server.stop()
    assert digests(data_dir)[old["id"]] == secret_id(real(data_dir))
    server = Running(data_dir).start()
    assert server.api(old["apiKey"]).get("/auth/verify").status_code == 200
    (warning,) = server.runtime.warnings
    assert "take it out" in warning
    server.stop()
    path.write_text(f"{STRAY} and another\n{path.read_text('utf-8')}", "utf-8")
    assert "line 1 can be no secret" in local("keys", "list").err


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (MARK + HEADER, "{clean}"),
        (MARK + HEADER, "{real}\n"),
        (
            f"{MARK}# our own comment, which is long enough",
            "# our own comment, which is long enough\n{real}\n",
        ),
        (STRAY, f"# {STRAY}\n{{clean}}"),
        (f"FLOWKEYS_SECRET={OTHER}", f"{OTHER}\r\n{{clean}}"),
        (f'secret = "{OTHER}"', f"{{clean}}{OTHER}\n"),
        (f'"{OTHER}"', f"{OTHER}\n{{clean}}"),
    ],
)
def test_who_mended_the_file_by_hand_is_told_the_way_back(
    text: str, mended: str, local: Cli, signed_under: SignedUnder, data_dir: Path
) -> None:
    """One command puts the line back, at the end, and the keys work on and move."""
    old = signed_under(text)
    path = data_dir / "secret"
    clean, secret = path.read_text("utf-8"), real(data_dir)
    path.write_bytes(mended.format(clean=clean, real=secret).encode())
    result = local("keys", "list")
    assert result.code == 3
    assert secret_id(text) in result.err
    assert OTHER not in result.err
    (command,) = re.findall(rf"printf .* >> {re.escape(str(path))}", result.err)
    assert command in findings(local("doctor", "--json"), "secret", "fail")[0]
    subprocess.run(["sh", "-c", command], check=True)
    assert valid(local, old)
    assert digests(data_dir)[old["id"]] in {secret_id(secret), secret_id(OTHER)}
    assert local("doctor").code == 0


def test_what_was_made_under_a_public_line_can_be_given_up(
    local: Cli, signed_under: SignedUnder, data_dir: Path
) -> None:
    """By who does not want to wait until the keys have moved."""
    old = signed_under(STRAY)
    path = data_dir / "secret"
    path.write_text(f"{path.read_text('utf-8')}{STRAY}\n", "utf-8")
    given_up = local("keys", "revoke", "--made-under", secret_id(STRAY), "--yes", "--json")
    assert given_up.json["affected"] == 1
    assert not valid(local, old)


def test_a_secret_that_was_made_here_is_never_advised_against(local: Cli, data_dir: Path) -> None:
    """Whatever is put in front of it; one that was not made here, and that no key needs, can go."""
    made = local("keys", "create", "one", "--json").json
    path = data_dir / "secret"
    path.write_text(f"{OTHER}\n{path.read_text('utf-8')}{'p' * 40}\n", "utf-8")
    assert valid(local, made)
    report = local("doctor", "--json")
    (found,) = findings(report, "secret", "warn")
    assert secret_id("p" * 40) in found
    assert "Take it out" in found
    assert any(
        secret_id(real_one(path)) in text and "no key" in text for text in findings(report, "secret", "ok")
    )
    path.write_text(f"{path.read_text('utf-8')}{STRAY}\n", "utf-8")
    assert "Take it out of" not in local("doctor").out


def real_one(path: Path) -> str:
    """Return the line behind the comment of a file that a server made."""
    lines = path.read_text("utf-8").splitlines()
    return lines[lines.index(HEADER) + 1]


def test_a_setting_that_was_a_whole_file_goes_on(
    local: Cli, signed_under: SignedUnder, data_dir: Path
) -> None:
    """``FLOWKEYS_SECRET="$(cat secret)"`` signed under the beginning of the file's comment."""
    old = signed_under("# The secrets of this flowkeys server")
    text = (data_dir / "secret").read_text("utf-8")
    result = local("keys", "verify", FLOWKEYS_TOKEN=old["apiKey"], FLOWKEYS_SECRET=text)
    assert result.code == 0
    assert digests(data_dir)[old["id"]] == secret_id(real(data_dir))


def test_a_file_without_a_secret_says_what_to_do(local: Cli, data_dir: Path) -> None:
    """Only comments: it is not written over."""
    (data_dir / "secret").write_text(f"{HEADER}\n", "utf-8")
    result = local("keys", "list")
    assert result.code == 3
    assert str(data_dir / "secret") in result.err
    assert "token_urlsafe" in result.err


@pytest.mark.parametrize("text", [f"{MARK}{HEADER}\n", f"{STRAY}\n"])
def test_a_file_whose_real_secret_was_taken_out_gets_a_new_one(
    text: str, local: Cli, signed_under: SignedUnder, data_dir: Path
) -> None:
    """As an earlier doctor advised; with the command that is printed, the keys work on and move."""
    old = signed_under(text.strip())
    path = data_dir / "secret"
    path.write_text(f"{text}{path.read_text('utf-8')}", "utf-8")
    assert local("keys", "revoke", "unused", "--yes").code == 0
    path.write_text(text, "utf-8")
    result = local("keys", "list")
    assert result.code == 3
    (command,) = re.findall(r"^  (python3 .*)$", result.err, re.MULTILINE)
    subprocess.run(["sh", "-c", command], check=True)
    assert valid(local, old)
    assert digests(data_dir)[old["id"]] == secret_id(real(data_dir))
