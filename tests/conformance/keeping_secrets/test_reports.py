"""Keeping secrets: whoever tells of a key has to hold its token, or a permission."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance import raw, ways
from tests.conformance.routes import ALL, Declared, request_for
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key

UNSAFE = [route for route in ALL if route.method not in {"GET", "HEAD", "OPTIONS"}]


def identifiers(here: Tenant, key: dict[str, Any]) -> Iterator[str]:
    """Yield what names a key and is not its token: what a log, a list or somebody's screen shows of it."""
    masked = here.owner.get(f"/apikey/{key['id']}").json()["apiKey"]
    yield from (key["id"], key["keyName"], key["apiSecret"], key["apiSecret"].rpartition("$")[2], masked)
    yield from (key["apiKey"][:-1], key["apiKey"][-4:], key["apiKey"][3:], key["apiKey"].swapcase())


@pytest.mark.parametrize("route", UNSAFE, ids=str)
def test_an_identifier_is_not_enough_to_end_a_key(route: Declared, here: Tenant) -> None:
    """PyPI: a report of a leak that named an identifier was enough to revoke.

    Given whatever is known of a key but the whole token, in the path, the body and the header of each call
    that changes anything, by nobody and by a key without a permission: the key is as good as before.
    """
    key = bound_key(here.owner, here.chatflow, f"reported {route}")
    path, arguments = request_for(route, {**here.ids, "key_id": key["id"]})
    headers, body = raw.encoded(arguments)
    lesser = ways.bearer(here.server.key("lesser", (), here.workspace)["apiKey"])
    asked = [(headers, body), (headers + lesser, body)]
    for known in identifiers(here, key):
        named = dict.fromkeys(("id", "ids", "key", "keyId", "token", "tokens", "apiKey", "hint"), known)
        asked.append(raw.encoded({"json": named}))
        if known.isascii() and " " not in known:
            asked.append(([*headers, *ways.bearer(known)], body))
    for lines, content in asked:
        raw.send(here.server.any_url(), route.method, f"{ways.BASE}{path}", lines, content)
    assert ways.fast_path(here.server, here.chatflow["id"], ways.bearer(key["apiKey"])).status == 200
    assert here.owner.get(f"/apikey/{key['id']}").json()["status"] == "active"


def test_the_whole_token_tells_of_its_own_key_alone(here: Tenant) -> None:
    """Its holder learns what it is and may not end it, unless it has the permission."""
    key = bound_key(here.owner, here.chatflow, "told of")
    holder = here.server.api(key["apiKey"])
    assert holder.post("/apikey/verify", json={}).json()["id"] == key["id"]
    assert holder.delete(f"/apikey/{key['id']}").status_code == 403
    assert holder.post(f"/apikey/{key['id']}/disable").status_code == 403
    assert holder.post("/apikey/bulk/revoke", json={"ids": [key["id"]]}).status_code == 403
    assert here.owner.get(f"/apikey/{key['id']}").json()["status"] == "active"
