"""What the other tests of pages rely on: a window reports what it must never see."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.pages.conftest import Visit
from tests.pages.site import html, site
from tests.pages.watched import Watched

SCRIPTED = html("", '<script src="/a.js"></script>')


def look(browser: Browser, pages: dict[str, Any], **options: Any) -> Watched:
    """Return what a window saw on the first page of a site; the window is closed."""
    with site(pages) as url:
        window = Watched(browser, url, **options).go("/")
        window.found = window.problems()
        window.close()
    return window


@pytest.mark.parametrize(
    ("pages", "problem"),
    [
        pytest.param({"/": html('<p style="color: red">')}, "violation: style-src", id="an inline style"),
        pytest.param({"/": html("<script>1</script>")}, "violation: script-src", id="an inline script"),
        pytest.param(
            {"/": html('<img src="http://flowkeys.example/x.png" alt="">')},
            "request to another origin: http://flowkeys.example/x.png",
            id="an image from elsewhere",
        ),
        pytest.param({"/": SCRIPTED, "/a.js": "missing()"}, "page error: missing is not", id="an exception"),
        pytest.param(
            {"/": SCRIPTED, "/a.js": "Promise.reject(new Error('late'))"},
            "page error: late",
            id="a rejection",
        ),
        pytest.param(
            {"/": SCRIPTED, "/a.js": "console.warn('odd')"}, "console: warning: odd", id="a warning"
        ),
        pytest.param({"/": (404, html(""))}, "console: error: Failed to load", id="a page that is not there"),
        pytest.param({"/": SCRIPTED, "/a.js": (500, "")}, "status of 500", id="a script that fails to load"),
    ],
)
def test_a_window_reports_what_no_page_of_ours_does(browser: Browser, pages: dict, problem: str) -> None:
    """Each of these fails the test in which it happens."""
    found = look(browser, pages).found
    assert any(problem in line for line in found), found


def test_a_quiet_page_is_reported_for_nothing(browser: Browser) -> None:
    """A page with a script and a log line of its own passes."""
    assert look(browser, {"/": SCRIPTED, "/a.js": "console.log('fine')"}).found == []


def test_an_expected_message_is_allowed_by_name(browser: Browser) -> None:
    """A refusal that the test provokes is no error of the page."""
    with site({"/": (422, html(""))}) as url:
        window = Watched(browser, url).go("/")
        window.allow("status of 422")
        window.check()
        window.close()


def test_a_message_that_was_allowed_must_come(browser: Browser) -> None:
    """So that no list of exceptions outlives its reason."""
    with site({"/": html("")}) as url:
        window = Watched(browser, url).go("/")
        window.allow("status of 422")
        assert window.problems() == ["allowed, but it never came: status of 422"]
        window.close()


def test_every_answer_is_recorded_also_of_pages_left_at_once(watch: Visit) -> None:
    """A token in any answer would be found, whatever the page did with it."""
    hop = "fetch('/data.json').then((got) => got.text()).then(() => { location.href = '/second' })"
    pages = {
        "/": SCRIPTED,
        "/a.js": hop,
        "/data.json": '{"in": "data"}',
        "/second": html("<p>second</p>"),
    }
    with site(pages) as url:
        window = watch(url).go("/")
        window.page.get_by_text("second").wait_for()
        texts = {answer.url.removeprefix(url): answer.text for answer in window.answers()}
    assert texts == pages


def test_an_answer_that_came_in_pieces_is_recorded_whole(watch: Visit) -> None:
    """A streamed answer is read like any other."""
    script = """fetch('/events').then(async (got) => {
        const reader = got.body.getReader();
        while (!(await reader.read()).done);
        document.querySelector('h1').textContent = 'All read';
    })"""
    with site({"/": SCRIPTED, "/a.js": script, "/events": ["data: one\n\n", "data: two\n\n"]}) as url:
        window = watch(url).go("/")
        window.page.get_by_text("All read").wait_for()
        (events,) = [answer for answer in window.answers() if answer.url == f"{url}/events"]
    assert events.text == "data: one\n\ndata: two\n\n"


@pytest.mark.parametrize(
    ("script", "trace"),
    [
        pytest.param("document.querySelector('h1').append('fl-sec' + 'ret')", "DOM", id="in the document"),
        pytest.param("localStorage.x = 'fl-sec' + 'ret'", "kept", id="in storage"),
        pytest.param("history.replaceState('fl-sec' + 'ret', '')", "kept", id="in the history"),
        pytest.param("document.querySelector('input').value = 'fl-sec' + 'ret'", "kept", id="in a field"),
        pytest.param("fetch('/?fl-sec' + 'ret')", "address", id="in an address"),
        pytest.param("fetch('/token').then((got) => got.text())", "answer", id="in an answer"),
    ],
)
def test_a_secret_is_traced_wherever_it_is(watch: Visit, script: str, trace: str) -> None:
    """A test that finds no trace has looked everywhere."""
    pages = {"/": html("<input aria-label=x>", '<script src="/a.js" defer></script>'), "/a.js": script}
    with site({**pages, "/token": "the token is fl-secret"}) as url:
        window = watch(url).go("/")
        assert {line.partition(":")[0] for line in window.traces("fl-secret")} == {trace}


def test_a_window_has_the_theme_and_the_width_it_was_asked_for(watch: Visit) -> None:
    """Both are what the stylesheet sees."""
    with site({"/": html("")}) as url:
        page = watch(url, theme="dark", width=390).go("/").page
        seen = page.evaluate("[matchMedia('(prefers-color-scheme: dark)').matches, innerWidth]")
    assert seen == [True, 390]


def test_a_window_without_javascript_runs_none(watch: Visit) -> None:
    """The page is what the server sent."""
    with site({"/": SCRIPTED, "/a.js": "document.title = 'changed'"}) as url:
        assert watch(url, javascript=False).go("/").page.title() == "A page"
