"""The server's secret is replaced while another program verifies over its files."""

import os
from pathlib import Path

import pytest

from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.token import Token
from flowkeys.verify import ConfigurationError, Unavailable, Verifier
from tests.library.conftest import code, eventually
from tests.support.server import Running

pytestmark = pytest.mark.of_sqlite(
    "`Verifier.local` reads the file; on PostgreSQL applications ask the server, as test_remote does"
)

NEW = "n" * 43


def said(verifier: Verifier, made: dict) -> str:
    """Return what is said of a key, in a word."""
    try:
        return code(verifier.verify(token=made["apiKey"]))
    except Unavailable as error:
        return str(error)


def write(path: Path, text: str) -> None:
    """Put a file in the place of the secret's, as an editor does that writes another one first."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.rename(path)


def restarted(server: Running) -> Running:
    """Stop the server and start another one over its data."""
    server.stop()
    return Running(server.data_dir).start()


@pytest.fixture
def rotated(tmp_path: Path) -> tuple[Running, list[dict], str]:
    """A server, two keys, and its secret with a new one in front."""
    server = Running(tmp_path / "data").start()
    made = [server.key("first"), server.key("second")]
    return server, made, f"{NEW}\n{(server.data_dir / 'secret').read_text()}"


def test_a_new_one_in_front_is_noticed(rotated: tuple[Running, list[dict], str]) -> None:
    """Keys that the server has moved to it, new ones, and those that nobody used: all are known."""
    server, (first, second), both = rotated
    with Verifier.local(server.data_dir) as verifier:
        assert said(verifier, first) == "valid"
        write(server.data_dir / "secret", both)
        server = restarted(server)
        made = server.key("third")
        assert server.api(first["apiKey"]).get("/auth/verify").status_code == 200
        for each in (made, first, second):
            eventually(lambda each=each: said(verifier, each), "valid")
        server.stop()  # writes down what it moved
        eventually(lambda: said(verifier, first), "valid")


def test_one_that_was_given_needs_both_first(rotated: tuple[Running, list[dict], str]) -> None:
    """So it is documented: it is not the file that such a program reads."""
    server, (first, _), both = rotated
    old = both.split()[-1]
    with (
        Verifier.local(server.data_dir, secret=old) as late,
        Verifier.local(server.data_dir, secret=f"{NEW},{old}") as ready,
    ):
        write(server.data_dir / "secret", both)
        server = restarted(server)
        made = server.key("third")
        server.stop()
        assert (said(late, made), said(late, first)) == ("unknown_key", "valid")
        eventually(lambda: said(ready, made), "valid")


def test_a_file_that_is_not_whole_is_read_later(rotated: tuple[Running, list[dict], str]) -> None:
    """Empty, cut, or gone: what was known counts, and the file that comes then is read."""
    server, (first, second), both = rotated
    path = server.data_dir / "secret"
    with Verifier.local(server.data_dir) as verifier:
        source = verifier._source
        for text in ("", "# the secrets", "cut", "\udcff"):
            path.write_bytes(text.encode(errors="surrogateescape"))
            os.utime(path, (0, 0))
            source._looked = 0.0
            assert said(verifier, first) == "valid"
        path.unlink()
        source._looked = 0.0
        assert said(verifier, second) == "valid"
        write(path, both)
        server.stop()
        server = Running(server.data_dir).start()
        made = server.key("third")
        eventually(lambda: said(verifier, made), "valid")
        server.stop()


def test_a_file_that_others_may_read_is_told(rotated: tuple[Running, list[dict], str]) -> None:
    """As by the server, which would not start: until it is mended, with the way to do it."""
    server, (first, _), both = rotated
    server.stop()
    path = server.data_dir / "secret"
    with Verifier.local(server.data_dir) as verifier:
        write(path, both)
        path.chmod(0o644)
        eventually(lambda: "chmod 600" in said(verifier, first), True)
        path.chmod(0o600)
        assert said(verifier, first) == "valid"


def test_a_secret_of_another_server_is_told(rotated: tuple[Running, list[dict], str]) -> None:
    """No key is refused for it as unknown."""
    server, (first, _), both = rotated
    server.stop()
    path = server.data_dir / "secret"
    with Verifier.local(server.data_dir) as verifier:
        write(path, NEW)
        eventually(lambda: "not the server's" in said(verifier, first), True)
        write(path, both)
        eventually(lambda: said(verifier, first), "valid")


def test_a_line_that_is_no_secret_is_none_here_either(rotated: tuple[Running, list[dict], str]) -> None:
    """Nor is a byte order mark. One that comes while it runs changes nothing until the file is mended."""
    server, (first, second), both = rotated
    path = server.data_dir / "secret"
    clean = path.read_text()
    with Verifier.local(server.data_dir) as verifier:
        assert said(verifier, first) == "valid"
        for text in (f"// a comment of another style, of 32 characters\n{both}", both.encode("utf-16")):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            os.utime(path, (0, 0))
            verifier._source._looked = 0.0
            assert said(verifier, first) == "valid"
            with pytest.raises(ConfigurationError, match=r"line 1 can be no secret|UTF-16"):
                Verifier.local(server.data_dir)
        write(path, f"\ufeff{both}")
        server = restarted(server)
        made = server.key("third")
        eventually(lambda: said(verifier, made), "valid")
        assert said(verifier, second) == "valid"
        server.stop()
    path.write_text(f"\ufeff{clean}")
    with pytest.raises(ConfigurationError, match="part 1 can be no secret"):
        Verifier.local(server.data_dir, secret="; a comment of another style, of 32 characters")


def test_keys_under_a_line_of_before_are_known_here_too(tmp_path: Path) -> None:
    """While the line stands, and a new secret in front of it is noticed."""
    server = Running(tmp_path / "data").start()
    first, second = server.key("first"), server.key("second")
    server.stop()
    line = "; a comment of another style, of 32 characters"
    path = server.data_dir / "secret"
    under = TokenHasher([line]).digest(Token(first["apiKey"])).newest
    with server.shell() as database:
        database.execute("UPDATE token SET digest = ? WHERE key_id = ?", (under, first["id"]))
    clean = path.read_text()
    for text in (f"{line}\n{clean}", f"{clean}{line}\n"):
        path.write_text(text)
        with Verifier.local(server.data_dir) as verifier:
            assert (said(verifier, first), said(verifier, second)) == ("valid", "valid")
            write(path, f"{NEW}\n{text}")
            server = Running(server.data_dir).start()
            made = server.key("third")
            eventually(lambda made=made, verifier=verifier: said(verifier, made), "valid")
            assert (said(verifier, first), said(verifier, second)) == ("valid", "valid")
            server.stop()
