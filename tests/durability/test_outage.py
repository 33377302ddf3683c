"""The disk is full, the file is broken, another process holds the lock: 503, never 401 and never 200."""

import contextlib
import json
import os
import resource
import time
from collections.abc import Iterator

import pytest

from tests.durability.process import Serve, Served
from tests.support.databases import PROMISED_SECONDS
from tests.support.flows import bound_key, events, make_chatflow, make_key


@contextlib.contextmanager
def full_disk(served: Served) -> Iterator[None]:
    """Let no file of the server's grow, its log among them: what a full disk does to it."""
    soft, hard = resource.prlimit(served.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(served.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(served.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def locked(served: Served) -> Iterator[None]:
    """Hold the write lock of the database, as a backup that went wrong does."""
    with served.shell() as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


def check_unavailable(answer) -> None:
    """Check that an answer is an outage, says when to come back, and shows nothing of the inside."""
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert "sqlite" not in answer.text.lower()


@pytest.mark.of_sqlite("the disk of this process is full; that of PostgreSQL is the server's")
@pytest.mark.parametrize("log_elsewhere", [True, False], ids=["log elsewhere", "log on the same disk"])
def test_a_full_disk_is_an_outage(serve: Serve, log_elsewhere: bool) -> None:
    """Nothing is acknowledged that is not stored; what needs no disk goes on; room on the disk heals it."""
    served = serve(log_elsewhere=log_elsewhere)
    owner = served.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    caller, path = served.api(key["apiKey"]), f"/prediction/{chatflow['id']}"
    question = {"question": "Hello"}
    gone = make_key(owner)["id"]
    assert owner.delete(f"/apikey/{gone}").json()["affected"] == 1
    assert caller.post(path, json=question).status_code == 200
    with full_disk(served):
        for _ in range(2):
            check_unavailable(caller.post(path, json=question))
            check_unavailable(owner.post("/apikey", json={"keyName": "new"}))
            check_unavailable(owner.delete(f"/apikey/{key['id']}"))
            streamed = caller.post(path, json={**question, "streaming": True})
            *_, failed, end = events(streamed.text)
            assert (failed["event"], failed["code"], end["event"]) == ("error", "unavailable", "end")
            assert owner.get("/apikey").status_code == 200
            assert owner.post("/apikey/verify", json={"token": key["apiKey"]}).json()["valid"] is True
            assert served.api("fl-" + "0" * 32).get("/apikey").status_code == 401
            check_unavailable(served.api().get("/health"))
            unchanged = owner.delete(f"/apikey/{gone}")
            assert (unchanged.status_code, unchanged.json()["affected"]) == (200, 0), "which needs no disk"
            check_unavailable(served.api().get("/health"))
            assert served.api().get("/ping").text == "pong"
    assert served.api().get("/health").json() == {
        "status": "ok"
    }  # found out by itself: nothing was written yet
    assert served.rows("SELECT count(*) FROM message") == [(2,)]
    assert caller.post(path, json=question).status_code == 200
    assert owner.delete(f"/apikey/{key['id']}").json()["affected"] == 1
    refused = caller.post(path, json=question)
    assert (refused.status_code, refused.json()["code"]) == (401, "revoked_key")
    assert served.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.of_sqlite("one lock for all writes; tests/storage/postgres has a row that is locked")
def test_a_locked_database_is_an_outage(serve: Serve) -> None:
    """Writes give up after the busy time with 503; reads and checks of keys do not wait for it."""
    served = serve()
    owner = served.owner()
    chatflow = make_chatflow(owner)
    caller, path = served.api(bound_key(owner, chatflow)["apiKey"]), f"/prediction/{chatflow['id']}"
    with locked(served):
        check_unavailable(caller.post(path, json={"question": "Hello"}))
        # Who waits for the lock, which is held until the end of this, gets a 503 like the write.
        assert owner.get("/apikey").status_code == 200
        assert caller.post("/apikey/verify", json={}).json()["valid"] is True
    assert caller.post(path, json={"question": "Hello"}).status_code == 200


@pytest.mark.of_sqlite("the file is cut")
@pytest.mark.parametrize("known", [True, False], ids=["right key", "another key"])
def test_a_broken_file_is_an_outage(serve: Serve, known: bool) -> None:
    """When the store cannot be read nobody is told that a key is wrong, and nobody is let in.

    With every key in memory it is known which are wrong; so there are more here than are kept.
    """
    served = serve(cached_keys=1)
    owner = served.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    served.stop()
    served.start()
    token = key["apiKey"] if known else _another(served.data_dir)
    with served.shell() as other:
        other.execute("SELECT * FROM workspace").fetchall()
        os.truncate(served.data_dir / "flowkeys.db", 4096)
        # SQLite keeps what it has read until anybody commits. So does the server; then it has to look.
        other.execute("UPDATE workspace SET created_at = created_at + 1")
        time.sleep(PROMISED_SECONDS)
        question = {"question": "Hello"}
        check_unavailable(served.api(token).post(f"/prediction/{chatflow['id']}", json=question))
        if known:  # who may do what is in memory; what there is to see is not
            check_unavailable(served.owner().get("/apikey"))
        else:
            check_unavailable(served.api(token).get("/apikey"))


def test_a_key_whose_row_was_spoilt_by_hand_is_an_outage_for_itself_alone(serve: Serve) -> None:
    """Each of its calls is logged once, with the cause; all others are answered, before and after a start."""
    served = serve()
    owner = served.owner()
    good, bad = make_key(owner), make_key(owner)
    with served.shell() as other:
        other.execute("UPDATE api_key SET permissions = 'logs:view' WHERE id = ?", (bad["id"],))
    for named in (0, 1):
        for path in ("/auth/verify", "/apikey"):
            check_unavailable(served.api(bad["apiKey"]).get(path))
        assert served.api(good["apiKey"]).get("/auth/verify").status_code == 200
        assert served.api(_another(served.data_dir)).get("/auth/verify").status_code == 401
        served.stop()
        log = served.log.read_text("utf-8")
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        outages = [line for line in lines if line["event"] == "unavailable"]
        assert [bad["id"] in line["detail"] and "DecodeError" in line["cause"] for line in outages] == [
            True
        ] * 2
        warned = [line for line in lines if line["event"] == "unreadable_key"]
        assert [(line["level"], line["key_id"]) for line in warned] == [("warning", bad["id"])] * named
        told = {line["event"] for line in lines if line["level"] != "info"}
        assert told == {"unavailable", *(["unreadable_key"] * named)}
        assert bad["apiKey"] not in log
        if not named:
            served.start()


def _another(_data_dir) -> str:
    from flowkeys.domain.keys.token import Token

    return Token.mint().reveal()
