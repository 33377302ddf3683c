"""Who gets in to pages: whoever is signed in and may, and by no spelling of an address anybody else."""

from collections.abc import Iterator

import pytest

from flowkeys.domain.people.person import MEMBER_PERMISSIONS
from flowkeys.domain.permissions import ALL as EVERYTHING
from flowkeys.domain.permissions import KNOWN, with_implied_views
from flowkeys.web.pages.router import SIGNED_IN
from flowkeys.web.requests.sign_in_cookie import COOKIE
from flowkeys.web.routes import OPEN
from tests.conformance import raw
from tests.conformance.pages import CLOSED_PAGES, GUARDED_PAGES, PAGES, House, dump, form_for, imported
from tests.conformance.routes import Declared
from tests.conformance.trusted import filled
from tests.support.people import SignedIn
from tests.support.server import Running
from tests.support.sweeps import by_turns, share

OPEN_PAGES = {
    "GET /",
    "GET /invitation/{secret}",
    "GET /reset/{secret}",
    "GET /set-up/{secret}",
    "GET /sign-in",
    "GET /static/{name}",
    "POST /invitation/{secret}",
    "POST /reset/{secret}",
    "POST /set-up/{secret}",
    "POST /sign-in",
    "POST /sign-out",
}
"""CONTRACT section 3. A page that is added here is one that everybody on the network may ask for."""
METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
OWN_PAGES = {
    "GET /account",
    "POST /account/name",
    "POST /account/password",
    "POST /account/sign-ins/all/end",
    "POST /account/sign-ins/others/end",
    "POST /account/sign-ins/{sign_in_id}/end",
}
"""Whoever is signed in sees and changes what is their own."""
NEEDS_MORE = {
    **{
        f"{method} {path}": ("apikeys:view",)
        for method, path in (
            ("GET", "/chatflows/{chatflow_id}/keys/bind"),
            ("GET", "/chatflows/{chatflow_id}/keys/{key_id}/unbind"),
            ("POST", "/chatflows/{chatflow_id}/keys"),
            ("POST", "/chatflows/{chatflow_id}/keys/{key_id}/unbind"),
        )
    },
    "GET /keys/new/chatflows": ("chatflows:update",),
    "GET /keys/{key_id}/chatflows/{chatflow_id}/limits": ("chatflows:update",),
    "POST /keys/{key_id}/chatflows/{chatflow_id}/limits": ("chatflows:update",),
    "POST /chatflows/new/documents": ("documentStores:create", "documentStores:add-loader"),
    **{
        f"POST /people/{path}": MEMBER_PERMISSIONS
        for path in ("invite", "{person_id}", "{person_id}/remove", "invitations/{link_id}/withdraw")
    },
}
"""What a page needs beside its own permission and the sight of what it changes; of people, what they hold."""


@pytest.fixture(scope="module")
def house(server: Running) -> House:
    """A workspace whose things stay."""
    return House(server, "pages")


@pytest.fixture(scope="module")
def nothing(house: House) -> SignedIn:
    """Somebody who is signed in and may do nothing."""
    return house.person("member", ())


def spellings(path: str) -> Iterator[str]:
    """Yield what a proxy, a router and an authorization check may each read differently."""
    first = path.split("/")[1]
    rest = path.removeprefix(f"/{first}")
    yield from (
        path,
        path.upper(),
        f"/{first.title()}{rest}",
        f"{path}?x=/static/base.css",
        f"{path}#/sign-in",
    )
    yield from (
        f"/{path}",
        f"//h{path}",
        f"/{first}/{rest}",
        f"/.{path}",
        f"/./{path}",
        f"{path}/.",
        f"/%2e{path}",
    )
    yield from (
        f"%2F{path[1:]}",
        f"/{first}%2f{rest[1:]}",
        f"{path}/",
        f"{path}//",
        f"{path}%2f",
        f"{path}/%2e",
    )
    yield from (f"{path};x", f"/{first};a=b{rest}", f"{path};/static/base.css", f"\\{path[1:]}", f"{path}%00")
    yield from (f"/static/..{path}", f"/static/..;{path}", f"/static/%2e%2e{path}", f"/static%2f..{path}")
    yield from (f"/sign-in/..{path}", f"/sign-in%2f..{path}", f"/invitation/..{path}", f"{path}/sign-in")
    yield from (f"/%{ord(first[0]):02x}{first[1:]}{rest}", f"{path}%20", f"{path}.css", f"{path}/base.css")
    yield from (f"http://localhost{path}", f"http://localhost/static/..{path}", f"/api/v1{path}")


def refuses(answer: raw.Answer) -> bool:
    """Tell whether an answer shows nothing: an error, or the way to the sign-in."""
    location = answer.header("location") or ""
    return 400 <= answer.status < 500 or (answer.status == 303 and location.startswith("/sign-in"))


def test_every_page_declares_what_it_needs_or_is_on_the_list_of_open_ones() -> None:
    """Flowise CVE-2026-30824: the list of open pages is exact, and nothing is open by default."""
    assert {str(page) for page in PAGES if page.needs == OPEN} == OPEN_PAGES
    assert {str(page) for page in PAGES if page.needs == SIGNED_IN} == OWN_PAGES
    approving = "POST /chatflows/{chatflow_id}/code"  # who holds everything reads code, and approves it
    assert {page.needs for page in GUARDED_PAGES if str(page) != approving} <= KNOWN - {EVERYTHING}
    assert len(GUARDED_PAGES) == len(PAGES) - len(OPEN_PAGES) - len(OWN_PAGES) > 30


@pytest.mark.parametrize("page", CLOSED_PAGES, ids=str)
def test_without_a_sign_in_no_page_shows_anything(page: Declared, house: House) -> None:
    """Whoever only looks is sent to the sign-in and back here; whoever sends something gets 401."""
    path, arguments = form_for(page, house)
    before = dump(house.server)
    answer = house.browser().request(page.method, path, **arguments)
    if page.method == "GET":
        assert (answer.status_code, answer.content) == (303, b"")
        assert answer.headers["location"].startswith("/sign-in?next=%2F")
    else:
        assert answer.status_code == 401
    part = house.browser(None, **{"HX-Request": "true"}).request(page.method, path, **arguments)
    assert part.status_code == 401
    assert dump(house.server) == before


@pytest.mark.parametrize("page", CLOSED_PAGES, ids=str)
def test_no_spelling_of_an_address_opens_a_page(page: Declared, house: House) -> None:
    """Flowise CVE-2024-31621, for pages: in every spelling, without a sign-in, nothing is shown."""
    path, _ = form_for(page, house)
    headers = [(b"Accept", b"text/html"), (b"Origin", b"http://localhost")]
    for target in share(spellings(path), CLOSED_PAGES.index(page), of=8):
        answer = raw.send(house.server.url, page.method, target, headers)
        assert refuses(answer), (target, answer)


def test_the_spellings_reach_the_router(house: House) -> None:
    """The test above would prove nothing if no spelling led anywhere: with a sign-in some do."""
    headers = [(b"Accept", b"text/html"), (b"Cookie", f"{COOKIE}={house.owner.secret}".encode())]
    found = [raw.send(house.server.url, "GET", target, headers).status for target in spellings("/people")]
    assert found.count(200) >= 4
    assert set(found) <= {200, 400, 401, 404}


@pytest.mark.parametrize("method", METHODS)
def test_no_other_method_gets_around_the_declaration_of_a_page(method: str, house: House) -> None:
    """A page that is closed to one method is not open to another, nor to one named in a header."""
    headers = [(b"X-HTTP-Method-Override", b"GET"), (b"Origin", b"http://localhost")]
    for page in share(CLOSED_PAGES, METHODS.index(method), of=3):
        path, _ = form_for(page, house)
        assert refuses(raw.send(house.server.url, method, path, headers)), (method, path)


_OF_PEOPLE = [page for page in GUARDED_PAGES if page.permission != "*"]
"""Those that a person may be given; who holds everything is an owner."""


@pytest.mark.parametrize("page", _OF_PEOPLE, ids=str)
def test_a_page_is_closed_to_every_permission_but_its_own(page: Declared, house: House) -> None:
    """Flowise CVE-2026-46442, -46444, by the cookie: a person who holds all but this is refused and told.

    And has changed nothing.
    """
    browser = house.browser(house.without(page.needs))
    before = dump(house.server)
    path, arguments = form_for(page, house)
    answer = browser.request(page.method, path, **arguments)
    assert answer.status_code == 403
    assert page.needs in answer.text
    assert dump(house.server) == before


@pytest.mark.parametrize("page", by_turns(_OF_PEOPLE, 0), ids=str)
def test_its_own_permission_opens_a_page(page: Declared, house: House) -> None:
    """The matrix above would prove nothing if the page were closed to everyone."""
    spent = house if page.method == "GET" else House(house.server, f"for {page}")
    held = {page.needs, *NEEDS_MORE.get(str(page), ())}
    who = spent.person("member", tuple(with_implied_views(frozenset(held), KNOWN)))
    path, arguments = form_for(page, spent)
    answer = spent.browser(who).request(page.method, path, **arguments)
    expected = {404} if "{job_id}" in page.path else {200, 303}
    assert answer.status_code in expected, answer.text
    imported(house.server)


@pytest.mark.parametrize("page", [page for page in PAGES if page.method == "GET"], ids=str)
def test_an_owner_can_look_at_every_page(page: Declared, house: House) -> None:
    """Whoever may do everything gets each page whole, whatever is on it for them alone."""
    path, _ = form_for(page, house)
    answer = house.browser(house.owner).get(path)
    if page.path == "/sign-in":
        assert answer.status_code == 303
    else:
        gone = "{job_id}" in page.path or page.path.startswith("/set-up")
        assert answer.status_code == (404 if gone else 200)


@pytest.mark.parametrize("page", CLOSED_PAGES, ids=str)
def test_no_header_stands_in_for_the_sign_in(page: Declared, house: House, nothing: SignedIn) -> None:
    """Flowise CVE-2026-30820, for pages: neither what proxies send nor an owner's key opens one."""
    path, arguments = form_for(page, house)
    trusted = {name.decode(): value.decode() for name, value in filled(house.tenant, house.tenant)}
    trusted["Authorization"] = f"Bearer {house.tenant.owner.token}"
    nobody = house.browser().request(page.method, path, headers=trusted, **arguments)
    assert nobody.status_code == (303 if page.method == "GET" else 401)
    if page in GUARDED_PAGES:
        trusted["Cookie"] += f"; {COOKIE}={nothing.secret}"
        assert house.browser().request(page.method, path, headers=trusted, **arguments).status_code == 403
