"""Keeping the secret: what signs people in is with their browser alone, and their passwords nowhere."""

import re
from collections.abc import Callable

import httpx
import pytest

from flowkeys.web.requests.sign_in_cookie import COOKIE
from tests.conformance.keeping_secrets.test_at_rest import found_in
from tests.conformance.process import Served
from tests.support import databases
from tests.support.databases import ON_POSTGRES

ADA, BOB = "ada@example.com", "bob@example.com"
PASSWORDS = (
    "quokka plum vat 41",
    "zinc owl 77 harbour",
    "mild 9 tuba forest",
    "jade 63 lynx paper",
    "kelp 5 anvil mosaic",
)
"""The last is one that is mistyped. None has twelve characters in a row that a page would write."""
LINK = re.compile(r"/(set-up|invitation|reset)/([0-9A-Za-z_-]{43})")


class People:
    """Does everything with people that can be done, and remembers every secret that it sees."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.secrets: list[str] = []
        self.answers: list[bytes] = []

    def browser(self) -> httpx.Client:
        """Return a browser of somebody's."""
        browser = self.served.api(None, Accept="text/html", Origin=self.served.url)
        browser.base_url = httpx.URL(self.served.url)
        browser.event_hooks["response"].append(self._answered)
        return browser

    def _answered(self, response: httpx.Response) -> None:
        response.read()
        shown = response.headers.get("set-cookie", "")
        if secret := re.search(rf"{COOKIE}=([0-9A-Za-z_-]{{43}})", shown):
            self.secrets.append(secret[1])
        heads = [f"{name}: {value}" for name, value in response.headers.items() if name != "set-cookie"]
        self.answers.append("\n".join(heads).encode() + response.content)

    def link(self, text: str) -> str:
        """Return the path of the one link in a text, and remember its secret."""
        (found,) = set(LINK.findall(text))
        self.secrets.append(found[1])
        return f"/{found[0]}/{found[1]}"

    def run(self) -> None:
        """Set up, sign in, be refused, invite, reset, change passwords, sign out."""
        ada, bob = self.browser(), self.browser()
        assert ada.get("/api/v1/ping").status_code == 200  # an answer comes after the link was printed
        in_file = self.served.data_dir / "set-up-link"
        set_up = self.link((in_file if in_file.exists() else self.served.log).read_text())
        assert ada.get(set_up).status_code == 200
        assert ada.post(set_up, data={"email": ADA, "password": "short"}).status_code == 422
        assert ada.post(set_up, data={"email": ADA, "password": PASSWORDS[0]}).status_code == 303
        assert ada.post(set_up, data={"email": ADA, "password": PASSWORDS[0]}).status_code == 404
        passwords = {"oldPassword": PASSWORDS[0], "newPassword": PASSWORDS[1]}
        assert ada.post("/account/password", data=passwords).status_code == 303
        assert ada.post("/account/password", data=passwords).status_code == 422
        invited = ada.post("/people/invite", data={"email": BOB, "role": "viewer"})
        path = self.link(invited.text)
        self.answers.pop()  # the one answer that shows the link
        assert bob.post(path, data={"password": PASSWORDS[2]}).status_code == 303
        reset = self.link(self.served.command("users", "reset", BOB))
        assert bob.get(reset).status_code == 200
        assert bob.post(reset, data={"password": PASSWORDS[3]}).status_code == 303
        for path in ("/account", "/people", "/keys", "/chatflows"):
            assert ada.get(path).status_code == 200
        assert bob.post("/sign-out").status_code == 303
        for password, status in ((PASSWORDS[4], 422), (PASSWORDS[3], 303)):
            assert bob.post("/sign-in", data={"email": BOB, "password": password}).status_code == status
        self.errors(ada)

    def errors(self, ada: httpx.Client) -> None:
        """Be refused with a secret wherever something may be quoted."""
        secret = self.secrets[0]
        for path in (f"/people/{secret}", f"/keys/{secret}", f"/{secret}", f"/keys?search={PASSWORDS[4]}"):
            assert ada.get(path, follow_redirects=True).status_code in {200, 404}
            self.answers.pop()  # it quotes what was asked for
        for cookie in (f"{COOKIE}={secret}x", f"{COOKIE}={secret}; {COOKIE}={secret}", f"x={secret}"):
            self.browser().get("/account", headers={"Cookie": cookie, "User-Agent": f"x{secret}"})
            self.browser().get("/api/v1/apikey", headers={"Cookie": cookie})


@pytest.mark.parametrize("form", ["json", pytest.param("text", marks=pytest.mark.slow)])
def test_no_secret_of_a_person_is_anywhere_but_in_their_browser(
    form: str, serve: Callable[..., Served]
) -> None:
    """Of sign-ins and links only a hash is stored, of passwords a slow one; logs and answers hold neither.

    The set-up link is printed once for an operator on a terminal, and that line is all; in a log of JSON it
    is not at all.
    """
    served = serve(FLOWKEYS_LOG_LEVEL="debug", FLOWKEYS_LOG_FORMAT=form).start()
    run = People(served)
    run.run()
    secrets = [*run.secrets, *PASSWORDS]
    assert len(set(run.secrets)) == len(run.secrets) >= 7
    files = databases.at_rest(served.data_dir)
    served.stop()
    files |= {f"{name} at the end": content for name, content in databases.at_rest(served.data_dir).items()}
    assert ON_POSTGRES or any(name.endswith("flowkeys.db-wal") for name in files)
    for name, content in files.items():
        assert found_in(secrets, content) == [], name
    kept = b"".join(content for name, content in files.items() if name.endswith("at the end"))
    assert ADA.encode() in kept, "and yet the people are in there"
    printed = [line for line in served.log.read_text().splitlines() if "/set-up/" in line and "{" not in line]
    assert len(printed) == (form == "text")
    log = served.log.read_text().replace("".join(printed) or "nothing", "")
    assert found_in(secrets, log.encode()) == []
    for route in ("/sign-in", "/set-up/{secret}", "/invitation/{secret}", "/reset/{secret}"):
        assert route in log, "and yet each call is in there"
    for answer in run.answers:
        assert found_in(secrets, answer) == [], answer[:2000]
