"""Runs that wait for a person outlive their process, and an answer that was cut off is not the last."""

import json
import os
import signal
import threading
from contextlib import suppress

import httpx
import pytest

from tests.durability.process import Serve
from tests.durability.workers import is_alive, wait_for_processes
from tests.support.flows import PROCEED, approval, edge, make_waiting, with_models
from tests.support.raw_model import in_a_thread, whole
from tests.support.server import Api
from tests.support.waiting import until

ANSWER = {"chatId": "s", "humanInput": PROCEED}


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
    done = until(lambda: _answered(served.api(token), chatflow), "an answer")
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


def _answered(api: Api, chatflow: dict) -> dict | None:
    response = api.post(f"/prediction/{chatflow['id']}", json=ANSWER)
    found: dict | None = response.json() if response.status_code == 200 else None
    return found
