"""Every page of the application, with what a browser would send to it, and a workspace that has it all."""

import time
from typing import Any, Final
from weakref import WeakKeyDictionary

import httpx

from flowkeys.domain.people.person import Role
from flowkeys.domain.permissions import ALL, KNOWN
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.forms import once
from flowkeys.web.pages.router import SIGNED_IN
from flowkeys.web.requests.sign_in_cookie import COOKIE
from flowkeys.web.routes import OPEN, PREFIX
from tests.conformance.routes import EVERYTHING, UNDECLARED, Declared
from tests.conformance.tenants import Tenant
from tests.support.databases import ON_POSTGRES, Shell
from tests.support.flows import echo
from tests.support.people import PASSWORD, SignedIn, person
from tests.support.server import NOBODY, Api, Running
from tests.support.waiting import until

PAGES: Final = [route for route in EVERYTHING if not route.path.startswith(f"{PREFIX}/")]
CLOSED_PAGES: Final = [page for page in PAGES if page.needs not in {OPEN, UNDECLARED}]
GUARDED_PAGES: Final = [page for page in CLOSED_PAGES if page.needs != SIGNED_IN]
"""Those that need a permission."""
UNSAFE_PAGES: Final = [page for page in PAGES if page.method != "GET"]

_OF_TRIES: Final = {"outcome", "tries", "next_at", "tried_at", "failure", "duration_ms"}
_STORED_LATER: Final = ("usage_", "quota_", "permission_use", "key_bits", "key_unread", "execution_flow")
"""Tables of what is counted some time after the call, put together for lists, or tidied by and by."""
_OF_USES: Final = {"last_used_at", "last_address", "last_user_agent", "last_seen_at"}
_MOVES_BY_ITSELF: Final = {"up_to", "beat_at", *_OF_USES, *_OF_TRIES}
_EXPORT: Final = ("new.json", echo().encode(), "application/json")
_GUIDE: Final = ("guide.md", b"# Guide\n\nThe zebra sleeps.", "text/markdown")
_NEW_PASSWORD: Final = "another password for tests"
NO_SECRET: Final = "A" * 43
"""Has the shape of a link's secret, and opens nothing."""


class House:
    """A workspace as people see it: an owner in two browsers, a member, an invitation, one of each thing."""

    def __init__(self, server: Running, name: str) -> None:
        self.server = server
        self.tenant = Tenant(server, name)
        self._without: dict[str, SignedIn] = {}
        self.owner = self.person("owner")
        self.other = self.person("member")
        workspace = self.tenant.workspace_id
        links, guest = server.runtime.links, f"guest-of-{self.owner.person.id}@example.com"
        invited = server.do(links.invite(Caller(operator(workspace)), guest, Role.VIEWER))
        reset = server.do(links.reset_link(self.other.person.email))
        key = server.do(server.runtime.keyring.get(Caller(operator(workspace)), self.tenant.key["id"]))
        checked = server.do(
            server.runtime.chatflows.get(Caller(operator(workspace)), self.tenant.chatflow["id"])
        )
        chatflow = checked.chatflow
        email = self.owner.person.email
        server.do(server.runtime.sign_ins.sign_in(email, PASSWORD, user_agent="Another browser"))
        with server.shell() as rows:
            query = "SELECT id FROM sign_in WHERE person_id = ? AND user_agent = 'Another browser'"
            (sign_in,) = rows.execute(query, (self.owner.person.id,)).fetchone()
            query = "SELECT id FROM conversation WHERE workspace_id = ? AND chatflow_id = ?"
            (conversation,) = rows.execute(query, (workspace, self.tenant.chatflow["id"])).fetchone()
        self.ids = {
            **self.tenant.ids,
            "person_id": self.other.person.id,
            "link_id": invited.link.id,
            "sign_in_id": sign_in,
            "conversation_id": conversation,
            "job_id": "nothing-of-this-id",
            "name": "base.css",
            "report": "never-used",
            "key_version": key.version,
            "chatflow_version": chatflow.version,
            "free_key_id": server.key("free", (), name)["id"],
        }
        self.secrets = {"invitation": invited.secret.reveal(), "reset": reset.secret.reveal()}

    def person(self, role: str = "member", permissions: tuple[str, ...] | None = None) -> SignedIn:
        """Return somebody of the workspace who is signed in; a member with these permissions or the usual."""
        return person(self.server, role, permissions=permissions, workspace=self.tenant.workspace)

    def without(self, permission: str) -> SignedIn:
        """Return a member who holds everything there is but this; all of them are made when one is asked for.

        So nothing is written from one test to the next, and what is stored need not be read anew for each.
        """
        if not self._without:
            every = KNOWN - {ALL}
            self._without = {name: self.person("member", tuple(sorted(every - {name}))) for name in every}
        return self._without[permission]

    def browser(self, who: SignedIn | None = None, **headers: str) -> Api:
        """Return what asks for pages as a browser of ours does, not following redirects."""
        client = self.server.api(None, **{"Accept": "text/html", "Origin": self.server.url, **headers})
        client.base_url = httpx.URL(self.server.url)
        if who is not None:
            client.cookies.set(COOKIE, who.secret)
        return client


def imported(server: Running) -> None:
    """Wait for imports of documents, which go on behind the answer: what they write is no later test's."""
    with server.shell() as rows:
        under_way = "SELECT 1 FROM import_job WHERE state = 'running'"
        until(lambda: not rows.execute(under_way).fetchall(), "imports of all processes to end")
    until(lambda: not server.runtime.imports._tasks, "imports to end")


def dump(server: Running) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, without the times that move by themselves, and what is counted.

    Where nothing at all was committed since the last time, it is what it was then.
    """
    known = _known.get(server)
    if known is None:
        rows = server.shell()
        server.closing.append(rows.close)
        known = _known[server] = _Known(rows)
    return known.dump()


class _Known:
    """What was read last of a database, and the version that it had."""

    def __init__(self, rows: Shell) -> None:
        self._rows = rows
        self._version: object = None
        self._dump: dict[str, list[tuple[Any, ...]]] = {}

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row; see `dump`."""
        rows = self._rows
        rows.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" if ON_POSTGRES else "BEGIN")  # of one moment
        (_,) = rows.execute("SELECT count(*) FROM workspace").fetchone()
        version = rows.version()
        if version != self._version:
            tables = [name for name in rows.tables() if not name.startswith(_STORED_LATER)]
            self._dump = {table: _rows(rows, table) for table in tables}
            self._version = version
        rows.execute("ROLLBACK")
        return self._dump


_known: WeakKeyDictionary[Running, _Known] = WeakKeyDictionary()


def _rows(rows: Any, table: str) -> list[tuple[Any, ...]]:
    found = rows.execute(f'SELECT * FROM "{table}"')
    kept = [n for n, column in enumerate(found.description) if column[0] not in _MOVES_BY_ITSELF]
    every = [tuple(row[n] for n in kept) for row in found.fetchall()]
    return sorted(every, key=repr) if ON_POSTGRES else every  # whose rows move when they are written


def form_for(page: Declared, house: House) -> tuple[str, dict[str, Any]]:
    """Return a path and what an httpx client sends to it: a form that the page takes from its owner."""
    secret = house.secrets.get(page.path.split("/")[1], NO_SECRET)
    path = page.path.format(**house.ids, secret=secret)
    if page.method == "GET":
        return path, {}
    names = {"chatflow_name": house.tenant.chatflow["name"], "key_name": house.tenant.key["keyName"]}
    values = {**house.ids, **names, "email": house.owner.person.email}
    filled = {name: value.format(**values) for name, value in _FORMS.get(page.path, {}).items()}
    arguments: dict[str, Any] = {"data": filled or {"nothing": ""}}
    if page.path in {"/customers/new", "/keys/new", "/keys/{key_id}/rotate"} | {
        "/credentials/new",
        "/variables/new",
        "/webhooks/new",
        "/webhooks/{webhook_id}/secret",
    }:
        filled["form"] = _once()
    if page.path.startswith("/chatflows/new/"):
        filled["once"] = _once()
    if page.path in _FILES:
        arguments["files"] = _FILES[page.path]
    elif page.path.startswith("/chatflows/new/") and filled.get("name"):
        arguments["files"] = {"none": ("", b"")}
    return path, arguments


def _once() -> str:
    return once.issue(lambda: time.time_ns() // 1000)


_FILES: Final[dict[str, Any]] = {
    "/chatflows/new/export": {"file": _EXPORT},
    "/chatflows/new/documents": {"files": _GUIDE},
    "/chatflows/{chatflow_id}/import": {"file": _EXPORT},
}
_FORMS: Final[dict[str, dict[str, str]]] = {
    "/sign-in": {"email": "{email}", "password": PASSWORD},
    "/set-up/{secret}": {"email": "new@example.com", "password": PASSWORD},
    "/invitation/{secret}": {"name": "Guest", "password": PASSWORD},
    "/reset/{secret}": {"password": PASSWORD},
    "/account/name": {"name": "Renamed by a test"},
    "/account/password": {"oldPassword": PASSWORD, "newPassword": _NEW_PASSWORD},
    "/people/invite": {"email": "new-{person_id}@example.com", "role": "viewer"},
    "/people/{person_id}": {"role": "viewer", "version": "1"},
    "/policy": {"version": "0", "rotateAfterDays": "400"},
    "/chatflows/new/export": {"name": "made by a test"},
    "/chatflows/new/model": {
        "name": "made by a test",
        "baseUrl": "https://models.example.com/v1",
        "model": "small",
        "prompt": "Be kind.",
    },
    "/chatflows/new/documents": {"name": "made by a test"},
    "/chatflows/{chatflow_id}/rename": {"name": "renamed by a test"},
    "/chatflows/{chatflow_id}/delete": {"confirm": "{chatflow_name}"},
    "/chatflows/{chatflow_id}/keys": {"key": "{free_key_id}"},
    "/chatflows/{chatflow_id}/executed-data": {"executedData": "none"},
    "/chatflows/{chatflow_id}/code": {"digests": ""},
    "/chatflows/{chatflow_id}/public": {},
    "/chatflows/{chatflow_id}/try": {"question": "Hello"},
    "/keys/{key_id}/rotate": {"grace": "3600"},
    "/keys/{key_id}/rotation": {"grace": "0"},
    "/keys/{key_id}/chatflows/{chatflow_id}/limits": {"version": "{key_version}", "limit-0-calls": "7"},
    "/chatflows/{chatflow_id}/limits": {"version": "{chatflow_version}", "limit-0-calls": "7"},
    "/variables/new": {"name": "made_by_a_test", "type": "static", "value": "x", "form": ""},
    "/variables/{variable_id}/edit": {"name": "renamed_by_a_test", "value": "y", "version": "1"},
    "/credentials/new": {
        "name": "made by a test",
        "kind": "openAIApi",
        "baseUrl": "https://api.openai.com/v1",
        "openAIApiKey": "sk-of-a-test",
    },
    "/credentials/{credential_id}/edit": {
        "name": "renamed by a test",
        "baseUrl": "https://api.openai.com/v1",
        "version": "1",
    },
    "/executions/{execution_id}/answer": {"type": "reject"},
    "/webhooks/new": {"url": f"{NOBODY}/made", "events": "key.revoked"},
    "/webhooks/{webhook_id}/edit": {"url": f"{NOBODY}/changed", "events": "key.revoked", "version": "1"},
    "/webhooks/{webhook_id}/secret": {"grace": "3600"},
    "/customers/new": {"name": "made by a test"},
    "/customers/{customer_id}/edit": {"name": "renamed by a test", "version": "1"},
    "/keys/new": {"keyName": "made by a test", "expires": "90"},
    "/keys/disable": {"ids": "{key_id}"},
    "/keys/enable": {"ids": "{key_id}"},
    "/keys/revoke": {"ids": "{key_id}"},
    "/keys/{key_id}/edit": {"keyName": "renamed by a test", "expires": "keep", "version": "{key_version}"},
    "/keys/{key_id}/revoke": {"confirm": "{key_name}"},
}
