"""Who gets in: by one Authorization header that holds one bearer token, and by nothing else."""

import base64
from collections.abc import Callable

import pytest

from tests.conformance import ways
from tests.conformance.routes import CLOSED, request_for
from tests.conformance.tenants import Tenant
from tests.conformance.trusted import TRUSTED, filled


@pytest.mark.parametrize("route", CLOSED, ids=str)
def test_no_header_stands_in_for_the_credential(route, here: Tenant, there: Tenant) -> None:
    """Flowise CVE-2026-30820: `x-request-from: internal` was trusted.

    On every route: without a credential, all headers that anybody trusts at once change nothing, and a key
    that holds nothing stays one that holds nothing.
    """
    path, arguments = request_for(route, here.ids)
    headers = {name.decode(): value.decode() for name, value in filled(there, here)}
    nobody = here.server.api().request(route.method, path, headers=headers, **arguments)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "missing_credentials")
    if route.permission:
        lesser = here.lesser().request(route.method, path, headers=headers, **arguments)
        assert (lesser.status_code, lesser.json()["code"]) == (403, "permission_missing")


@pytest.mark.parametrize("name", TRUSTED)
def test_no_single_header_changes_a_decision(name: str, here: Tenant, there: Tenant) -> None:
    """CONTRACT section 3: each decision is the same with the header and without, on each way in."""
    header = [pair for pair in filled(there, here) if pair[0].decode() == name]
    unbound = here.server.key("unbound")["apiKey"]
    for credential in ([], ways.bearer(unbound), ways.bearer(there.token), ways.bearer(here.token)):
        for way in (ways.fast_path, ways.verify, ways.management):
            plain = way(here.server, here.chatflow["id"], credential)
            assert way(here.server, here.chatflow["id"], [*credential, *header]) == plain


def test_no_header_moves_a_key_to_another_workspace(here: Tenant, there: Tenant) -> None:
    """The workspace follows from the key: headers that name another one are not read."""
    headers = {name.decode(): value.decode() for name, value in filled(there, here) if name != b"Host"}
    for path in ("/apikey", "/chatflows", "/document-stores"):
        shown = here.owner.get(path, headers=headers).json()
        assert {item["workspaceId"] for item in shown} == {here.workspace_id}


def _basic(token: str) -> bytes:
    return b"Basic " + base64.b64encode(token.encode() + b":")


ACCEPTED: dict[str, Callable[[bytes], bytes]] = {
    "as written in RFC 6750": lambda t: b"Bearer " + t,
    "scheme in lower case": lambda t: b"bearer " + t,
    "scheme in upper case": lambda t: b"BEARER " + t,
    "scheme in mixed case": lambda t: b"bEaReR " + t,
    "several spaces (1*SP)": lambda t: b"Bearer    " + t,
    "white space around the value": lambda t: b" \tBearer " + t + b" \t ",
}
MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda t: b"",
    "only spaces": lambda t: b"   ",
    "a bare token": lambda t: t,
    "the scheme alone": lambda t: b"Bearer",
    "the scheme and a space": lambda t: b"Bearer ",
    "no space": lambda t: b"Bearer" + t,
    "a tab between": lambda t: b"Bearer\t" + t,
    "a space and a tab between": lambda t: b"Bearer \t" + t,
    "a colon": lambda t: b"Bearer: " + t,
    "an equals sign": lambda t: b"Bearer=" + t,
    "the scheme twice": lambda t: b"Bearer Bearer " + t,
    "another scheme": lambda t: b"Token " + t,
    "a scheme that starts alike": lambda t: b"BearerX " + t,
    "a scheme that ends alike": lambda t: b"XBearer " + t,
    "Basic with the token for a user": lambda t: _basic(t.decode()),
    "two tokens": lambda t: b"Bearer " + t + b" " + t,
    "a comma behind": lambda t: b"Bearer " + t + b",",
    "a comma and another token": lambda t: b"Bearer " + t + b",Bearer " + t,
    "two credentials in one header": lambda t: b"Basic eDp5, Bearer " + t,
    "a parameter": lambda t: b'Bearer token="' + t + b'"',
    "quotes": lambda t: b'Bearer "' + t + b'"',
    "quotes of the other kind": lambda t: b"Bearer '" + t + b"'",
    "angle brackets": lambda t: b"Bearer <" + t + b">",
    "a semicolon": lambda t: b"Bearer " + t + b"; charset=utf-8",
    "a letter outside ASCII": lambda t: b"Bearer " + t + b"\xc3\xa9",
    "a no-break space": lambda t: b"Bearer\xa0" + t,
    "a no-break space behind": lambda t: b"Bearer " + t + b"\xa0",
    "a full-width scheme": lambda t: "\uff22earer ".encode() + t,
    "percent signs": lambda t: b"Bearer " + t[:-1] + b"%" + t[-1:].hex().encode(),
    "a comment": lambda t: b"Bearer " + t + b" (me)",
}
UNKNOWN: dict[str, Callable[[bytes], bytes]] = {
    "an equals sign behind": lambda t: b"Bearer " + t + b"=",
    "one character less": lambda t: b"Bearer " + t[:-1],
    "one character more": lambda t: b"Bearer " + t + b"0",
    "without its prefix": lambda t: b"Bearer " + t[3:],
    "its prefix in upper case": lambda t: b"Bearer FL-" + t[3:],
    "in another case": lambda t: b"Bearer fl-" + t[3:].swapcase(),
    "the word null": lambda t: b"Bearer null",
    "the word undefined": lambda t: b"Bearer undefined",
    "the prefix alone": lambda t: b"Bearer fl-",
}
TABLE = [(name, make, 200, None) for name, make in ACCEPTED.items()]
TABLE += [(name, make, 400, "invalid_request") for name, make in MALFORMED.items()]
TABLE += [(name, make, 401, "unknown_key") for name, make in UNKNOWN.items()]


@pytest.mark.parametrize("way", ["fast path", "framework", "application"])
@pytest.mark.parametrize(
    ("make", "status", "code"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_header_is_read_strictly(
    make: Callable[[bytes], bytes], status: int, code: str | None, way: str, here: Tenant
) -> None:
    """RFC 6750 section 2.1; Flowise split the header at `Bearer `, so that much else passed for one."""
    ask = {"fast path": ways.fast_path, "framework": ways.verify, "application": ways.plain_app}[way]
    found = ask(here.server, here.chatflow["id"], [(b"Authorization", make(here.token.encode()))])
    assert (found.status, found.code) == (status, code)
    if status != 200:
        error = {400: "invalid_request", 401: "invalid_token"}[status]
        assert (found.challenge or "").startswith(f'Bearer realm="flowkeys", error="{error}"')


@pytest.mark.parametrize("way", [ways.fast_path, ways.verify, ways.plain_app, ways.management])
@pytest.mark.parametrize("second", ["Authorization", "authorization", "AUTHORIZATION"])
def test_two_headers_are_refused_whatever_they_hold(way: ways.Way, second: str, here: Tenant) -> None:
    """RFC 6750 section 2: of two credentials none is chosen, be they the same, or one of them empty."""
    good = f"Bearer {here.owner.token}".encode()
    for other in (good, b"", b"Basic eDp5", b"Bearer x"):
        for pair in ([good, other], [other, good]):
            headers = [(b"Authorization", pair[0]), (second.encode(), pair[1])]
            found = way(here.server, here.chatflow["id"], headers)
            assert (found.status, found.code) == (400, "invalid_request")
