"""``/keys/{id}/rotate``: a new token, shown once, while the old one goes on; and the end of the old one."""

import re
from html import unescape

import httpx
import pytest
from playwright.sync_api import expect

from flowkeys.domain.keys.token import PATTERN
from tests.pages.axe import assert_accessible
from tests.pages.conftest import Visit
from tests.pages.forms import browse, fields
from tests.pages.keys.test_dialogs import fits
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running


@pytest.fixture(scope="module")
def ada(server: Running) -> SignedIn:
    """An owner who is signed in."""
    return person(server, "owner", name="Ada")


@pytest.fixture
def pages(server: Running, ada: SignedIn) -> Api:
    """The owner's browser."""
    return browse(server, ada)


def plain(answer: httpx.Response) -> str:
    """Return the words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def rotate(pages: Api, key: dict, **changes: list[str]) -> httpx.Response:
    """Send the form as it is shown first, with some of it changed."""
    path = f"/keys/{key['id']}/rotate"
    return pages.post(path, data={**fields(pages.get(path)), **changes})


def test_a_key_is_rotated_as_it_was_chosen(server: Running, owner: Api, pages: Api) -> None:
    """The new token is shown once; the key's page says what becomes of the old one, and who still has it."""
    key = bound_key(owner, make_chatflow(owner), "Rotated")
    answer = rotate(pages, key, grace=["604800"], unused=["21600"])
    assert answer.status_code == 200
    (new,) = PATTERN.findall(answer.text)
    assert new != key["apiKey"]
    assert "The old token works until" in plain(answer)
    shown = owner.get(f"/apikey/{key['id']}").json()["rotation"]
    assert shown["finishWhenUnusedSeconds"] == 21_600
    view = plain(pages.get(f"/keys/{key['id']}"))
    assert "It was not used since." in view
    assert "until it was not used for 6 hours" in view
    with server.api(key["apiKey"], **{"User-Agent": "<b>billing</b>/1"}) as api:
        assert api.get("/auth/verify").status_code == 200
    page = pages.get(f"/keys/{key['id']}")
    assert "from 127.0.0.1 , by <b>billing</b>/1 ; 1 use since it was replaced" in plain(page)
    assert "<b>billing" not in page.text
    assert new not in page.text


def test_a_form_rotates_once(owner: Api, pages: Api) -> None:
    """Sent again, it shows no token, and says what to do if the first was not copied."""
    key = make_key(owner, "Once")
    form = {**fields(pages.get(f"/keys/{key['id']}/rotate")), "grace": ["0"]}
    first, second = (pages.post(f"/keys/{key['id']}/rotate", data=form) for _ in range(2))
    assert first.status_code == 200
    assert second.status_code == 409
    assert PATTERN.findall(second.text) == []
    assert "rotated then, and not once more now" in plain(second)


def test_what_is_wrong_is_said_and_nothing_is_rotated(owner: Api, pages: Api) -> None:
    """Nothing chosen, nonsense, longer unused than the grace; what was chosen stays."""
    key = make_key(owner, "Refused")
    for changes, words in (
        ({"grace": []}, "Choose how long the old token is to work."),
        ({"grace": ["soon"]}, "Choose how long the old token is to work."),
        ({"grace": ["9999999"]}, "seconds (90 days)"),
        ({"grace": ["3600"], "unused": ["86400"]}, "no more than graceSeconds"),
        ({"grace": ["3600"], "form": ["x"]}, "too old"),
    ):
        answer = rotate(pages, key, **changes)
        assert answer.status_code == 422, changes
        assert words in plain(answer)
        if changes["grace"] == ["3600"]:
            assert fields(answer)["grace"] == ["3600"]
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"] is None


def test_while_a_rotation_is_under_way_the_page_shows_it_instead(owner: Api, pages: Api) -> None:
    """The form that was open before is refused with the reason; a form to end is there, and ends it once."""
    key = make_key(owner, "Under way")
    form = fields(pages.get(f"/keys/{key['id']}/rotate"))
    assert rotate(pages, key).status_code == 200
    late = pages.post(f"/keys/{key['id']}/rotate", data={**form})
    assert late.status_code in {409, 422}
    assert PATTERN.findall(late.text) == []
    assert "grace" in fields(pages.get(f"/keys/{key['id']}"))
    assert "Being rotated" in plain(pages.get(f"/keys/{key['id']}/rotate"))
    for grace, words in (
        ("604800", "works until"),
        ("0", "has ended"),
        ("0", "No rotation is under way"),
        ("604800", "No rotation is under way"),
    ):
        done = pages.post(f"/keys/{key['id']}/rotation", data={"grace": grace})
        assert done.status_code == 303, done.text
        assert done.headers["location"] == f"/keys/{key['id']}"
        assert words in plain(pages.get(f"/keys/{key['id']}"))
    assert pages.post(f"/keys/{key['id']}/rotation", data={"grace": "x"}).status_code == 422


def test_a_page_of_an_earlier_rotation_ends_no_later_one(owner: Api, pages: Api) -> None:
    """What it says is not so any more: the old token of now is in use."""
    key = make_key(owner, "Twice")
    begin, change = f"/apikey/{key['id']}/rotate", f"/keys/{key['id']}/rotation"
    owner.post(begin, json={"graceSeconds": 3600})
    stale = fields(pages.get(f"/keys/{key['id']}"))["startedAt"][0]
    owner.put(f"/apikey/{key['id']}/rotation", json={"graceSeconds": 0})
    owner.post(begin, json={"graceSeconds": 3600})
    before = owner.get(f"/apikey/{key['id']}").json()["rotation"]
    for grace in ("0", "86400"):
        assert pages.post(change, data={"grace": grace, "startedAt": stale}).status_code == 303
        assert "nothing was changed" in plain(pages.get(f"/keys/{key['id']}"))
        assert owner.get(f"/apikey/{key['id']}").json()["rotation"] == before
    (present,) = set(fields(pages.get(f"/keys/{key['id']}"))["startedAt"])
    pages.post(change, data={"grace": "0", "startedAt": present})
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"] != before


def test_who_may_not_rotate_is_not_asked_to(server: Running, owner: Api) -> None:
    """A viewer sees how far it is, without a button; and nobody rotates what holds more than they."""
    key = make_key(owner, "Seen", permissions=["apikeys:view"])
    owner.post(f"/apikey/{key['id']}/rotate", json={"graceSeconds": 3600})
    viewer = browse(server, person(server, "viewer"))
    page = viewer.get(f"/keys/{key['id']}")
    assert "Being rotated" in plain(page)
    assert "/rotat" not in page.text.replace("rotation-title", "")
    owner.put(f"/apikey/{key['id']}", json={"permissions": ["*"]})
    member = browse(server, person(server, "member"))
    for answer in (
        member.get(f"/keys/{key['id']}/rotate"),
        member.post(f"/keys/{key['id']}/rotate", data={"grace": "0"}),
        member.post(f"/keys/{key['id']}/rotation", data={"grace": "0"}),
    ):
        assert answer.status_code == 403
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"] is not None


@pytest.mark.parametrize(
    ("theme", "width"), [pytest.param("light", 1440, marks=pytest.mark.slow), ("dark", 390)]
)
def test_rotate_with_grace_see_both_work_end_it_see_the_old_one_refused(
    visit: Visit, server: Running, owner: Api, ada: SignedIn, theme: str, width: int
) -> None:
    """In a browser, in both themes and at both widths; every step is accessible and fits."""
    chatflow = make_chatflow(owner, "Support answers")
    key = bound_key(owner, chatflow, f"Journey {theme} {width}")

    def ask(token: str) -> int:
        with server.api(token, **{"User-Agent": "billing/2.3 " + "x" * 150}) as api:
            return api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code

    window = visit(f"/keys/{key['id']}", ada, theme=theme, width=width)
    page = window.page
    page.get_by_role("link", name="Rotate…").click()
    page.get_by_label("no more: somebody else may have it").check()
    expect(page.get_by_text("are refused from now on")).to_be_visible()
    expect(page.get_by_label("End it sooner")).to_be_hidden()
    page.get_by_label("for 7 days").check()
    page.get_by_label("End it sooner").select_option("1 day")
    assert_accessible(page)
    assert fits(page)
    page.get_by_role("button", name="Rotate key").click()
    expect(page.get_by_role("heading", name="Key rotated")).to_be_visible()
    new = page.locator("#new-token").inner_text()
    assert PATTERN.fullmatch(new)
    assert_accessible(page)
    assert fits(page)
    assert [ask(token) for token in (key["apiKey"], new)] == [200, 200]
    window.go(f"/keys/{key['id']}")
    rotation = page.get_by_role("region", name="Being rotated")
    expect(rotation).to_contain_text("It was last used just now")
    expect(rotation).to_contain_text("127.0.0.1")
    expect(rotation).to_contain_text("billing/2.3")
    assert_accessible(page)
    assert fits(page)
    rotation.get_by_label("The old token works, from now on, for").select_option("30 days from now")
    rotation.get_by_role("button", name="Set its end").click()
    expect(page.get_by_role("status").first).to_contain_text("works until")
    rotation.get_by_role("button", name="End the old token now").click()
    expect(page.get_by_role("status").first).to_contain_text("has ended")
    expect(rotation).to_have_count(0)
    assert [ask(token) for token in (key["apiKey"], new)] == [401, 200]
    assert window.traces(new) == [f"answer: POST {server.url}/keys/{key['id']}/rotate"]


def test_the_new_token_is_shown_in_the_dialog_over_the_list(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """From the key's dialog, and closed only on purpose, as when a key is made."""
    key = make_key(owner, "In the dialog")
    window = visit("/keys?search=In+the+dialog", ada)
    page, dialog = window.page, window.page.get_by_role("dialog")
    page.get_by_role("link", name="In the dialog", exact=True).click()
    dialog.get_by_role("link", name="Rotate…").click()
    dialog.get_by_role("button", name="Rotate key").click()
    expect(dialog.get_by_role("heading", name="Key rotated")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog.locator("#new-token")).to_be_visible()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Done").click()
    assert page.url.endswith("/keys?search=In+the+dialog")
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"] is not None
