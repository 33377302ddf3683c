"""Which lines are the server's secrets, and which never are."""

import re
import secrets as randomness
import subprocess
from pathlib import Path

import pytest

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.digest import secret_id
from flowkeys.domain.keys.secret_form import made_here
from flowkeys.domain.keys.server_secrets import HEADER, ServerSecrets, read_file, read_variable

URL_SAFE = "Xk3_pQ9vLr0TzB7mNwYc5dHs-JgFa2eRu8iOtKxVbWq"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BASE64 = "/7Jm+Qx3lB9sKc2fTn8wYv5zRd0hGpEu4iOaXkLtMsA="

SECRETS = [
    URL_SAFE,
    HEX,
    HEX.upper(),
    HEX[:32],
    BASE64,
    BASE64.rstrip("="),
    "+" + BASE64[1:],
    "-" + URL_SAFE[1:],
    "_" + URL_SAFE[1:],
    "68043791-3183-4666-bf1b-602350652318",
    "n" * 40,
    "NobodyGuessesThisAtAllNotInAThousandYears",
]
"""What `secrets`, `openssl rand -hex`, `openssl rand -base64`, `uuidgen` and people write."""

LINES = [
    ("; a comment in another style, of more than 32 characters", "blanks"),
    ("// restored from the backup of November 2026", "blanks"),
    ("-- restored from the backup of November 2026", "blanks"),
    ("<!-- restored from the backup of November -->", "blanks"),
    ("REM restored from the backup of November", "blanks"),
    (f"{URL_SAFE}  # the new one", "blanks"),
    (f"FLOWKEYS_SECRET={HEX}", "assignment"),
    (f"export FLOWKEYS_SECRET={HEX}", "blanks"),
    ('secret = "' + "a" * 40 + '"', "blanks"),
    (f'"{URL_SAFE}"', "quotes"),
    (f"'{HEX}'", "quotes"),
    (f"secret:{HEX}", "neither hex"),
    (f"{HEX},", "neither hex"),
    (f"[{HEX}]", "neither hex"),
    (f'{{"secret":"{HEX}"}}', "neither hex"),
    ("https://docs.example.com/flowkeys/the-secret-file", "neither hex"),
    (";restored-from-the-backup-of-november-2026", "neither hex"),
    ("//restored-from-the-backup-of-november-2026", "neither hex"),
    ("//restoredfromthebackupofnovember2026", "words"),
    ("--restored-from-the-backup-of-november-2026", "words"),
    ("restored-from-the-backup-of-november-2026", "words"),
    ("/run/secrets/flowkeys/production/server_secret", "neither hex"),
    ("/run/secrets/flowkeys/production/secret", "words"),
    ("CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME", "words"),
    ("-" * 40, "words"),
    ("=" * 40, "neither hex"),
    ("_" * 40, "words"),
    ("${FLOWKEYS_SECRET_THAT_WAS_NOT_REPLACED}", "neither hex"),
    ("пароль-длиннее-тридцати-двух-символов", "ASCII"),
    (f"{HEX}\u200b", "ASCII"),
    (f"{HEX[:40]}\x1b[31m", "control"),
    (HEX[:31], "32 characters"),
]
"""What stands in such files and is no secret, with a word of why. Each was one before."""


def ids(written: ServerSecrets) -> tuple[str, ...]:
    """Return the ids of what signs and verifies with no key made yet."""
    return written.hasher(()).secret_ids


@pytest.mark.parametrize("secret", SECRETS)
def test_what_makes_secrets_makes_lines_that_are_read(secret: str) -> None:
    """Alone, with Windows line ends, blanks around it, without a last line end, before and after another."""
    for text in (
        secret,
        f"{secret}\r\n",
        f"  {secret} \t\n\n",
        f"# a\n\n{secret}",
        f"{HEADER}\r\n{secret}\r\n",
    ):
        assert ids(read_file("secret", text.encode())) == (secret_id(secret),)
    both = read_file("secret", f"{secret}\n{'o' * 32}\n{secret}\n".encode())
    assert ids(both) == (secret_id(secret), secret_id("o" * 32))
    assert ids(read_variable("FLOWKEYS_SECRET", f" {secret} , {'o' * 32},")) == ids(both)


def test_what_a_server_makes_is_always_read() -> None:
    """Whatever comes by chance."""
    for _ in range(3000):
        made = randomness.token_urlsafe(32)
        assert made_here(made)
        assert ids(read_file("secret", made.encode())) == (secret_id(made),)


def test_a_line_that_is_no_secret_is_refused_by_its_number() -> None:
    """Never as a secret, before the real one, behind it, or alone; its text is not shown."""
    for line, why in LINES:
        for text in (f"{line}\n{URL_SAFE}\n", f"# a\n{URL_SAFE}\n\n{line}", f"\n\n\n{line}\r\n"):
            written = read_file("/srv/secret", text.encode())
            number = 1 + text[: text.index(line)].count("\n")
            with pytest.raises(ConfigurationError) as caught:
                written.hasher(())
            said = str(caught.value)
            assert f"line {number} can be no secret" in said, (line, said)
            assert why in said, (line, said)
            assert "/srv/secret" in said
            assert line not in said + repr(written)
            assert secret_id(line) not in written.ids


def test_in_a_variable_they_are_refused_too() -> None:
    """By their place between commas."""
    for line, why in LINES:
        if "," in line or line[0] in "\"'":
            continue
        written = read_variable("FLOWKEYS_SECRET", f"{URL_SAFE},{line}")
        with pytest.raises(ConfigurationError, match="part 2 can be no secret") as caught:
            written.hasher(())
        assert why in str(caught.value)
        assert line not in str(caught.value) + repr(written)


def test_a_byte_order_mark_is_no_part_of_anything() -> None:
    """Before the comment, before the secret, and where two files were put together."""
    for text in (
        f"\ufeff{HEADER}\n{URL_SAFE}\n",
        f"\ufeff{URL_SAFE}\n",
        f"{URL_SAFE}\n\ufeff{HEADER}\n",
        f"{HEADER}\r\n\ufeff{URL_SAFE}",
    ):
        assert ids(read_file("secret", text.encode())) == (secret_id(URL_SAFE),), text


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_says_so(codec: str) -> None:
    """PowerShell's ``>`` writes it, with a mark or without one."""
    data = f"{HEADER}\r\n{URL_SAFE}\r\n".encode(codec)
    if codec == "utf-16-be":
        data = b"\xfe\xff" + data
    with pytest.raises(ConfigurationError, match="UTF-16"):
        read_file("/srv/secret", data).hasher(())


def test_a_comment_may_be_in_any_encoding() -> None:
    """Only secrets have to be ASCII."""
    assert ids(read_file("secret", "# für alle\n".encode("latin-1") + HEX.encode())) == (secret_id(HEX),)


def test_a_whole_file_in_a_variable_is_read_as_the_file() -> None:
    """``FLOWKEYS_SECRET="$(cat secret)"``: its comment has a comma, and was two secrets before."""
    text = f"{HEADER}\n{URL_SAFE}\n{HEX}\n"
    for quoted in (text, f'"{text}"', f"\ufeff{text}"):
        assert read_variable("FLOWKEYS_SECRET", quoted).ids == (secret_id(URL_SAFE), secret_id(HEX))
    for both in (f'"{URL_SAFE},{HEX}"', f'"{URL_SAFE}","{HEX}"', f"'{URL_SAFE}', \"{HEX}\""):
        assert read_variable("FLOWKEYS_SECRET", both).ids == (secret_id(URL_SAFE), secret_id(HEX)), both


def test_what_was_a_secret_before_verifies_where_keys_need_it_and_never_signs() -> None:
    """Behind the secrets, wherever it stands, and only while something was made under it."""
    for line, _ in LINES:
        if len(line) < 32:
            continue
        written = read_file("secret", f"{line}\n{URL_SAFE}\n".encode())
        assert written.hasher({secret_id(line)}).secret_ids == (secret_id(URL_SAFE), secret_id(line))
        assert written.hasher((), {secret_id(line)}).secret_ids == (secret_id(URL_SAFE),)
        alone = read_file("secret", line.encode())
        with pytest.raises(ConfigurationError, match="add a new secret"):
            alone.hasher({secret_id(line)})
    marked = read_file("secret", f"\ufeff{HEADER}\n{URL_SAFE}\n".encode())
    assert marked.hasher({secret_id(f"\ufeff{HEADER}")}).secret_ids == (
        secret_id(URL_SAFE),
        secret_id(f"\ufeff{HEADER}"),
    )


def test_what_stands_nowhere_verifies_nothing() -> None:
    """Text that everybody knows is believed of what the operator's own file holds, not of the database."""
    sound = read_file("secret", f"{HEADER}\n{URL_SAFE}\n".encode())
    assert sound.earlier_ids == ()
    assert sound.hasher({secret_id(f"\ufeff{HEADER}")}).secret_ids == (secret_id(URL_SAFE),)


COMMENT = "restored from the backup of November 2026"
COMMENTS = ("// ", "//", "; ", "-- ", "% ", "%", "REM ", "' ", "")
MENDED = (
    *((f"{mark}{HEADER}", HEADER) for mark in ("\ufeff", "\ufeff\ufeff", "\u200b", "ï»¿", "п»ї", "∩╗┐")),
    *((f"{mark}{HEADER}", "") for mark in ("\ufeff", "ï»¿")),
    *(
        (f"{style}{COMMENT}", f"# {COMMENT}")
        for style in ("// ", "//", "; ", "-- ", "% ", "%", "REM ", "' ", "")
    ),
    *((f"{style}{COMMENT}", f"## {style}{COMMENT}") for style in ("// ", "%d ", "\\n ")),
    (f"/* {COMMENT} */", f"# {COMMENT}"),
    (f"<!-- {COMMENT} -->", f"# {COMMENT} "),
    (f"; {HEADER[2:]}", HEADER),
    (f"für uns, {COMMENT}", f"# für uns, {COMMENT}"),
    *((f"{name}{HEX}", HEX) for name in ("FLOWKEYS_SECRET=", "export SECRET=", "secret: ", "secret = ")),
    *((f'{name}"{HEX}"', HEX) for name in ("", "FLOWKEYS_SECRET=", "secret=", "secret = ")),
    *((f"{name}'{HEX}'", HEX) for name in ("", "export FLOWKEYS_SECRET=")),
    (f"{HEX},", f"{HEX}\r"),
)


def test_what_somebody_mended_by_hand_is_brought_back_by_one_command(tmp_path: Path) -> None:
    """Whatever the mistake was, and where an editor left the last line open too."""
    path = tmp_path / "it's a secret"
    for signed, mended in MENDED:
        for text in (f"{URL_SAFE}\n{mended}\n", f"{mended}\n{HEADER}\n{URL_SAFE}", f"{URL_SAFE}\n{mended}"):
            path.write_text(text, "utf-8", newline="")
            before = read_file(str(path), path.read_bytes())
            way = before.way_back(secret_id(signed))
            assert way is not None, (signed, mended)
            (command,) = re.findall(r"^  (printf .*)$", way, re.MULTILINE)
            assert HEX not in command
            subprocess.run(["sh", "-c", command], check=True)
            after = read_file(str(path), path.read_bytes())
            assert after.ids == before.ids, (signed, text)
            assert secret_id(signed) in after.hasher({secret_id(signed)}).secret_ids
            assert path.read_text("utf-8").splitlines()[-1] == signed


def test_a_new_secret_goes_on_a_line_of_its_own(tmp_path: Path) -> None:
    """By the printed command, where an editor left the last line open too."""
    path = tmp_path / "secret"
    for text in (f"\ufeff{HEADER}", f"\ufeff{HEADER}\n", f"; {HEADER}\r\n# a"):
        path.write_text(text, "utf-8", newline="")
        line = text.splitlines()[0]
        with pytest.raises(ConfigurationError) as caught:
            read_file(str(path), path.read_bytes()).hasher({secret_id(line)})
        (command,) = re.findall(r"^  (.*python3 .*)$", str(caught.value), re.MULTILINE)
        subprocess.run(["sh", "-c", command], check=True)
        hasher = read_file(str(path), path.read_bytes()).hasher({secret_id(line)})
        assert hasher.secret_ids[1:] == (secret_id(line),)


def test_who_mended_a_variable_is_told_what_it_was() -> None:
    """Its earlier text behind a comma brings the keys back, and signs nothing."""
    for before, after in (('"', '"'), ("FLOWKEYS_SECRET=", ""), ("'", "'")):
        signed = f"{before}{HEX}{after}"
        way = read_variable("FLOWKEYS_SECRET", f"{URL_SAFE},{HEX}").way_back(secret_id(signed))
        assert way is not None
        assert f"written {before}…{after} as" in way
        written = read_variable("FLOWKEYS_SECRET", f"{URL_SAFE},{HEX},{signed}")
        assert written.ids == (secret_id(URL_SAFE), secret_id(HEX))
        assert secret_id(signed) in written.hasher({secret_id(signed)}).secret_ids
