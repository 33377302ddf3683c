"""Who gets in by a cookie: to the API with the same limits as by a key, and from our own pages only."""

import pytest

from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.web.requests.sign_in_cookie import COOKIE
from flowkeys.web.routes import ANY_KEY
from tests.conformance import raw, ways
from tests.conformance.pages import UNSAFE_PAGES, House, dump, form_for, imported
from tests.conformance.routes import CLOSED, OF_PEOPLE, Declared, prepare, request_for
from tests.conformance.tenants import Tenant
from tests.support.flows import make_chatflow
from tests.support.people import PASSWORD, SignedIn, person
from tests.support.server import Api, Running
from tests.support.sweeps import by_turns, share
from tests.support.waiting import until

FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "another scheme": {"Origin": "https://{host}"},
    "a name that begins with ours": {"Origin": "http://{host}.evil.example"},
    "a name before ours": {"Origin": "http://evil.example@{host}"},
    "a path behind ours": {"Origin": "http://{host}/"},
    "ours and another": {"Origin": "http://{host}, https://evil.example"},
    "no origin that is told": {"Origin": "null"},
    "an empty origin": {"Origin": ""},
    "nothing at all": {},
    "no origin, and it says cross-site": {"Sec-Fetch-Site": "cross-site"},
    "no origin, and it says same-site": {"Sec-Fetch-Site": "same-site"},
    "no origin, and nobody asked for it": {"Sec-Fetch-Site": "none"},
    "another site that says same-origin": {
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "same-origin",
    },
    "another site with our Referer": {"Origin": "https://evil.example", "Referer": "http://{host}/keys"},
    "no origin, with our Referer": {"Referer": "http://{host}/keys"},
}
"""What a browser sends along from elsewhere, and what it cannot be made to send."""
CHANGE_NOTHING = {
    "POST /chatflows/new/jobs/{job_id}/stop",  # no such import
    "POST /chatflows/{chatflow_id}/closed",  # it is
    "POST /chatflows/{chatflow_id}/code",  # it has none
    "POST /chatflows/{chatflow_id}/credentials",  # it has no models
    "POST /chatflows/{chatflow_id}/import",  # compares first
    "POST /customers/{customer_id}/enable",  # it is
    "POST /webhooks/{webhook_id}/enable",
    "POST /keys/enable",  # it is
    "POST /keys/revoke",  # asks first
    "POST /keys/{key_id}/enable",
    "POST /set-up/{secret}",  # there is an owner
}


@pytest.fixture(scope="module")
def house(server: Running) -> House:
    """A workspace whose things stay."""
    return House(server, "cookies")


def client(server: Running, who: SignedIn | str | None, **headers: str) -> Api:
    """Return a client of the API that sends a cookie and no bearer token."""
    api = server.api(None, **headers)
    if who is not None:
        api.cookies.set(COOKIE, who if isinstance(who, str) else who.secret)
    return api


def foreign(name: str, server: Running) -> dict[str, str]:
    """Return the headers of a request from elsewhere."""
    host = server.url.removeprefix("http://")
    return {header: value.format(host=host) for header, value in FOREIGN[name].items()}


@pytest.mark.parametrize("page", UNSAFE_PAGES, ids=str)
def test_no_page_is_sent_from_elsewhere(page: Declared, house: House) -> None:
    """CONTRACT section 3: another site's form is refused on each page, and nothing has changed.

    The same form from our own page is taken, so that it was its origin alone that refused it.
    """
    spent = House(house.server, f"sent to {page}")
    prepare(page, spent.tenant.owner, spent.ids)
    path, arguments = form_for(page, spent)
    before = dump(spent.server)
    for name in share(FOREIGN, UNSAFE_PAGES.index(page), of=8):
        browser = spent.browser(spent.owner)
        del browser.headers["Origin"]
        answer = browser.request(page.method, path, headers=foreign(name, spent.server), **arguments)
        assert answer.status_code == 403, name
        assert "set-cookie" not in answer.headers
    assert dump(spent.server) == before
    answer = spent.browser(spent.owner).request(page.method, path, **arguments)
    assert answer.status_code in ({404} if "secret" in str(page) or "job_id" in str(page) else set()) | {
        200,
        303,
    }
    changes = str(page) not in CHANGE_NOTHING
    if changes:
        until(lambda: dump(spent.server) != before, "a change")  # documents are read after the answer
        imported(spent.server)
    else:
        assert dump(spent.server) == before


@pytest.mark.parametrize("name", FOREIGN)
def test_no_call_with_a_cookie_comes_from_elsewhere(name: str, house: House) -> None:
    """CONTRACT section 3: on each route of the API that changes something, with the owner's cookie."""
    before = dump(house.server)
    headers = foreign(name, house.server)
    changing = [route for route in OF_PEOPLE if route.method != "GET"]
    for route in share(changing, [*FOREIGN].index(name), of=8):
        path, arguments = request_for(route, house.ids)
        answer = client(house.server, house.owner, **headers).request(route.method, path, **arguments)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), route
    assert dump(house.server) == before


@pytest.mark.parametrize("route", by_turns(OF_PEOPLE, 1), ids=str)
def test_a_person_needs_each_permission_that_a_key_needs(route: Declared, house: House) -> None:
    """Open WebUI CVE-2026-45339: a restriction was enforced for one carrier of credentials only."""
    lacking = house.without(str(route.permission))
    before = dump(house.server)
    path, arguments = request_for(route, house.ids)
    answer = client(house.server, lacking, Origin=house.server.url).request(route.method, path, **arguments)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")
    assert str(route.permission) in answer.json()["detail"]
    assert dump(house.server) == before


@pytest.mark.parametrize("route", by_turns(OF_PEOPLE, 0), ids=str)
def test_a_person_with_the_permission_gets_in(route: Declared, house: House) -> None:
    """The matrix above would prove nothing if the cookie opened nothing."""
    spent = house.tenant if route.method == "GET" else Tenant(house.server, f"opened by {route}")
    who = person(house.server, "member", permissions=(str(route.permission),), workspace=spent.workspace)
    prepare(route, spent.owner, spent.ids)
    path, arguments = request_for(route, spent.ids)
    if route.path.endswith("/apikey/{key_id}/chatflows"):
        arguments["json"]["chatflowIds"] = [spent.chatflow["id"]]  # as they are: no binding changes
    answer = client(house.server, who, Origin=house.server.url).request(route.method, path, **arguments)
    assert answer.is_success, answer.text


HIDDEN = {"audit:view", "credentials:view", "tools:view", "variables:view", "webhooks:view"}
"""Who did what, and where it is announced, is not for every viewer."""


def test_a_viewer_sees_and_changes_nothing(house: House) -> None:
    """Each route that looks at keys, chatflows and documents answers; none that changes them does."""
    viewer = client(house.server, house.person("viewer"), Origin=house.server.url)
    before = dump(house.server)
    for route in OF_PEOPLE:
        path, arguments = request_for(route, house.ids)
        status = viewer.request(route.method, path, **arguments).status_code
        # Explaining a key looks, by POST; who did what is not for everybody.
        looks = (route.permission or "").endswith(":view") and route.permission not in HIDDEN
        assert status == (200 if looks else 403), route
    assert dump(house.server) == before


def test_a_cookie_beside_a_bearer_header_is_ignored(house: House) -> None:
    """The header alone decides: a lesser key stays one, a bad one is refused, a good one needs no Origin."""
    tenant = house.tenant
    cases = {
        f"Bearer {tenant.owner.token}": (200, None),
        f"Bearer {tenant.lesser().token}": (403, "permission_missing"),
        "Bearer fl-nothing": (401, "unknown_key"),
        "Basic eDp5": (400, "invalid_request"),
        "": (400, "invalid_request"),
    }
    for value, expected in cases.items():
        api = client(house.server, house.owner, Origin=house.server.url, Authorization=value)
        answer = api.get("/apikey")
        found = answer.json() if answer.status_code != 200 else {}
        assert (answer.status_code, found.get("code")) == expected, value
    bearer = f"Bearer {tenant.owner.token}"
    api = client(house.server, house.owner, Origin="https://evil.example", Authorization=bearer)
    made = api.post("/apikey", json={"keyName": "by the key"})
    assert made.status_code == 201
    assert made.json()["createdBy"]["type"] == "key"


def test_a_cookie_never_runs_a_chatflow(house: House) -> None:
    """CONTRACT section 3: predictions are opened by bindings alone; on a public one a cookie is nobody."""
    headers = [
        (b"Cookie", f"{COOKIE}={house.owner.secret}".encode()),
        (b"Origin", house.server.url.encode()),
        (b"Sec-Fetch-Site", b"same-origin"),
    ]
    closed = make_chatflow(house.tenant.owner, "closed")
    public = make_chatflow(house.tenant.owner, "public", isPublic=True)
    for way in ways.PREDICTIONS.values():
        for chatflow in (house.tenant.chatflow, closed):
            assert way(house.server, chatflow["id"], headers) == way(house.server, chatflow["id"], [])
            assert way(house.server, chatflow["id"], headers)[:2] == (401, "missing_credentials")
        assert way(house.server, public["id"], headers).status == 200
    said = house.tenant.owner.get(f"/chatflows/{public['id']}/messages").json()["data"]
    assert {item.get("keyId") for item in said} == {None}


def test_whoever_asks_about_a_key_must_show_one(house: House) -> None:
    """`/apikey/verify` and `/usage` are about the caller's key: a person is none."""
    routes = [route for route in CLOSED if route.needs == ANY_KEY]
    assert routes
    for route in routes:
        answer = client(house.server, house.owner, Origin=house.server.url).request(
            route.method, route.path, json={}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "missing_credentials")


def secrets_of_nothing(house: House) -> dict[str, str]:
    """Return what stands in no cookie that works: by what it is."""
    server, email = house.server, house.owner.person.email
    made = {}
    for name in ("signed out", "expired", "idle for too long"):
        started = server.do(server.runtime.sign_ins.sign_in(email, PASSWORD))
        made[name] = started.secret.reveal()
    server.do(server.runtime.sign_ins.sign_out(made["signed out"]))
    with server.shell() as rows:
        by_digest = "WHERE digest = ?"
        for name, change in (("expired", "expires_at = 1"), ("idle for too long", "last_seen_at = 1")):
            digest = RandomSecret(made[name]).digest()
            assert rows.execute(f"UPDATE sign_in SET {change} {by_digest}", (digest,)).rowcount == 1
        rows_of = "SELECT id, digest, person_id FROM sign_in WHERE person_id = ?"
        sign_in, digest, owner = rows.execute(rows_of, (house.owner.person.id,)).fetchone()
        (hashed,) = rows.execute("SELECT password_hash FROM person WHERE id = ?", (owner,)).fetchone()
    good = house.owner.secret
    return {
        **made,
        "the stored digest": digest,
        "the sign-in's id": sign_in,
        "the person's id": owner,
        "the person's email": email,
        "the stored hash of the password": hashed,
        "the password": PASSWORD,
        "a link's secret": house.secrets["invitation"],
        "another link's secret": house.secrets["reset"],
        "a key's token": house.tenant.owner.token or "",
        "a new secret": RandomSecret.mint().reveal(),
        "one character less": good[:-1],
        "one character more": good + "A",
        "another first character": ("B" if good[0] == "A" else "A") + good[1:],
        "in quotes": f'"{good}"',
        "with a percent sign": f"%{ord(good[0]):02x}{good[1:]}",
        "null": "null",
        "undefined": "undefined",
        "a space": " ",
        "SQL": "' OR 1=1 --",
        "very long": "A" * 10_000,
    }


def test_no_other_text_in_the_cookie_signs_anybody_in(house: House) -> None:
    """Flowise CVE-2026-41276, LiteLLM: null, a stored hash, an id, what ended: all of it is nobody."""
    for name, text in secrets_of_nothing(house).items():
        header = (b"Cookie", f"{COOKIE}={text}".encode())
        accept = (b"Accept", b"text/html")
        assert raw.send(house.server.url, "GET", "/people", [header, accept]).status == 303, name
        answer = raw.send(house.server.url, "GET", "/api/v1/apikey", [header])
        assert (answer.status, answer.code) == (401, "missing_credentials"), name
    good = f"{COOKIE}={house.owner.secret}".encode()
    assert raw.send(house.server.url, "GET", "/api/v1/apikey", [(b"Cookie", good)]).status == 200
