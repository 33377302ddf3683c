"""Who gets in: a key with exactly the permission, and never to more than its maker held."""

from typing import Any

import pytest

from flowkeys.domain.permissions import ALL as EVERYTHING
from flowkeys.domain.permissions import KNOWN
from tests.conformance.routes import WITH_PERMISSION, Declared, prepare, request_for
from tests.conformance.tenants import Tenant
from tests.support.flows import make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api
from tests.support.sweeps import by_turns

LESSER = ("apikeys:view", "apikeys:create", "apikeys:update", "apikeys:delete")
LESSER += ("chatflows:view", "chatflows:create", "chatflows:update")
GREATER = "documentStores:view"
"""What the greater key holds and the lesser does not."""


@pytest.mark.parametrize("route", by_turns(WITH_PERMISSION, 0), ids=str)
def test_a_route_is_closed_to_every_permission_but_its_own(route: Declared, there: Tenant) -> None:
    """Flowise CVE-2026-46442, -46444: any key reached privileged routes.

    A key that holds everything there is but exactly this permission is refused, told which one it lacks,
    and has changed nothing.
    """
    assert route.permission in KNOWN
    before = there.snapshot()
    client = there.lesser(*sorted(KNOWN - {EVERYTHING, route.permission}))
    path, arguments = request_for(route, there.ids)
    answer = client.request(route.method, path, **arguments)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")
    assert route.permission in answer.json()["detail"]
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    created = {key["id"] for key in there.snapshot()["/apikey?status=all"]} - {
        key["id"] for key in before["/apikey?status=all"]
    }
    assert len(created) == 1, "the lesser key itself, made by the operator"
    after = there.snapshot()
    assert {name: after[name] for name in after if "apikey" not in name} == {
        name: before[name] for name in before if "apikey" not in name
    }


@pytest.mark.parametrize("route", by_turns(WITH_PERMISSION, 1), ids=str)
def test_its_own_permission_is_enough(route: Declared, here: Tenant) -> None:
    """The matrix above would prove nothing if the route were closed to everyone."""
    spent = here if route.method == "GET" else Tenant(here.server, f"enough for {route}")
    client = spent.lesser(route.permission or "")
    prepare(route, spent.owner, spent.ids)
    path, arguments = request_for(route, spent.ids)
    if route.path.endswith("/apikey/{key_id}/chatflows"):
        arguments["json"]["chatflowIds"] = [spent.chatflow["id"]]  # as they are: no binding changes
    answer = client.request(route.method, path, **arguments)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("path", ["/apikey", "/chatflows", "/customers", "/document-stores"])
def test_empty_grants_nothing(path: str, here: Tenant) -> None:
    """OpenAI's rule was that an empty list means everything: here it means nothing, on every route."""
    for members in ({}, {"permissions": []}):
        key = make_key(here.owner, "empty", **members)
        assert key["permissions"] == []
        answer = here.server.api(key["apiKey"]).get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")


def test_everything_opens_no_chatflow(here: Tenant) -> None:
    """CONTRACT section 3: predictions are opened by bindings alone, so that `*` opens none."""
    answer = here.owner.post(f"/prediction/{here.chatflow['id']}", json={"question": "Hello"})
    assert (answer.status_code, answer.json()["code"]) == (403, "chatflow_not_allowed")


@pytest.mark.parametrize(
    "name",
    ["apikeys", "apikeys:", "apikeys:*", "*:*", "**", " *", "* ", "", " ", "apikeys:view ", "APIKEYS:VIEW",
     "users:manage:more", "users:managex", "users", "apikeys:view,apikeys:delete",
     "apikeys:view chatflows:view", "\u0000", "apikeys\u200b:view", "\uff0a", "admin",
     "root", "owner", "null", "__proto__"],
)  # fmt: skip
def test_permission_names_are_a_closed_list(name: str, here: Tenant) -> None:
    """Flowise: `users:manage` slipped past a prefix check. A name is on the list or refused."""
    key = make_key(here.owner, "closed list")
    for sent in ([name], ["apikeys:view", name], [EVERYTHING, name]):
        made = here.owner.post("/apikey", json={"keyName": "x", "permissions": sent})
        changed = here.owner.put(f"/apikey/{key['id']}", json={"permissions": sent})
        for answer in (made, changed):
            assert answer.status_code == 422, answer.text
            assert [error["field"] for error in answer.json()["errors"]] == ["permissions"]
    assert here.owner.get(f"/apikey/{key['id']}").json()["permissions"] == []


@pytest.mark.parametrize("name", ["\u2022", "a\r\nSet-Cookie: a=b", "\U0001f600", 'x"', "x" * 5000])
def test_a_name_that_was_sent_never_breaks_the_refusal(name: str, here: Tenant) -> None:
    """A refusal quotes what it refuses: in a header that must neither fail nor grow a line of its own."""
    client = here.lesser("apikeys:create", "apikeys:view")
    answer = client.post("/apikey", json={"keyName": "x", "permissions": [name]})
    assert answer.status_code == 422, answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("permissions", [[EVERYTHING], [GREATER], [*LESSER, GREATER], sorted(KNOWN)])
def test_a_key_cannot_grant_what_it_does_not_hold(permissions: list[str], here: Tenant) -> None:
    """LiteLLM CVE-2026-47101, langwatch#2629: a key could grant more than its creator, itself included."""
    client = here.lesser(*LESSER)
    own = client.post("/apikey/verify", json={}).json()["id"]
    below = make_key(client, "below", permissions=["apikeys:view"])
    count = len(here.owner.get("/apikey").json())
    for answer in (
        client.post("/apikey", json={"keyName": "x", "permissions": permissions}),
        client.put(f"/apikey/{own}", json={"permissions": permissions}),
        client.put(f"/apikey/{below['id']}", json={"permissions": permissions}),
        client.put(f"/apikey/{below['id']}", json={"keyName": "renamed", "permissions": permissions}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing"), answer.text
    assert len(here.owner.get("/apikey").json()) == count
    assert here.owner.get(f"/apikey/{below['id']}").json()["permissions"] == ["apikeys:view"]
    assert sorted(here.owner.get(f"/apikey/{own}").json()["permissions"]) == sorted(LESSER)


def test_what_it_holds_it_can_grant(here: Tenant) -> None:
    """The ceiling is the caller's own permissions, no lower."""
    client = here.lesser(*LESSER)
    made = make_key(client, "below", permissions=list(LESSER))
    assert sorted(made["permissions"]) == sorted(LESSER)
    assert client.put(f"/apikey/{made['id']}", json={"permissions": []}).json()["permissions"] == []


WRITES: dict[str, tuple[str, str, Any]] = {
    "rename": ("PUT", "/apikey/{key}", {"keyName": "taken over"}),
    "lower": ("PUT", "/apikey/{key}", {"permissions": ["apikeys:view"]}),
    "empty": ("PUT", "/apikey/{key}", {"permissions": []}),
    "note": ("PUT", "/apikey/{key}", {"note": "x"}),
    "let it last": ("PUT", "/apikey/{key}", {"expiresIn": "90d"}),
    "bind on update": ("PUT", "/apikey/{key}", {"chatflowIds": ["{flow}"]}),
    "bind the set": ("PUT", "/apikey/{key}/chatflows", {"chatflowIds": ["{flow}"]}),
    "unbind the set": ("PUT", "/apikey/{key}/chatflows", {"chatflowIds": []}),
    "disable": ("POST", "/apikey/{key}/disable", None),
    "enable": ("POST", "/apikey/{key}/enable", None),
    "revoke": ("DELETE", "/apikey/{key}", None),
    "disable among others": ("POST", "/apikey/bulk/disable", {"ids": ["{key}"]}),
    "enable among others": ("POST", "/apikey/bulk/enable", {"ids": ["{key}"]}),
    "revoke among others": ("POST", "/apikey/bulk/revoke", {"ids": ["{key}"]}),
    "bind one": ("PUT", "/chatflows/{flow}/keys/{key}", None),
    "bind to a chatflow": ("PUT", "/chatflows/{flow}", {"apikeyid": "{key}"}),
    "bind among others": ("PUT", "/chatflows/{flow}", {"apiKeyIds": ["{key}"]}),
    "bind at birth": ("POST", "/chatflows", {"name": "x", "apikeyid": "{key}"}),
    "bind at birth among others": ("POST", "/chatflows", {"name": "x", "apiKeyIds": ["{key}"]}),
}


UNBINDINGS: dict[str, tuple[str, str, Any]] = {
    "unbind one": ("DELETE", "/chatflows/{bound}/keys/{key}", None),
    "unbind from the chatflow": ("PUT", "/chatflows/{bound}", {"apikeyid": None}),
    "unbind all": ("PUT", "/chatflows/{bound}", {"apiKeyIds": []}),
}


@pytest.fixture(scope="module")
def lesser(here: Tenant) -> dict[str, Api]:
    """Whoever holds less than the greater key, by each way in: with a key, and signed in."""
    signed_in = person(here.server, "member", permissions=LESSER)
    return {"a key": here.lesser(*LESSER), "a cookie": here.server.api(None, **signed_in.headers)}


@pytest.mark.parametrize(
    ("status", "by"),
    [
        ("active", "a key"),
        ("active", "a cookie"),
        ("disabled", "a key"),
        ("revoked", "a key"),
        pytest.param("disabled", "a cookie", marks=pytest.mark.slow),
        pytest.param("revoked", "a cookie", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("write", WRITES | UNBINDINGS)
def test_who_holds_less_cannot_write_to_a_greater_key(
    write: str, status: str, by: str, here: Tenant, lesser: dict[str, Api]
) -> None:
    """The ceiling holds on every write, a lowering one too; Langflow CVE-2026-33053 on DELETE.

    By every way in it is refused, nothing has changed, and the greater key works as before. A revoked key
    is bound by nobody, and unbound by whoever may change the chatflow.
    """
    bound = make_chatflow(here.owner, "bound")
    greater = make_key(here.owner, "greater", permissions=[GREATER], chatflowIds=[bound["id"]])
    flow = make_chatflow(here.owner, "free")
    if status == "disabled":
        here.owner.post(f"/apikey/{greater['id']}/disable")
    elif status == "revoked":
        here.owner.delete(f"/apikey/{greater['id']}")
    before = here.owner.get(f"/apikey/{greater['id']}").json()
    method, path, body = (WRITES | UNBINDINGS)[write]
    names = {"key": greater["id"], "flow": flow["id"], "bound": bound["id"]}
    filled = None if body is None else _filled(body, names)
    answer = lesser[by].request(method, path.format(**names), json=filled)
    if status == "revoked" and write in UNBINDINGS:
        assert answer.status_code == 200
        return
    if status == "revoked" and path.startswith("/chatflows"):
        assert answer.status_code == 422
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing"), answer.text
    assert here.owner.get(f"/apikey/{greater['id']}").json() == before
    assert here.owner.get(f"/chatflows/{flow['id']}").json()["apiKeyIds"] == []
    assert here.owner.get(f"/chatflows/{bound['id']}").json()["apiKeyIds"] == [greater["id"]]
    works = here.server.api(greater["apiKey"]).get("/document-stores").status_code
    assert works == (200 if status == "active" else 401)


def _filled(body: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        name: [item.format(**names) for item in value]
        if isinstance(value, list)
        else value and value.format(**names)
        for name, value in body.items()
    }


@pytest.mark.parametrize(
    ("method", "path", "member"),
    [("PUT", "/apikey/{key}", "chatflowIds"), ("PUT", "/apikey/{key}/chatflows", "chatflowIds"),
     ("POST", "/apikey", "chatflowIds"), ("POST", "/chatflows", "apiKeyIds")],
)  # fmt: skip
def test_binding_needs_the_chatflows_permission_as_well(
    method: str, path: str, member: str, here: Tenant
) -> None:
    """Who may make keys may not open chatflows with them: that is `chatflows:update`."""
    flow = make_chatflow(here.owner, "bound by nobody")
    key = make_key(here.owner, "bound to nothing")
    client = here.lesser(*(set(LESSER) - {"chatflows:update"}))
    body = {member: [flow["id"] if member == "chatflowIds" else key["id"]]}
    body |= {"keyName": "x"} if path == "/apikey" else {"name": "x"} if path == "/chatflows" else {}
    answer = client.request(method, path.format(key=key["id"]), json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")
    assert "chatflows:update" in answer.json()["detail"]
    assert here.owner.get(f"/chatflows/{flow['id']}").json()["apiKeyIds"] == []


def test_verification_answers_for_each_permission_exactly(here: Tenant) -> None:
    """Flowise's prefix check: who holds one permission is told of that one alone, whoever asks."""
    for held in ("apikeys:view", "users:manage", "chatflows:update"):
        key = make_key(here.owner, "holds one", permissions=[held])
        client = here.server.api(key["apiKey"])
        for asked in sorted(KNOWN):
            own = client.post("/apikey/verify", json={"permission": asked})
            told = here.owner.post(
                "/apikey/verify", json={"permission": asked, "token": key["apiKey"]}
            ).json()
            assert (own.status_code == 200) is told["valid"] is (asked == held), (held, asked)
