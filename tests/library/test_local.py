"""Verifying over the database of a server on this machine."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkeys.verify import ConfigurationError, Unavailable, Verifier
from tests.library.conftest import by_hand, code, eventually
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running

pytestmark = pytest.mark.of_sqlite(
    "`Verifier.local` reads the file; on PostgreSQL applications ask the server, as test_remote does"
)

_COMMAND = [sys.executable, "-c", "from flowkeys.cli.main import run; run()"]


@pytest.fixture(scope="module")
def api(running: Running) -> Api:
    """A client that may do everything."""
    return running.owner()


@pytest.fixture(scope="module")
def verifier(running: Running) -> Iterator[Verifier]:
    """A verifier over the server's data, as another program has it."""
    with Verifier.local(running.data_dir) as opened:
        yield opened


async def test_it_answers_as_the_server_does(running: Running, api: Api, verifier: Verifier) -> None:
    """Who the key is, its chatflows and permissions, waiting or not."""
    chatflow = make_chatflow(api)
    made = bound_key(api, chatflow, "Backend", permissions=["logs:view"], expiresIn="90d")
    for found in (verifier.verify(token=made["apiKey"]), await verifier.averify(token=made["apiKey"])):
        assert found.allowed
        assert (found.id, found.name, found.workspace_id) == (made["id"], "Backend", made["workspaceId"])
        assert (found.permissions, found.chatflow_ids) == ({"logs:view"}, {chatflow["id"]})
        assert found.expires_at.isoformat(timespec="milliseconds")[:23] == made["expiresAt"][:23]
    other = make_chatflow(api)["id"]
    public = make_chatflow(api, isPublic=True)["id"]
    asked = {flow: code(verifier.verify(token=made["apiKey"], chatflow_id=flow)) for flow in (other, public)}
    assert asked == {other: "chatflow_not_allowed", public: "valid"}


def test_what_the_server_changes_counts_here(api: Api, verifier: Verifier) -> None:
    """Disabled, enabled, revoked over HTTP: another program's cache follows."""
    made = bound_key(api, make_chatflow(api))

    def said() -> str:
        return code(verifier.verify(token=made["apiKey"]))

    assert said() == "valid"
    api.post(f"/apikey/{made['id']}/disable")
    eventually(said, "disabled_key")
    api.post(f"/apikey/{made['id']}/enable")
    eventually(said, "valid")
    api.delete(f"/apikey/{made['id']}")
    eventually(said, "revoked_key")


def test_what_is_changed_by_hand_counts_here(running: Running, api: Api, verifier: Verifier) -> None:
    """An UPDATE in SQL tells the cache, as does a binding that is deleted."""
    chatflow = make_chatflow(api)
    made = bound_key(api, chatflow)

    def said() -> str:
        return code(verifier.verify(token=made["apiKey"], chatflow_id=chatflow["id"]))

    assert said() == "valid"
    by_hand(running.data_dir, "DELETE FROM binding WHERE key_id = ?", made["id"])
    eventually(said, "chatflow_not_allowed")
    by_hand(running.data_dir, "UPDATE api_key SET status = 'revoked' WHERE id = ?", made["id"])
    eventually(said, "revoked_key")


def test_what_a_command_changes_counts_here(running: Running, api: Api, verifier: Verifier) -> None:
    """`flowkeys keys` in a process of its own, on the same data directory."""
    made = bound_key(api, make_chatflow(api))
    assert code(verifier.verify(token=made["apiKey"])) == "valid"
    subprocess.run(
        [*_COMMAND, "keys", "disable", made["id"]],
        env={**os.environ, "FLOWKEYS_DATA_DIR": str(running.data_dir)},
        check=True,
        capture_output=True,
    )
    eventually(lambda: code(verifier.verify(token=made["apiKey"])), "disabled_key")


def test_threads_share_it(api: Api, verifier: Verifier) -> None:
    """Eight threads, one verifier: each gets its own key's answer, while keys change."""
    keys = [bound_key(api, make_chatflow(api)) for _ in range(8)]
    wrong: list[str] = []
    done = threading.Event()

    def ask(made: dict) -> None:
        while not done.is_set():
            found = verifier.verify(f"Bearer {made['apiKey']}")
            if not found.allowed or found.id != made["id"]:
                wrong.append(repr(found))
                return

    threads = [threading.Thread(target=ask, args=[made]) for made in keys]
    for thread in threads:
        thread.start()
    for number in range(30):
        api.put(f"/apikey/{keys[number % 8]['id']}", json={"keyName": f"renamed {number}"})
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_closed_one_is_an_outage(running: Running) -> None:
    """Whoever still asks is neither let in nor refused."""
    verifier = Verifier.local(running.data_dir)
    made = running.key()
    verifier.close()
    verifier.close()
    with pytest.raises(Unavailable):
        verifier.verify(token=made["apiKey"])


def test_a_copy_is_enough_and_is_only_read(running: Running, tmp_path: Path) -> None:
    """No server has to run, and nothing is written."""
    made = running.key()
    copy = tmp_path / "copy"
    by_hand(running.data_dir, f"VACUUM INTO '{tmp_path / 'flowkeys.db'}'")
    copy.mkdir()
    shutil.copy(tmp_path / "flowkeys.db", copy)
    secret = (running.data_dir / "secret").read_text().splitlines()[-1]
    before = (copy / "flowkeys.db").read_bytes()
    with Verifier.local(copy, secret=f"{'x' * 40}, {secret}") as verifier:
        assert code(verifier.verify(token=made["apiKey"])) == "valid"
    assert (copy / "flowkeys.db").read_bytes() == before


def test_the_variable_is_read_before_the_file(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the server does: FLOWKEYS_SECRET wins. One that made none of the keys is told at once."""
    running.key()
    monkeypatch.setenv("FLOWKEYS_SECRET", "y" * 40)
    with pytest.raises(ConfigurationError, match="not the server's"):
        Verifier.local(running.data_dir)


def test_what_cannot_work_is_told_at_once(running: Running, tmp_path: Path) -> None:
    """No folder, no secret, a database of before: each with what to do."""
    with pytest.raises(ConfigurationError, match="no server secret"):
        Verifier.local(tmp_path)
    with pytest.raises(ConfigurationError, match="no database"):
        Verifier.local(tmp_path, secret="x" * 40)
    by_hand(running.data_dir, f"VACUUM INTO '{tmp_path / 'flowkeys.db'}'")
    for older in ("UPDATE alembic_version SET version_num = '0009'", "DROP TABLE alembic_version"):
        by_hand(tmp_path, older)
        with pytest.raises(ConfigurationError, match="older version"):
            Verifier.local(tmp_path, secret="x" * 40)


def test_a_database_that_breaks_is_an_outage(running: Running, tmp_path: Path) -> None:
    """What was kept in memory is not trusted once changes cannot be read."""
    made = running.key()
    by_hand(running.data_dir, f"VACUUM INTO '{tmp_path / 'flowkeys.db'}'")
    shutil.copy(running.data_dir / "secret", tmp_path)
    with Verifier.local(tmp_path) as verifier:
        assert code(verifier.verify(token=made["apiKey"])) == "valid"
        by_hand(tmp_path, "DROP TABLE change")

        def said() -> str:
            try:
                return code(verifier.verify(token=made["apiKey"]))
            except Unavailable:
                return "unavailable"

        eventually(said, "unavailable")


def test_a_database_that_was_replaced_is_read(tmp_path: Path) -> None:
    """What was kept of the old file does not count, and changes of the new one do."""
    server = Running(tmp_path / "data").start()
    first, second = server.key("first"), server.key("second")

    def put(name: str) -> None:
        for beside in ("flowkeys.db-wal", "flowkeys.db-shm"):
            (server.data_dir / beside).unlink(missing_ok=True)
        (tmp_path / name / "flowkeys.db").rename(server.data_dir / "flowkeys.db")

    def copy(name: str) -> None:
        (tmp_path / name).mkdir()
        by_hand(server.data_dir, f"VACUUM INTO '{tmp_path / name / 'flowkeys.db'}'")

    copy("revoked")
    copy("foreign")
    by_hand(tmp_path / "revoked", "UPDATE api_key SET status = 'revoked' WHERE id = ?", first["id"])
    by_hand(tmp_path / "foreign", "UPDATE token SET digest = replace(digest, '$', '$0')")

    with Verifier.local(server.data_dir) as verifier:

        def said(made: dict) -> str:
            try:
                return code(verifier.verify(token=made["apiKey"]))
            except Unavailable:
                return "unavailable"

        assert (said(first), said(second)) == ("valid", "valid")
        server.stop()
        put("revoked")
        eventually(lambda: said(first), "revoked_key")
        assert said(second) == "valid"
        again = Running(server.data_dir).start()
        third = again.key("third")
        eventually(lambda: said(third), "valid")
        by_hand(server.data_dir, "UPDATE api_key SET status = 'disabled' WHERE id = ?", second["id"])
        eventually(lambda: said(second), "disabled_key")
        copy("back")
        again.stop()
        (server.data_dir / "flowkeys.db").unlink()
        eventually(lambda: said(third), "unavailable")
        put("foreign")
        eventually(lambda: said(third), "unavailable")
        put("back")
        eventually(lambda: said(third), "valid")
        assert (said(first), said(second)) == ("revoked_key", "disabled_key")
