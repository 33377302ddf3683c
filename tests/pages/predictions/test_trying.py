"""The Try pane, and the conversations that it and others leave."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from flowkeys.flows.drafts.templates import openai_flow, python_flow
from flowkeys.outbound.endpoints import Endpoints
from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.predictions import slow_flow
from tests.pages.reading import browse, words
from tests.support.flows import bound_key, echo, events, exported, make_chatflow
from tests.support.people import SignedIn, person
from tests.support.raw_model import CHUNKED, DONE, chunk, in_a_thread, record
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS

TARGETS = tuple(f"tests.pages.predictions.slow_flow:{name}" for name in ("held", "sourced", "fail"))
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def site(serve: Callable[..., Running]) -> Running:
    """A server that may run the objects of `slow_flow`."""
    return serve(python_flows=TARGETS)


@pytest.fixture(scope="module")
def api(site: Running) -> Api:
    """A client of it that may do everything."""
    return site.owner()


@pytest.fixture(scope="module")
def who(site: Running) -> SignedIn:
    """A member with the usual permissions."""
    return person(site, "member", name="Mia")


@pytest.fixture(autouse=True)
def held() -> Iterator[None]:
    """Let nothing that one test held reach another."""
    slow_flow.GO_ON.clear()
    slow_flow.STOPPED.clear()
    yield
    slow_flow.GO_ON.set()


def flow(api: Api, name: str) -> dict:
    """Return a chatflow over an object of `slow_flow`."""
    return make_chatflow(api, name, python_flow(f"tests.pages.predictions.slow_flow:{name}"))


def asks(page: Page, question: str) -> None:
    """Type a question and send it by Enter."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def form_flow() -> str:
    """Return a flow that starts with a form of every kind of field."""
    made = json.loads(echo("{{ $form.name }} is {{ $form.age }}, {{ $form.kind }}"))
    made["nodes"][0]["data"]["inputs"] |= {
        "startInputType": "formInput",
        "formTitle": "About a walrus",
        "formInputTypes": [
            {"type": "string", "label": "Its name", "name": "name"},
            {"type": "number", "label": "Its age", "name": "age"},
            {"type": "boolean", "label": "Has tusks", "name": "tusks"},
            {
                "type": "options",
                "label": "Kind",
                "name": "kind",
                "addOptions": [{"option": "A"}, {"option": "B"}],
            },
        ],
    }
    return json.dumps(made)


def test_an_answer_is_seen_while_it_is_being_made(
    api: Api, who: SignedIn, site: Running, visit: Visit
) -> None:
    """Its beginning is on the page before the chatflow has said the rest."""
    chatflow = flow(api, "held")
    page = visit(f"/chatflows/{chatflow['id']}", who, at=site).page
    asks(page, "Are you there?")
    expect(page.locator(".turn-answer .said").first).to_have_text("the first half, ")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert not slow_flow.GO_ON.is_set()
    slow_flow.GO_ON.set()
    expect(page.locator(".turn-answer .said").first).to_have_text("the first half, the second half")
    expect(page.get_by_text("Answered in")).to_be_visible()
    expect(page.get_by_label("Your question")).to_be_focused()


def test_stopping_stops_the_run(api: Api, who: SignedIn, site: Running, visit: Visit) -> None:
    """On the server too; nothing of it is stored, and the question can be sent again."""
    chatflow = flow(api, "held")
    page = visit(f"/chatflows/{chatflow['id']}", who, at=site).page
    asks(page, "Stop me")
    expect(page.locator(".turn-answer .said").first).to_have_text("the first half, ")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped after")).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("Stop me")
    assert slow_flow.STOPPED.wait(PATIENCE_SECONDS)
    assert api.get(f"/chatflows/{chatflow['id']}/messages").json()["total"] == 0


def test_a_lost_connection_says_so_and_keeps_the_question(
    api: Api, who: SignedIn, site: Running, visit: Visit
) -> None:
    """What came so far stays, too."""
    window = visit(f"/chatflows/{flow(api, 'held')['id']}", who, at=site)
    window.allow("ERR_FAILED")
    page = window.page
    page.route("**/try", lambda route: route.abort())
    asks(page, "Hello?")
    expect(page.locator(".turn-answer .field-error")).to_contain_text("The connection was lost")
    expect(page.get_by_label("Your question")).to_have_value("Hello?")


def test_sources_and_tools_are_shown_as_text(api: Api, who: SignedIn, site: Running, visit: Visit) -> None:
    """With what is markup elsewhere, and with the white space of the answer."""
    page = visit(f"/chatflows/{flow(api, 'sourced')['id']}", who, at=site).page
    asks(page, "<script>alert(1)</script>")
    answer = page.locator(".turn-answer .said").first
    expect(answer).to_have_text("<b>bold?</b>\n  indented <script>alert(1)</script>", use_inner_text=True)
    page.get_by_text("2 sources").click()
    expect(page.get_by_text("<i>guide</i>.md")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(1)> passage")).to_be_visible()
    page.get_by_text("1 tool used").click()
    expect(page.get_by_text("search<script>")).to_be_visible()


def test_an_answer_that_was_cut_off_is_told_in_words(
    api: Api, who: SignedIn, site: Running, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is looked at, and in the conversation when the page is opened again."""
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
    with in_a_thread() as model:
        monkeypatch.setattr(site.runtime.engine.models, "_endpoints", Endpoints([model.url]))
        model.says(CHUNKED, chunk(record("Half of it") + end + DONE), chunk(b""))
        chatflow = make_chatflow(api, "Cut", openai_flow(model.url, "m"))
        page = visit(f"/chatflows/{chatflow['id']}", who, at=site).page
        asks(page, "All of it?")
        expect(page.locator("[data-unfinished]")).to_contain_text("The answer is cut off")
        expect(page.get_by_text("Answered in")).to_be_visible()
    page.goto(f"{site.url}/chatflows/{chatflow['id']}/conversations")
    page.get_by_role("link", name="All of it?").click()
    expect(page.get_by_text("The answer is cut off")).to_be_visible()
    assert_accessible(page)


def test_a_failure_is_told_in_words(api: Api, who: SignedIn, site: Running, visit: Visit) -> None:
    """Without what the object said of itself, and with the question kept."""
    page = visit(f"/chatflows/{flow(api, 'fail')['id']}", who, at=site).page
    asks(page, "Work!")
    expect(page.locator(".turn-answer .field-error")).to_contain_text("raised RuntimeError")
    expect(page.get_by_label("Your question")).to_have_value("Work!")
    assert "hunter2" not in page.content()


def test_the_conversation_goes_on_until_a_new_one_begins(
    api: Api, who: SignedIn, site: Running, visit: Visit
) -> None:
    """Two questions are one session; after New conversation there is another."""
    chatflow = make_chatflow(api)
    page = visit(f"/chatflows/{chatflow['id']}", who, at=site).page
    for number, question in enumerate(("one", "two"), 1):
        asks(page, question)
        expect(page.get_by_text("Answered in")).to_have_count(number)
    page.get_by_role("link", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    asks(page, "three")
    expect(page.get_by_text("Answered in")).to_have_count(1)
    messages = api.get(f"/chatflows/{chatflow['id']}/messages").json()["data"]
    sessions = [item["sessionId"] for item in messages if item["role"] == "userMessage"]
    assert sessions[0] != sessions[1] == sessions[2]


def test_shift_and_enter_begin_a_line(api: Api, who: SignedIn, site: Running, visit: Visit) -> None:
    """And send nothing."""
    page = visit(f"/chatflows/{make_chatflow(api)['id']}", who, at=site).page
    page.get_by_label("Your question").fill("one")
    page.keyboard.press("End")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(page.get_by_label("Your question")).to_have_value("one\ntwo")
    expect(page.locator(".turn")).to_have_count(0)


def test_the_end_is_announced_and_not_every_piece(
    api: Api, who: SignedIn, site: Running, visit: Visit
) -> None:
    """What screen readers hear."""
    page = visit(f"/chatflows/{make_chatflow(api)['id']}", who, at=site).page
    asks(page, "hi")
    expect(page.locator("#announce")).to_have_text("Answered: You said: hi")
    assert page.locator(".try [aria-live]").count() == 0


def test_it_works_without_scripts(api: Api, who: SignedIn, site: Running, visit: Visit) -> None:
    """The page that follows shows what was said so far, and goes on with it."""
    chatflow = make_chatflow(api)
    page = visit(f"/chatflows/{chatflow['id']}", who, at=site, javascript=False).page
    for number, question in enumerate(("first", "second"), 1):
        page.get_by_label("Your question").fill(question)
        page.get_by_role("button", name="Ask").click()
        expect(page.locator(".turn-answer")).to_have_count(number)
    expect(page.locator(".turn-answer .said[data-text]")).to_have_text(
        ["You said: first", "You said: second"]
    )


def test_a_failure_without_scripts_keeps_the_question(api: Api, who: SignedIn) -> None:
    """Beside the field."""
    chatflow = flow(api, "fail")
    with browse(who) as browser:
        page = browser.post(f"/chatflows/{chatflow['id']}/try", data={"question": "Work!"})
    assert page.status_code == 502
    assert "raised RuntimeError" in words(page)
    assert ">Work!</textarea>" in page.text


def test_the_stream_is_the_one_that_predictions_send(api: Api, who: SignedIn) -> None:
    """The same events in the same order, under the headers of a page."""
    chatflow = make_chatflow(api)
    with browse(who, **STREAM) as browser:
        answer = browser.post(f"/chatflows/{chatflow['id']}/try", data={"question": "hi"})
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    got = [item["event"] for item in events(answer.text)]
    assert (got[0], got[-2:]) == ("start", ["metadata", "end"])
    assert "token" in got


def test_no_question_is_refused_before_the_stream(api: Api, who: SignedIn) -> None:
    """As a problem that the script can read."""
    chatflow = make_chatflow(api)
    with browse(who, **STREAM) as browser:
        answer = browser.post(f"/chatflows/{chatflow['id']}/try", data={"question": ""})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


def test_a_key_is_not_a_way_in(site: Running, api: Api) -> None:
    """The pane is for people who are signed in."""
    chatflow = make_chatflow(api)
    key = bound_key(api, chatflow, permissions=["chatflows:update"])
    headers = {"Authorization": f"Bearer {key['apiKey']}", "Origin": site.url}
    answer = site.api().post(f"{site.url}/chatflows/{chatflow['id']}/try", headers=headers)
    assert answer.status_code == 401


def test_another_persons_conversation_is_not_shown(api: Api, who: SignedIn, site: Running) -> None:
    """Though one knows its id, the page shows nothing of it."""
    chatflow = make_chatflow(api)
    with browse(who) as browser:
        address = browser.post(f"/chatflows/{chatflow['id']}/try", data={"question": "mine"}).headers[
            "location"
        ]
        assert "You said: mine" in words(browser.get(address))
    with browse(person(site)) as browser:
        assert "You said: mine" not in words(browser.get(address))


def test_a_form_is_filled_in_as_the_start_node_asks(
    api: Api, who: SignedIn, site: Running, visit: Visit
) -> None:
    """Texts, numbers, choices and boxes; what is wrong is told in words."""
    page = visit(f"/chatflows/{make_chatflow(api, flow_data=form_flow())['id']}", who, at=site)
    page.allow("status of 422")
    pane = page.page.locator("#try")
    expect(pane.get_by_role("heading", name="About a walrus")).to_be_visible()
    pane.get_by_label("Its name").fill("Wally")
    pane.get_by_role("button", name="Ask").click()
    expect(pane.locator(".field-error").first).to_contain_text("Its age is missing.")
    pane.get_by_label("Its age").fill("12")
    pane.get_by_label("Kind").select_option("B")
    pane.get_by_role("button", name="Ask").click()
    expect(pane.locator(".turn-answer .said[data-text]").nth(1)).to_have_text("Wally is 12, B")


def test_a_form_without_scripts_tells_each_field(api: Api, who: SignedIn) -> None:
    """And keeps what was filled in."""
    chatflow = make_chatflow(api, flow_data=form_flow())
    with browse(who) as browser:
        page = browser.post(f"/chatflows/{chatflow['id']}/try", data={"form.name": "Wally", "form.kind": "B"})
    assert page.status_code == 422
    assert "Its age is missing." in words(page)
    assert 'value="Wally"' in page.text
    assert "<option selected>B</option>" in page.text


def test_what_the_page_has_no_field_for_is_said(api: Api, who: SignedIn) -> None:
    """By the label of what is missing."""
    made = json.loads(form_flow())
    made["nodes"][0]["data"]["inputs"]["formInputTypes"][0]["type"] = "hologram"
    chatflow = make_chatflow(api, flow_data=json.dumps(made))
    with browse(who) as browser:
        assert "has no field for Its name" in words(browser.get(f"/chatflows/{chatflow['id']}"))


@pytest.mark.parametrize("form", [{}, "x", [1, {"name": 4}, {"name": "n", "type": ["?"], "addOptions": 7}]])
def test_a_malformed_form_breaks_no_page(api: Api, who: SignedIn, form: object) -> None:
    """The chatflow is shown all the same."""
    made = json.loads(exported())
    made["nodes"][0]["data"]["inputs"] = {"startInputType": "formInput", "formInputTypes": form}
    chatflow = make_chatflow(api, flow_data=json.dumps(made))
    with browse(who) as browser:
        assert browser.get(f"/chatflows/{chatflow['id']}").status_code == 200


def test_conversations_say_who_had_them(api: Api, who: SignedIn, site: Running) -> None:
    """A key by its name, a person by theirs, or nobody that is known."""
    chatflow = flow(api, "sourced")
    key = bound_key(api, chatflow, "Website")
    site.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "by key"})
    with browse(who) as browser:
        browser.post(f"/chatflows/{chatflow['id']}/try", data={"question": "by person"})
        api.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
        site.api().post(f"/prediction/{chatflow['id']}", json={"question": "by anybody"})
        page = words(browser.get(f"/chatflows/{chatflow['id']}/conversations"))
    assert "by anybody in public, without a key · 2 messages" in page
    assert "by person tried by Mia · 2 messages" in page
    assert "by key key Website · 2 messages" in page


def test_one_conversation_shows_what_was_said_in_order(api: Api, who: SignedIn, site: Running) -> None:
    """The question before the answer, with its sources, as text."""
    chatflow = flow(api, "sourced")
    caller = site.api(bound_key(api, chatflow)["apiKey"])
    for question in ("first", "second"):
        caller.post(f"/prediction/{chatflow['id']}", json={"question": question, "sessionId": "s"})
    with browse(who) as browser:
        listed = browser.get(f"/chatflows/{chatflow['id']}/conversations").text
        address = listed.split('class="conversation-first" href="')[1].split('"')[0]
        page = browser.get(address)
    said = words(page)
    places = [said.index(text) for text in ("first", "indented first", "second", "indented second")]
    assert places == sorted(places)
    assert "<i>guide</i>.md" in said
    assert "<i>guide" not in page.text


def test_older_conversations_are_a_page_further(api: Api, who: SignedIn, site: Running) -> None:
    """Each once, the latest first."""
    chatflow = make_chatflow(api)
    caller = site.api(bound_key(api, chatflow)["apiKey"])
    for number in range(27):
        caller.post(f"/prediction/{chatflow['id']}", json={"question": f"Q{number:02}."})
    with browse(who) as browser:
        first = browser.get(f"/chatflows/{chatflow['id']}/conversations")
        older = first.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        second = browser.get(older)
    assert [number for number in range(27) if f"Q{number:02}." in words(first)] == list(range(2, 27))
    assert [number for number in range(27) if f"Q{number:02}." in words(second)] == [0, 1]


@pytest.mark.parametrize("path", ["/conversations?older=x", "/conversations/x", "/conversations/x?page=x"])
def test_a_conversation_that_is_none_is_not_there(api: Api, who: SignedIn, path: str) -> None:
    """It answers 404 and breaks nothing."""
    with browse(who) as browser:
        assert browser.get(f"/chatflows/{make_chatflow(api)['id']}{path}").status_code == 404


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_what_is_said_is_accessible_and_fits(
    api: Api, who: SignedIn, site: Running, visit: Visit, theme: str, width: int
) -> None:
    """On the pane, in the list and in a conversation."""
    chatflow = flow(api, "sourced")
    window = visit(f"/chatflows/{chatflow['id']}/try", who, at=site, theme=theme, width=width)
    asks(window.page, "ل" + "x" * 300)
    expect(window.page.get_by_text("Answered in")).to_be_visible()
    window.page.get_by_text("2 sources").click()
    assert_accessible(window.page)
    window.go(f"/chatflows/{chatflow['id']}/conversations")
    assert_accessible(window.page)
    window.page.locator(".conversation-first").first.click()
    window.page.get_by_text("2 sources").first.click()
    assert_accessible(window.page)
    assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
