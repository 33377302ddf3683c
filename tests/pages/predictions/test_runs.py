"""Runs on pages: listed, looked at step by step, answered by those who may."""

import json
from collections.abc import Iterator

import pytest

from tests.pages.forms import browse
from tests.pages.reading import words
from tests.support.flows import approval, bound_key, make_chatflow, make_waiting
from tests.support.people import person
from tests.support.server import Api, Running


@pytest.fixture(scope="module")
def waiting(server: Running, owner: Api) -> Iterator[tuple[dict, Api]]:
    """A chatflow that asks a person, and a caller of it."""
    chatflow, token = make_waiting(owner)
    with server.api(token) as api:
        yield chatflow, api


def ask(waiting: tuple[dict, Api], question: str) -> str:
    """Begin a run that waits; return its id."""
    chatflow, api = waiting
    asked = api.post(f"/prediction/{chatflow['id']}", json={"question": question, "chatId": question})
    return str(asked.json()["executionId"])


def test_a_waiting_run_is_answered_on_its_page(server: Running, waiting: tuple[dict, Api]) -> None:
    """With feedback; then it is done, and a second answer is told so and does nothing."""
    run = ask(waiting, "paint the fence")
    pages = browse(server, person(server))
    listed = words(pages.get(f"/executions?state=STOPPED&chatflow={waiting[0]['id']}"))
    assert "paint the fence" in listed
    assert "Go on with paint the fence?" in listed
    page = words(pages.get(f"/executions/{run}"))
    assert "It waits for an answer" in page
    assert "2 steps" in page
    sent = pages.post(f"/executions/{run}/answer", data={"type": "proceed", "feedback": "in green"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/executions/{run}")
    page = words(pages.get(f"/executions/{run}"))
    assert "Answered. The run is done." in page
    assert "done: in green K" in page
    assert "It waits for an answer" not in page
    pages.post(f"/executions/{run}/answer", data={"type": "reject"})
    assert "Nothing was done. The run was answered already." in words(pages.get(f"/executions/{run}"))


def test_an_answer_that_a_quota_refuses_says_whose_it_is(server: Running, owner: Api) -> None:
    """It is a call of the key that began the run, which waits on."""
    chatflow, _ = make_waiting(owner)
    key = bound_key(owner, chatflow, "used up", quotas=[{"calls": 1, "period": "month"}])
    with server.api(key["apiKey"]) as api:
        run = ask((chatflow, api), "once and no more")
    pages = browse(server, person(server))
    pages.post(f"/executions/{run}/answer", data={"type": "proceed"})
    page = words(pages.get(f"/executions/{run}"))
    assert "Nothing was done: it counts as a call of who began the run." in page
    assert "It waits for an answer" in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"type": "perhaps"}, "Choose whether the run proceeds."),
        ({"type": "proceed", "feedback": "x" * 10_001}, "at most 10000 characters"),
    ],
)
def test_a_form_of_another_shape_answers_nothing(
    server: Running, waiting: tuple[dict, Api], form: dict[str, str], said: str
) -> None:
    """It says what is wrong, and the run waits on."""
    run = ask(waiting, f"{said} once")
    pages = browse(server, person(server))
    refused = pages.post(f"/executions/{run}/answer", data=form)
    assert refused.status_code == 422
    assert said in words(refused)
    assert "It waits for an answer" in words(pages.get(f"/executions/{run}"))


def test_what_callers_wrote_is_text(server: Running, owner: Api) -> None:
    """In the list, in steps and in what is asked."""
    flow = approval()
    waiting = make_waiting(owner, flow)
    with server.api(waiting[1]) as api:
        run = ask((waiting[0], api), "<script>alert(1)</script>")
    pages = browse(server, person(server))
    for path in (f"/executions?chatflow={waiting[0]['id']}", f"/executions/{run}"):
        page = pages.get(path)
        assert "<script>alert(1)" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text


def test_who_may_look_may_not_answer(server: Running, waiting: tuple[dict, Api]) -> None:
    """A viewer sees no buttons, and is refused where they would lead; who may see no runs sees no page."""
    run = ask(waiting, "look only")
    viewer = browse(server, person(server, role="viewer"))
    page = viewer.get(f"/executions/{run}")
    assert "You may look at runs, not answer them." in words(page)
    assert 'value="proceed"' not in page.text
    assert 'value="proceed"' not in viewer.get("/executions?state=STOPPED").text
    assert viewer.post(f"/executions/{run}/answer", data={"type": "proceed"}).status_code == 403


def test_the_list_goes_on_page_by_page(server: Running) -> None:
    """25 a page, and empty ones say what belongs there."""
    owner = server.owner("runs page by page")
    pages = browse(server, person(server, workspace="runs page by page"))
    assert "No runs yet" in words(pages.get("/executions"))
    assert "Nothing waits for you" in words(pages.get("/executions?state=STOPPED"))
    assert "Nothing failed" in words(pages.get("/executions?state=ERROR"))
    chatflow, token = make_waiting(owner)
    with server.api(token) as api:
        runs = [ask((chatflow, api), f"question {number}") for number in range(26)]
    first = pages.get("/executions")
    assert "question 25" in words(first)
    assert "Older" in words(first)
    older = words(pages.get(f"/executions?before={runs[1]}"))
    assert "question 0" in older
    assert "question 1 " not in older
    assert "Nothing older" in words(pages.get(f"/executions?before={runs[0]}"))


def test_a_graph_marks_what_cannot_run_and_says_why(server: Running, owner: Api) -> None:
    """In place, and in words; nodes that can run are not marked."""
    flow = json.loads(approval())
    flow["nodes"][1]["data"]["name"] = "noSuchAgentflow"
    flow["nodes"][2]["data"]["inputs"] = {"directReplyMessage": {"not": "a text"}}
    chatflow = make_chatflow(owner, "Broken", json.dumps(flow))
    page = browse(server, person(server)).get(f"/chatflows/{chatflow['id']}")
    assert page.text.count('<g class="broken">') == 2
    assert "<title>Cannot run: this server has no nodes of the kind noSuchAgentflow.</title>" in page.text
    shown = words(page)
    assert "Cannot run: directReplyMessage is not a text." in shown
    whole = make_chatflow(owner, "Whole", approval())
    assert "broken" not in browse(server, person(server)).get(f"/chatflows/{whole['id']}").text
