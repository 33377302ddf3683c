"""Going away while a body is on its way: a client may hold its body back, and what holds is what holds then.

The headers and all but the end of a body are sent while the key is good; then access is taken away; then the
end is sent. Nothing is made, changed or run, and the refusal is the one that any call gets.
"""

import http.client
import socket
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from flowkeys.domain.principal import Caller, operator
from flowkeys.service.chatflows.export import LARGEST_EXPORT
from flowkeys.service.keys.verifier import Verifier
from flowkeys.web.hot.protocol import _READING
from flowkeys.web.pages.call import FORM_BYTES
from tests.conformance import raw, ways
from tests.conformance.pages import House, form_for
from tests.conformance.routes import EVERYTHING
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow
from tests.support.people import SignedIn
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, until

HELD_BYTES = 3

Call = Callable[[Tenant], tuple[str, str, dict[str, Any]]]
"""Returns a method, a path and what is sent."""

MANAGEMENT: dict[str, Call] = {
    "create": lambda _: ("POST", "/apikey", {"json": {"keyName": "made too late"}}),
    "update": lambda t: ("PUT", f"/apikey/{t.key['id']}", {"json": {"keyName": "renamed too late"}}),
    "upload": lambda t: (
        "POST",
        f"/document-stores/{t.store['id']}/documents",
        {"files": {"files": ("late.md", b"# Too late\n\nThe zebra left.\n")}},
    ),
    "verify another": lambda t: ("POST", "/apikey/verify", {"json": {"token": t.token}}),
}
VERIFY_ITSELF: Call = lambda _: ("POST", "/apikey/verify", {"json": {}})  # noqa: E731
PREDICTIONS: dict[str, Call] = {
    "predict": lambda t: ("POST", f"/prediction/{t.chatflow['id']}", {"json": ways.QUESTION}),
    "stream": lambda t: (
        "POST",
        f"/prediction/{t.chatflow['id']}",
        {"json": {**ways.QUESTION, "streaming": True}},
    ),
}
CALLS: dict[str, Call] = {**MANAGEMENT, "verify itself": VERIFY_ITSELF, **PREDICTIONS}

Change = Callable[[Tenant, dict], Any]
FOR_ALL: dict[str, tuple[Change, int, str]] = {
    "revoke": (lambda t, k: t.owner.delete(f"/apikey/{k['id']}"), 401, "revoked_key"),
    "disable": (lambda t, k: t.owner.post(f"/apikey/{k['id']}/disable"), 401, "disabled_key"),
}
NO_PERMISSION: tuple[Change, int, str] = (
    lambda t, k: t.owner.put(f"/apikey/{k['id']}", json={"permissions": []}),
    403,
    "permission_missing",
)
UNBOUND: tuple[Change, int, str] = (
    lambda t, k: t.owner.delete(f"/chatflows/{t.chatflow['id']}/keys/{k['id']}"),
    403,
    "chatflow_not_allowed",
)
CASES = [
    *((call, *found) for call in CALLS.values() for found in FOR_ALL.values()),
    *((call, *NO_PERMISSION) for call in MANAGEMENT.values()),
    *((call, *UNBOUND) for call in PREDICTIONS.values()),
]
NAMES = [
    *(f"{call} and {by}" for call in CALLS for by in FOR_ALL),
    *(f"{call} and lose the permission" for call in MANAGEMENT),
    *(f"{call} and unbind" for call in PREDICTIONS),
]


_MALFORMED: Final = b"--b\r\nContent-Disp" + bytes(HELD_BYTES)
_PART: Final = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
BROKEN: Final = {
    "a malformed form": ("/chatflows/{chatflow_id}/rename", _MALFORMED, 0),
    "a form that is too large": ("/chatflows/{chatflow_id}/rename", _PART, FORM_BYTES + 1),
    "a malformed form with a file": ("/chatflows/{chatflow_id}/import", _MALFORMED, 0),
    "a form with a file that is too large": (
        "/chatflows/{chatflow_id}/import",
        _PART,
        2 * (LARGEST_EXPORT + FORM_BYTES),
    ),
}
"""Pages, forms that cannot be read, which shows at their end or is said then, and how long those are."""


def held(
    server: Running, method: str, target: str, headers: ways.Headers, arguments: Any, meanwhile: Any
) -> raw.Answer:
    """Send a call but the end of its body, let `meanwhile` happen, send the end, and return the answer.

    With nothing to happen it is sent at once.
    """
    more, body = raw.encoded(arguments)
    assert body
    parts = urlsplit(server.url)
    sent = [
        (b"Host", parts.netloc.encode()),
        (b"Content-Length", b"%d" % len(body)),
        *headers,
        *more,
    ]
    head = f"{method} {target} HTTP/1.1\r\n".encode() + b"".join(b"%b: %b\r\n" % item for item in sent)
    # At least a byte comes with the headers, so that all servers have begun with the body.
    cut = len(body) if meanwhile is None else max(1, len(body) - HELD_BYTES)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(head + b"\r\n" + body[:cut])
        if meanwhile is not None:
            own_port = connection.getsockname()[1]
            until(lambda: _waits_for_more(server, own_port), "the server to decide, and to wait for the body")
            meanwhile()
            connection.sendall(body[cut:])
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        answer = raw.Answer(response.status, response.getheaders(), b"")
        # A stream ends with its last event, everything else has a length.
        return answer._replace(body=response.read())


def _waits_for_more(server: Running, port: int) -> bool:
    """Tell whether whoever answers the call from a port wants more of its body than has come."""
    for one in tuple(server.server.server_state.connections):
        if one.client is not None and one.client[1] == port:
            running = one._running
            is_read = running is not None and bool(running.message_event._waiters)
            return is_read or getattr(one, "_state", None) == _READING
    return False


@pytest.mark.parametrize(("call", "change", "status", "code"), CASES, ids=NAMES)
def test_what_is_taken_away_while_a_body_is_held_back_is_gone(
    call: Call, change: Change, status: int, code: str, here: Tenant
) -> None:
    """A key that was revoked an hour ago does nothing, whenever its call began."""
    key = bound_key(here.owner, here.chatflow, "holds back", permissions=["*"])
    method, path, arguments = call(here)
    seen: list[Any] = []

    def take_away() -> None:
        assert change(here, key).is_success
        seen.append(here.snapshot())

    headers = ways.bearer(key["apiKey"])
    answer = held(here.server, method, ways.BASE + path, headers, arguments, take_away)
    assert (answer.status, answer.code) == (status, code)
    assert answer.header("www-authenticate").startswith('Bearer realm="flowkeys"')
    assert here.snapshot() == seen[0]


@pytest.mark.parametrize("call", PREDICTIONS.values(), ids=PREDICTIONS)
def test_a_chatflow_that_was_closed_meanwhile_is_not_run_for_anybody(call: Call, here: Tenant) -> None:
    """Without a credential it was public when the call began, and is not any more."""
    chatflow = make_chatflow(here.owner, "closed meanwhile", isPublic=True)
    method, _, arguments = call(here)
    target = f"{ways.BASE}/prediction/{chatflow['id']}"

    def close() -> None:
        assert here.owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": False}).is_success

    answer = held(here.server, method, target, [], arguments, close)
    assert (answer.status, answer.code) == (401, "missing_credentials")
    assert here.owner.get(f"/chatflows/{chatflow['id']}/messages").json()["total"] == 0


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_slow_body_of_a_good_key_is_let_through(call: Call, tenant: Tenant) -> None:
    """Deciding again costs nobody their call."""
    key = bound_key(tenant.owner, tenant.chatflow, "is slow", permissions=["*"])
    method, path, arguments = call(tenant)
    headers = [*ways.bearer(key["apiKey"]), (b"Connection", b"close")]
    answer = held(tenant.server, method, ways.BASE + path, headers, arguments, lambda: None)
    assert answer.status in {200, 201}


@pytest.mark.of_one_process("how often one process decides is counted")
def test_a_call_is_decided_again_only_behind_a_body_that_was_waited_for(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came with its headers left no time for anything to change."""
    decided: list[bytes] = []
    verify = Verifier.verify

    async def counted(self: Verifier, token: Any, *arguments: Any, **more: Any) -> Any:
        decided.append(token)
        return await verify(self, token, *arguments, **more)

    monkeypatch.setattr(Verifier, "verify", counted)
    token = bound_key(tenant.owner, tenant.chatflow, "decided", permissions=["*"])["apiKey"]
    headers = [*ways.bearer(token), (b"Connection", b"close")]
    method, path, arguments = CALLS["create"](tenant)
    for sent_at_once, times in ((True, 1), (False, 2)):
        decided.clear()
        answer = held(
            tenant.server,
            method,
            ways.BASE + path,
            headers,
            arguments,
            None if sent_at_once else lambda: None,
        )
        assert answer.status == 201
        assert decided.count(token.encode()) == times


@pytest.mark.parametrize(
    ("path", "by", "status"),
    [
        ("/keys/new", "nothing", 200),
        ("/keys/new", "signing out", 401),
        ("/keys/new", "losing the permission", 403),
        ("/chatflows/new/export", "nothing", 303),
        ("/chatflows/new/export", "signing out", 401),
        ("/chatflows/new/export", "losing the permission", 403),
        ("/account/name", "signing out", 401),
    ],
)
def test_a_form_that_is_held_back_does_nothing_after_its_sender_may_not(
    path: str, by: str, status: int, here: Tenant
) -> None:
    """Pages look again too: at who is signed in, and at what they may do by now."""
    house = House(here.server, "held back")
    page = next(item for item in EVERYTHING if (item.method, item.path) == ("POST", path))
    target, arguments = form_for(page, house)
    who = house.person("member", ("apikeys:create", "chatflows:create", "chatflows:import"))
    headers = [(name.encode(), value.encode()) for name, value in who.headers.items()]
    seen: list[Any] = []

    def end() -> None:
        _take_away(house, who, by)
        seen.append(_all_of(house, who))

    answer = held(here.server, "POST", target, headers, arguments, end)
    assert answer.status == status
    assert (_all_of(house, who) == seen[0]) is (by != "nothing")


@pytest.mark.parametrize(("by", "status"), [("signing out", 401), ("losing the permission", 403)])
@pytest.mark.parametrize(("path", "beginning", "size"), BROKEN.values(), ids=BROKEN)
def test_a_form_that_turns_out_to_be_none_shows_nothing_to_who_may_not_see(
    path: str, beginning: bytes, size: int, by: str, status: int, here: Tenant
) -> None:
    """What is wrong with a form is said on a page that shows who is signed in and what there is by now."""
    content = beginning.ljust(size, b"\0")
    house = House(here.server, "broken off")
    who = house.person("member", ("chatflows:update",))
    chatflow = house.tenant.chatflow["id"]
    headers = [(name.encode(), value.encode()) for name, value in who.headers.items()]

    def end() -> None:
        _take_away(house, who, by)
        assert house.tenant.owner.put(f"/chatflows/{chatflow}", json={"name": "A later name"}).is_success

    sent = {"content": content, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}
    answer = held(here.server, "POST", path.format(chatflow_id=chatflow), headers, sent, end)
    assert answer.status == status
    assert b"A later name" not in answer.body
    assert (who.person.email.encode() in answer.body) is (by != "signing out")


def _take_away(house: House, who: SignedIn, by: str) -> None:
    if by == "signing out":
        house.server.do(house.server.runtime.sign_ins.sign_out(who.secret))
    elif by == "losing the permission":
        body = {"role": "member", "version": str(who.person.version)}
        changed = house.browser(house.owner).post(f"/people/{who.person.id}", data=body)
        assert changed.status_code == 303


def _all_of(house: House, who: SignedIn) -> Any:
    people = house.server.do(house.server.runtime.people.all(Caller(operator(house.tenant.workspace_id))))
    return house.tenant.snapshot(), [seen.person.name for seen in people if seen.person.id == who.person.id]
