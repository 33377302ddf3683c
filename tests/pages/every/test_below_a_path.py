"""Pages below a path, at several addresses, behind a proxy that takes the path off and one that does not."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import expect

from flowkeys.web.requests.sign_in_cookie import COOKIE
from tests.pages.conftest import Visit
from tests.pages.reading import browse
from tests.support.flows import bound_key, make_chatflow
from tests.support.people import PASSWORD, SignedIn, person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

PATH = "/team/flowkeys"
_NAMES_A_PATH = re.compile(r'\s(?:href|src|action|formaction|hx-get|hx-post|data-[a-z-]+)="(/[^"]*)"')
_LEADS = re.compile(r'\s(?:href|src|hx-get)="(/[^"#]*)')
_TOKEN = re.compile(r"fl-[0-9A-Za-z]{32}")
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Proxy:
    """Serves what is behind it below `PATH`, and nothing else."""

    def __init__(self, *, takes_off: bool) -> None:
        proxy = self
        self.behind = ""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each body waits 40 ms for the acknowledgement of its head

            def handle_one(self) -> None:
                if not self.path.startswith(PATH):
                    self.send_error(404, "not below the path")
                    return
                target = self.path.removeprefix(PATH) or "/" if takes_off else self.path
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                with closing(HTTPConnection(proxy.behind)) as behind:
                    behind.request(self.command, target, body, dict(self.headers))
                    answer = behind.getresponse()
                    content = answer.read()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Site(NamedTuple):
    """A server below a path, and where people reach it."""

    running: Running
    origin: str
    url: str

    def who(self) -> SignedIn:
        """Return an owner who is signed in there."""
        made = person(self.running)
        return SignedIn(made.person, made.secret, self.origin)


@pytest.fixture(scope="module", params=[True, False], ids=["taken off", "left on"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Behind a proxy that takes the path off, or leaves it on; another address is the first one."""
    proxy = Proxy(takes_off=request.param)
    urls = f"https://keys.example.com{PATH}, {proxy.origin}{PATH}/"
    running = Running(tmp_path_factory.mktemp("below") / "data", public_url=urls).start()
    proxy.behind = running.url.removeprefix("http://")
    yield Site(running, proxy.origin, proxy.origin + PATH)
    running.stop()
    proxy.close()


def test_every_address_of_every_page_is_below_the_path(site: Site) -> None:
    """Followed from page to page, none leads anywhere else or to nothing."""
    with site.running.owner() as api:
        chatflow = make_chatflow(api, "Below")
        bound_key(api, chatflow, "Below")
    with browse(site.who()) as browser:
        seen: dict[str, int] = {}
        waiting = [f"{PATH}/"]
        while waiting and len(seen) < 120:
            address = waiting.pop(0)
            if address in seen or "/sign-out" in address:
                continue
            answer = browser.get(address)
            seen[address] = answer.status_code
            if 300 <= answer.status_code < 400:
                waiting.append(answer.headers["location"])
                continue
            found = [unescape(item) for item in _NAMES_A_PATH.findall(answer.text)]
            assert [item for item in found if not item.startswith(f"{PATH}/")] == [], address
            is_page = answer.headers["content-type"].startswith("text/html")
            waiting += [unescape(item) for item in _LEADS.findall(answer.text)] if is_page else []
    broken = {address for address, status in seen.items() if status not in {200, 303}}
    assert broken == set()
    assert len([address for address in seen if "/static/" in address]) > 5
    assert len([address for address in seen if "/static/" not in address]) > 20


def test_from_the_sign_in_to_a_key_that_opens(site: Site, watch: Visit) -> None:
    """A person comes by a deep address, signs in, makes a key in the dialog, and calls what the page says."""
    with site.running.owner() as api:
        chatflow = make_chatflow(api, "Journey")
    who = person(site.running)
    window = watch(site.origin).go(f"{PATH}/keys?search=nothing")
    page = window.page
    page.get_by_label("Email").fill(who.person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.url}/keys?search=nothing")
    (cookie,) = [item for item in window.context.cookies() if item["name"] == COOKIE]
    assert cookie["path"] == PATH

    window.go(f"{PATH}/keys")
    page.get_by_role("link", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Below")
    dialog.get_by_label("Journey").check()
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("heading", name="Key created")).to_be_visible()
    token = _TOKEN.search(dialog.inner_text())
    assert token is not None
    # The first address is in what people copy; the one that they came by works as well.
    assert f"https://keys.example.com{PATH}/api/v1/prediction/{chatflow['id']}" in dialog.inner_text()
    dialog.get_by_role("link", name="Done").or_(dialog.get_by_role("button", name="Done")).first.click()
    expect(page).to_have_url(f"{site.url}/keys")
    page.get_by_role("row").filter(has_text="Below").get_by_role("button", name="Disable").first.click()
    expect(page.get_by_role("status").first).to_contain_text("disabled")

    with httpx.Client(base_url=site.url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        asked = client.post(
            f"/api/v1/prediction/{chatflow['id']}",
            json={"question": "Hello"},
            headers={"Authorization": f"Bearer {token[0]}"},
        )
        assert (asked.status_code, asked.json()["code"]) == (401, "disabled_key")


@pytest.mark.parametrize("path", ["", PATH])
def test_the_api_is_at_the_path_and_at_the_root(site: Site, path: str) -> None:
    """Whether the proxy takes the path off or not; what it names is below."""
    with site.running.owner() as api:
        chatflow = make_chatflow(api, "Both")
        key = bound_key(api, chatflow)
        url = f"{site.running.url}{path}"
        with httpx.Client(
            base_url=f"{url}/api/v1", headers=api.headers, trust_env=False, timeout=PATIENCE_SECONDS
        ) as client:
            made = client.post("/apikey", json={"keyName": "made"})
            assert made.headers["location"] == f"{PATH}/api/v1/apikey/{made.json()['id']}"
            bearer = {"Authorization": f"Bearer {key['apiKey']}"}
            for _ in range(2):  # from the store, and from memory
                passed = client.get(f"/auth/verify/chatflow/{chatflow['id']}", headers=bearer)
                assert passed.status_code == 200
            asked = client.post(f"/prediction/{chatflow['id']}", json={"question": "Hi"}, headers=bearer)
            assert asked.json()["text"] == "You said: Hi"
            assert client.post("/apikey/verify", json={}, headers=bearer).json()["valid"]
            page = client.get(f"{url}/keys", headers={"Accept": "text/html"})
            assert page.headers["location"] == f"{PATH}/sign-in?next=%2Fkeys"


@pytest.mark.parametrize(
    "target", [f"{PATH}x/api/v1/ping", f"{PATH}{PATH}/api/v1/ping", "/team/api/v1/ping", f"{PATH}//keys"]
)
def test_what_only_looks_like_the_path_is_not_it(site: Site, target: str) -> None:
    """It is taken off once, and whole."""
    assert httpx.get(
        f"{site.running.url}{target}", trust_env=False, timeout=PATIENCE_SECONDS
    ).status_code in {401, 404}
