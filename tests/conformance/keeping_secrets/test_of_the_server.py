"""Keeping the secret: the server's own, without which no key works, and which is never a default."""

import asyncio
import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.digest import secret_id
from flowkeys.domain.keys.token import Token
from tests.conformance import ways
from tests.conformance.process import Served
from tests.conformance.statements import look_ups, statements
from tests.support import databases
from tests.support.databases import ON_POSTGRES
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running

FIRST, SECOND, THIRD = ("first-" + "a" * 32, "second-" + "b" * 32, "third-" + "c" * 32)
Start = Callable[..., Running]


def digests(server: Running) -> dict[str, str]:
    """Return the stored digest of each key."""
    with server.shell() as rows:
        return dict(rows.execute("SELECT key_id, digest FROM token").fetchall())


def under(server: Running) -> dict[str, int]:
    """Count keys by the id of the secret that they were made under, as `doctor` does."""
    now = 1
    found: dict[str, int] = server.do(
        server.runtime.store.read(lambda transaction: transaction.keys.count_by_secret(now))
    )
    return found


def refused(data_dir: Path, **settings: str) -> str:
    """Start over a data directory in vain, and return what the operator is told."""
    with pytest.raises(ConfigurationError) as told:
        asyncio.run(
            bootstrap.open_runtime(load(data_dir=data_dir, **databases.settings(data_dir), **settings))
        )
    return str(told.value)


def test_the_secret_is_made_once_and_is_for_its_owner_only(start: Start) -> None:
    """Keyshield had a default pepper: here each server makes its own, unguessable, mode 0600."""
    made = []
    for name in ("one", "two"):
        server = start(name)
        path = server.data_dir / "secret"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
        (secret,) = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert len(secret) >= 43
        assert server.runtime.hasher.secret_ids == (secret_id(secret),)
        assert sorted(file.name for file in server.data_dir.glob("*secret*")) == ["secret"]
        made.append(server.runtime.hasher)
    token = Token.mint()
    assert made[0].secret_ids != made[1].secret_ids
    assert made[0].digest(token).newest.split("$")[2] != made[1].digest(token).newest.split("$")[2]


def test_the_umask_does_not_open_the_secret(serve: Callable[..., Served]) -> None:
    """Whatever the umask of the process is, the file is made for its owner only."""
    was = os.umask(0)
    try:
        served = serve()
        served.key("made")
    finally:
        os.umask(was)
    assert stat.S_IMODE((served.data_dir / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(served.data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o610])
def test_a_secret_that_others_can_read_is_refused(mode: int, start: Start) -> None:
    """A file that others may read starts nothing, and the message says which command mends it."""
    server = start()
    server.stop()
    path = server.data_dir / "secret"
    path.chmod(mode)
    assert f"chmod 600 {path}" in refused(server.data_dir)
    path.chmod(0o600)
    start()


def test_a_missing_secret_refuses_to_start_and_says_what_to_do(serve: Callable[..., Served]) -> None:
    """A server that lost its secret would refuse every key: it does not start.

    It makes no other secret, and says which one is missing, how many keys need it, and both ways out.
    """
    served = serve()
    made = served.key("kept")
    tag = made["apiSecret"].split("$")[1]
    secret = served.data_dir / "secret"
    content = secret.read_text()
    secret.unlink()
    said = served.refuse()
    for part in (
        tag,
        "FLOWKEYS_SECRET",
        "`secret`",
        f"flowkeys keys revoke --made-under {tag}",
        "1 made under",
    ):
        assert part in said, said
    assert not secret.exists()
    assert "Traceback" not in said
    secret.write_text(content)
    secret.chmod(0o600)
    served.start()
    assert served.api(made["apiKey"]).post("/apikey/verify", json={}).json()["id"] == made["id"]


@pytest.mark.parametrize("secret", ["short", "x" * 31, "a" * 32 + ",short"])
def test_a_weak_secret_is_refused_without_being_repeated(secret: str, tmp_path: Path) -> None:
    """A secret of less than 32 characters starts nothing; the message tells how to make one."""
    said = refused(tmp_path / "data", secret=secret)
    assert "at least 32 characters" in said
    assert "secrets.token_urlsafe" in said
    assert secret not in said


def test_old_secrets_verify_and_what_is_used_moves_to_the_new_one(start: Start) -> None:
    """The secret changes without a key being made again.

    Under "new, old" every key verifies; each that is used is stored under the new secret, with nothing else
    about it changed; `doctor`'s count says when the old one can go; before that the server says who needs it.
    """
    server = start(secret=FIRST)
    owner = server.owner()
    chatflow = make_chatflow(owner)
    keys = [bound_key(owner, chatflow, f"key {number}") for number in range(3)]
    assert under(server) == {secret_id(FIRST): 4}
    server.stop()

    server = start(secret=f"{SECOND},{FIRST}", usage_flush_seconds=300)  # nothing is stored by itself
    before = digests(server)
    used = keys[0]
    assert ways.fast_path(server, chatflow["id"], ways.bearer(used["apiKey"])).status == 200
    assert digests(server) == before, "verification itself writes nothing"
    server.store()
    after = digests(server)
    assert {key for key in after if after[key] != before[key]} == {used["id"]}
    assert after[used["id"]].startswith(f"hmac-sha256${secret_id(SECOND)}$")
    assert under(server) == {secret_id(FIRST): 3, secret_id(SECOND): 1}
    newer = server.key("newer")
    assert newer["apiSecret"].split("$")[1] == secret_id(SECOND)
    server.stop()

    assert f"3 made under the secret {secret_id(FIRST)}" in refused(server.data_dir, secret=SECOND)
    server = start(secret=f"{SECOND},{FIRST}")
    for token in (owner.token or "", *(key["apiKey"] for key in keys)):
        assert server.api(token).post("/apikey/verify", json={}).status_code == 200
    server.stop()  # which flushes

    server = start(secret=SECOND)
    assert under(server) == {secret_id(SECOND): 5}
    for key in keys:
        assert ways.fast_path(server, chatflow["id"], ways.bearer(key["apiKey"])).status == 200
    assert secret_id(FIRST) not in str(digests(server))


@pytest.mark.of_one_process("what one process asks is counted")
def test_any_number_of_old_secrets_verify_with_one_look_up(start: Start) -> None:
    """Three secrets, a key under each: every one verifies, the newest signs, a fourth's key is unknown."""
    tokens = []
    secrets = ""
    for secret in (FIRST, SECOND, THIRD):
        secrets = f"{secret},{secrets}" if secrets else secret
        server = start(secret=secrets)
        tokens.append(server.key("made")["apiKey"])
        server.stop()
    server = start(secret=secrets)
    assert server.runtime.hasher.secret_ids[0] == secret_id(THIRD)
    with statements(server) as seen:
        for token in tokens:
            assert server.api(token).post("/apikey/verify", json={}).status_code == 200
    most = 2 * len(tokens) if ON_POSTGRES else len(tokens)  # nothing is kept while others' transactions run
    assert len(tokens) - 1 <= look_ups(seen) <= most, "the newest secret's may have been read ahead"
    server.do(server.runtime.usage.flush())
    assert under(server) == {secret_id(THIRD): 3}
    stranger = Token.mint().reveal()
    assert server.api(stranger).post("/apikey/verify", json={}).json()["code"] == "unknown_key"


def test_an_outdated_digest_is_replaced_only_where_it_still_stands(start: Start) -> None:
    """A late re-digest must not undo what was done to the token meanwhile (keyshield's lesson)."""
    start(secret=FIRST).stop()
    server = start(secret=FIRST)
    made = server.key("made")
    server.stop()
    server = start(secret=f"{SECOND},{FIRST}", usage_flush_seconds=300)  # nothing is stored by itself
    assert server.api(made["apiKey"]).post("/apikey/verify", json={}).status_code == 200
    other = "hmac-sha256$00000000$other"  # as a rotation would
    server.by_hand("UPDATE token SET digest = ? WHERE key_id = ?", other, made["id"])
    server.store()
    assert digests(server)[made["id"]] == "hmac-sha256$00000000$other"
    assert server.api(made["apiKey"]).post("/apikey/verify", json={}).status_code == 401


def test_whoever_writes_to_the_database_cannot_mint_a_key(start: Start) -> None:
    """DESIGN: the hash is keyed. Without the secret no row can be written that a token of one's own fits."""
    server = start()
    made = server.key("made")
    token = Token.mint().reveal()
    tag = made["apiSecret"].rpartition("$")[0]
    guesses = [
        hashlib.sha256(token.encode()).hexdigest(),
        hmac.digest(b"", token.encode(), "sha256").hex(),
        hmac.digest(b"flowkeys", token.encode(), "sha256").hex(),
        hmac.digest(tag.encode(), token.encode(), "sha256").hex(),
        token,
        "",
    ]
    for guess in guesses:
        for stored in (f"{tag}${guess}", guess, f"sha256${guess}", f"plain${guess}", f"none$${guess}"):
            server.by_hand("UPDATE token SET digest = ? WHERE key_id = ?", stored, made["id"])
            assert server.api(token).post("/apikey/verify", json={}).status_code == 401, stored
