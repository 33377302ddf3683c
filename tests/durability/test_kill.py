"""The server is killed in the middle of everything: what it acknowledged is there when it is back."""

import asyncio
import json
import os
import random
import signal
import threading
from collections import Counter
from contextlib import suppress
from functools import partial

import httpx
import pytest

from tests.durability.process import Serve, Served
from tests.durability.storm import Key, Ledger, rage
from tests.durability.workers import (
    OFTEN,
    answered_by,
    ask_often,
    is_alive,
    wait_for_answers,
    wait_for_processes,
)
from tests.support.audit import assert_whole
from tests.support.databases import ON_POSTGRES
from tests.support.flows import PROCEED, approval, edge, make_chatflow, make_waiting, with_models
from tests.support.raw_model import in_a_thread, whole
from tests.support.server import Api
from tests.support.waiting import until

CODES = {"active": "valid", "disabled": "disabled_key", "revoked": "revoked_key"}
ANSWER = {"chatId": "s", "humanInput": PROCEED}
AFTER = {"key.enable": "active", "key.disable": "disabled", "key.revoke": "revoked"}
TOKENS = 100
EVERY = 10


@pytest.mark.parametrize(
    "rounds", [pytest.param(2, id="2"), pytest.param(50, id="50", marks=pytest.mark.slow)]
)
def test_what_was_acknowledged_survives_kill_9(serve: Serve, rounds: int) -> None:
    """Round after round on the same data: keys, changes and both messages of each turn are all there."""
    served = serve()
    ledger = Ledger()
    owner = served.owner()
    chatflow = make_chatflow(owner)["id"]
    for number in range(rounds):
        calls = random.Random(number).randint(20, 100)
        asyncio.run(rage(served.url, owner.token, chatflow, ledger, number, served.kill, calls))
        served.start()
        check_keys(served.api(owner.token), ledger.keys)
        check_messages(served, ledger)
        check_journal(served, ledger)
        assert_whole(served.data_dir)
        if not ON_POSTGRES:
            assert served.rows("PRAGMA integrity_check") == [("ok",)]
            assert served.rows("PRAGMA foreign_key_check") == []
        forget_what_was_in_flight(served, ledger)


@pytest.mark.of_sqlite("the next test does it there, wherever the others keep their data")
@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="1"), pytest.param(200, id="200", marks=pytest.mark.slow)]
)
def test_what_was_acknowledged_survives_kill_9_of_one_of_several(serve: Serve, rounds: int) -> None:
    """Round after round one of three processes is killed: all that any of them acknowledged is there."""
    _storms(serve(workers=3), rounds)


@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="1"), pytest.param(50, id="50", marks=pytest.mark.slow)]
)
def test_what_was_acknowledged_survives_kill_9_on_postgres(
    serve: Serve, postgres_url: str, rounds: int
) -> None:
    """The same, with the data in PostgreSQL."""
    _storms(serve(workers=3, database=postgres_url), rounds)


def _storms(served: Served, rounds: int) -> None:
    """Kill one process in each round; in every tenth the one that started the others, with which all end."""
    ledger = Ledger()
    owner = served.owner()
    chatflow = make_chatflow(owner)["id"]
    chance = random.Random(9)
    for number in range(rounds):
        workers = wait_for_processes(served, 3)
        wait_for_answers(served, 3)
        is_whole = number % EVERY == EVERY - 1
        victim = served.pid if is_whole else chance.choice(sorted(workers))
        calls = chance.randint(20, 100)
        kill = partial(os.kill, victim, signal.SIGKILL)
        asyncio.run(rage(served.url, owner.token, chatflow, ledger, number, kill, calls))
        until(lambda gone=victim: not is_alive(gone), "its end")
        if is_whole:
            until(lambda gone=workers: not any(map(is_alive, gone)), "the end of all")
            served.start()
        check_keys(served.api(owner.token), ledger.keys)
        check_messages(served, ledger)
        check_journal(served, ledger)
        assert_whole(served.data_dir, served.database)
        if served.database is None:
            assert served.rows("PRAGMA integrity_check") == [("ok",)]
        forget_what_was_in_flight(served, ledger)
        print(
            f"{number + 1} rounds: {ledger.actions.total()} changes and {len(ledger.turns)} answers"
            f" acknowledged, {ledger.unavailable} callers told to come again",
            flush=True,
        )
    assert served.stop() == 0
    assert "Traceback" not in served.said()


def test_what_waits_for_a_process_that_dies_isanswered_by(serve: Serve) -> None:
    """By another one; by a successor, where all died. Each of them dies soon behind its start."""
    served = serve(workers=2)
    for count in (1, 2):
        before = wait_for_processes(served, 2)
        wait_for_answers(served, 2)
        dying = sorted(before)[-count:]
        for pid in dying:
            os.kill(pid, signal.SIGSTOP)  # so that it accepts none of what comes
        waiting = ask_often(served)
        for pid in dying:
            os.kill(pid, signal.SIGKILL)
        if count == 1:  # while nobody is there in its place
            assert len({answered_by(one) for one in waiting}) == 1
        else:
            assert len([answered_by(one) for one in waiting]) == OFTEN
        wait_for_processes(served, 2, set(dying))
    assert served.stop() == 0
    assert "Traceback" not in served.said()


def check_keys(owner: Api, keys: list[Key]) -> None:
    """Each acknowledged key verifies, and each acknowledged disabling and revocation holds."""
    wrong = []
    for start in range(0, len(keys), TOKENS):
        some = keys[start : start + TOKENS]
        body = {"tokens": [key.token for key in some]}
        answer = until(lambda body=body: _answered(owner, body), "an answer about the keys")
        assert answer is not None
        for key, verified in zip(some, answer.json()["results"], strict=True):
            possible = {CODES[key.status], CODES[AFTER.get(key.in_flight or "", key.status)]}
            if verified["code"] not in possible or verified["id"] != key.id:
                wrong.append((key, verified))
    assert wrong == []


def _answered(owner: Api, body: dict) -> httpx.Response | None:
    answer = owner.post("/apikey/verify", json=body)
    if answer.status_code == 503:  # the store is not reached yet
        return None
    assert answer.status_code == 200, answer.text
    return answer


def check_messages(served: Served, ledger: Ledger) -> None:
    """Each answered turn is stored whole, and no turn is stored by half."""
    rows = served.rows("SELECT session_id, role, id, content FROM message")
    assert len(rows) == 2 * len({session for session, *_ in rows}), "half of a turn is stored"
    stored = {(session, role): (message_id, content) for session, role, message_id, content in rows}
    lost = [
        turn
        for turn in ledger.turns
        if stored.get((turn.session, "apiMessage")) != (turn.message_id, turn.text)
        or stored.get((turn.session, "userMessage"), ("", ""))[1] != turn.question
    ]
    assert lost == []


def check_journal(served: Served, ledger: Ledger) -> None:
    """Each acknowledged change has its audit row and its row in the feed, and none has one of them."""
    audited = Counter(served.rows("SELECT subject_id, action FROM audit WHERE subject = 'key'"))
    if served.database is not None:  # of who was killed, until somebody writes
        audited.update(served.rows("SELECT subject_id, action FROM audit_unsealed WHERE subject = 'key'"))
    assert ledger.actions - audited == Counter()
    by_services = "SELECT subject_id FROM change WHERE subject = 'key' AND version > 0"  # 0: a trigger's
    fed = Counter(key_id for (key_id,) in served.rows(by_services))
    assert fed == Counter(key_id for key_id, _action in audited.elements())
    versions = dict(served.rows("SELECT id, version FROM api_key"))
    newest = dict(
        served.rows("SELECT subject_id, max(version) FROM change WHERE subject = 'key' GROUP BY subject_id")
    )
    assert versions == newest
    names = dict(served.rows("SELECT id, name FROM api_key"))
    renamed = [key for key in ledger.keys if key.in_flight != "key.update" and names[key.id] != key.name]
    assert renamed == []


def forget_what_was_in_flight(served: Served, ledger: Ledger) -> None:
    """Take the state of keys whose last call had no answer from the database: now it is known."""
    states = {row[0]: row[1:] for row in served.rows("SELECT id, status, name FROM api_key")}
    for key in ledger.keys:
        if key.in_flight is not None:
            key.status, key.name = states[key.id]
            key.in_flight = None


def _ask(api: Api, chatflow: dict) -> str:
    asked = api.post(f"/prediction/{chatflow['id']}", json={"question": "x", "chatId": "s"})
    assert asked.status_code == 200, asked.text
    return str(asked.json()["executionId"])


def test_a_run_goes_on_after_a_restart(serve: Serve) -> None:
    """Its process was killed as soon as the question was answered."""
    served = serve()
    owner = served.owner()
    chatflow, token = make_waiting(owner)
    run = _ask(served.api(token), chatflow)
    served.kill()
    served.start()
    done = served.api(token).post(f"/prediction/{chatflow['id']}", json=ANSWER).json()
    assert (done["text"], done["executionId"]) == ("done: proceed K", run)


@pytest.mark.slow
def test_a_run_goes_on_in_another_process(serve: Serve, postgres_url: str) -> None:
    """All that knew of it are killed when the answer comes; another process finds it in PostgreSQL."""
    served = serve(workers=2, database=postgres_url)
    owner = served.owner()
    chatflow, token = make_waiting(owner)
    before = wait_for_processes(served, 2)
    run = _ask(served.api(token), chatflow)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, before)), "the end of all that knew of the run")
    wait_for_processes(served, 2, set(before))
    done = until(lambda: _gone_on(served.api(token), chatflow), "an answer")
    assert done is not None
    assert (done["text"], done["executionId"]) == ("done: proceed K", run)


@pytest.mark.slow
def test_an_answer_that_was_killed_can_be_given_again(serve: Serve) -> None:
    """In the middle of the model's answer behind it: the run is not lost, and says that it was cut off."""
    with in_a_thread() as model:
        served = serve(allowed_endpoints=f"http://127.0.0.1:{model.port}")
        owner = served.owner()
        flow = json.loads(approval())
        asks = json.loads(with_models("Model", foreign="unused"))["nodes"][1]
        asks["data"]["inputs"]["llmModelConfig"] = {"modelName": "m", "basepath": model.url}
        flow["nodes"].append(asks)
        flow["edges"].append(edge("humanInputAgentflow_0", "llmAgentflow_0", "0"))
        chatflow, token = make_waiting(owner, json.dumps(flow))
        run = _ask(served.api(token), chatflow)
        model.says(60)
        calls = threading.Thread(target=_try, args=(served.api(token), chatflow), daemon=True)
        calls.start()
        until(lambda: model.sent, "a question to the model behind the answer")
        served.kill()
        calls.join()
        served.start()
        held = "SELECT state FROM execution WHERE id = ?"
        assert served.rows(held, run) == [("INPROGRESS",)]
        refused = served.api(token).post(f"/prediction/{chatflow['id']}", json=ANSWER)
        assert refused.status_code == 409
        served.rows("UPDATE execution SET taken_until = 1 WHERE id = ?", run)  # its minute is over
        said = {"role": "assistant", "content": "again"}
        answer = json.dumps({"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}).encode()
        model.says(whole(answer, b"Content-Type: application/json"))
        done = served.api(token).post(f"/prediction/{chatflow['id']}", json=ANSWER)
        assert (done.status_code, done.json()["executionId"]) == (200, run), done.text


def _try(api: Api, chatflow: dict) -> None:
    with suppress(httpx.HTTPError):
        api.post(f"/prediction/{chatflow['id']}", json=ANSWER)


def _gone_on(api: Api, chatflow: dict) -> dict | None:
    response = api.post(f"/prediction/{chatflow['id']}", json=ANSWER)
    found: dict | None = response.json() if response.status_code == 200 else None
    return found
