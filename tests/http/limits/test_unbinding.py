"""A limit of a key on a chatflow ends with the binding, so whoever may not change limits cannot unbind it."""

from collections.abc import Callable

import pytest

from tests.cli.conftest import Cli, run  # noqa: F401  # a fixture
from tests.pages.reading import browse, words
from tests.support.flows import make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running

LIMITS = [{"limit": 3, "windowSeconds": 3600}]
FLOWS = ["chatflows:view", "chatflows:update", "chatflows:delete"]


@pytest.fixture
def flow(owner: Api) -> dict:
    """A chatflow with a key that is limited on it, and one that is not."""
    chatflow = make_chatflow(owner)
    limited, free = make_key(owner, "limited"), make_key(owner, "free")
    bound = [{"id": chatflow["id"], "rateLimits": LIMITS}]
    assert owner.put(f"/apikey/{limited['id']}/chatflows", json=bound).status_code == 200
    assert owner.put(f"/chatflows/{chatflow['id']}/keys/{free['id']}").status_code == 200
    return {**chatflow, "limited": limited["id"], "free": free["id"]}


def _rates(owner: Api, flow: dict) -> list[list[dict]]:
    """Return the limits of the limited key on its chatflows."""
    return [each["rateLimits"] for each in owner.get(f"/apikey/{flow['limited']}").json()["chatFlows"]]


def _ways(flow: dict) -> dict[str, Callable[[Api], object]]:
    path = f"/chatflows/{flow['id']}"
    return {
        "the key itself": lambda api: api.delete(f"{path}/keys/{flow['limited']}"),
        "another": lambda api: api.put(path, json={"apikeyid": flow["free"]}),
        "null": lambda api: api.put(path, json={"apikeyid": None}),
        "the set": lambda api: api.put(path, json={"apiKeyIds": [flow["free"]]}),
    }


def test_who_may_change_chatflows_alone_takes_no_limit_away(server: Running, owner: Api, flow: dict) -> None:
    """403 in every way that unbinds, with what is missing; nothing of the call is done."""
    editor = server.api(make_key(owner, permissions=FLOWS)["apiKey"])
    for way, call in _ways(flow).items():
        answer = call(editor)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing"), way
        assert "rate limit on this chatflow" in answer.json()["detail"]
        assert "apikeys:update" in answer.json()["detail"]
        assert len(_rates(owner, flow)[0]) == 1, way
    assert owner.get(f"/chatflows/{flow['id']}").json()["apiKeyIds"] == [flow["limited"], flow["free"]]
    # What keeps the binding is as it was: the whole object, the key that is shown first, the other key's end.
    whole = editor.get(f"/chatflows/{flow['id']}").json()
    assert editor.put(f"/chatflows/{flow['id']}", json=whole).status_code == 200
    assert editor.put(f"/chatflows/{flow['id']}", json={"apikeyid": flow["limited"]}).status_code == 200
    assert editor.delete(f"/chatflows/{flow['id']}/keys/{flow['free']}").status_code == 200
    assert len(_rates(owner, flow)[0]) == 1


def test_who_may_change_keys_too_unbinds_it(server: Running, owner: Api, flow: dict) -> None:
    """And binds it anew, without its limit: they could have taken it away."""
    editor = server.api(make_key(owner, permissions=[*FLOWS, "apikeys:update"])["apiKey"])
    for way, call in _ways(flow).items():
        assert call(editor).status_code == 200, way
        assert _rates(owner, flow) == [], way
        assert editor.put(f"/chatflows/{flow['id']}/keys/{flow['limited']}").status_code == 200
        assert _rates(owner, flow) == [[]], way
        ids = [flow["limited"], flow["free"]]  # in this order, of which the first is shown
        for keys in ([], ids):
            assert owner.put(f"/chatflows/{flow['id']}", json={"apiKeyIds": keys}).status_code == 200
        bound = [{"id": flow["id"], "rateLimits": LIMITS}]
        assert owner.put(f"/apikey/{flow['limited']}/chatflows", json=bound).status_code == 200


@pytest.mark.parametrize("end", ["revoked", "deleted"])
def test_what_cannot_come_back_needs_no_more(server: Running, owner: Api, flow: dict, end: str) -> None:
    """A revoked key is unbound, and a chatflow deleted, by whoever may change chatflows."""
    editor = server.api(make_key(owner, permissions=FLOWS)["apiKey"])
    if end == "revoked":
        assert owner.delete(f"/apikey/{flow['limited']}").status_code == 200
        assert editor.delete(f"/chatflows/{flow['id']}/keys/{flow['limited']}").status_code == 200
    else:
        assert editor.delete(f"/chatflows/{flow['id']}").status_code == 200
    assert _rates(owner, flow) == []


def test_the_page_says_so_before(server: Running, owner: Api, flow: dict) -> None:
    """Without a button for who may not; for who may, with what becomes of the limit."""
    editor = person(server, "member", permissions=(*FLOWS, "apikeys:view"))
    path = f"/chatflows/{flow['id']}/keys/{flow['limited']}/unbind"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with browse(editor, **form) as browser:
        page = browser.get(path)
        assert "needs the permission apikeys:update" in words(page)
        assert "Unbind the key" not in page.text
        refused = browser.post(path)
        assert refused.status_code == 403
        assert "rate limit on this chatflow" in words(refused)
        assert "Unbind the key" in browser.get(path.replace(flow["limited"], flow["free"])).text
    assert len(_rates(owner, flow)[0]) == 1
    with browse(person(server), **form) as browser:
        page = browser.get(path)
        assert "limit on this chatflow is gone then" in words(page)
        assert "Unbind the key" in page.text
        assert browser.post(path).status_code == 303


def test_the_command_says_so(server: Running, owner: Api, flow: dict, run: Cli) -> None:  # noqa: F811
    """With a key that may change chatflows alone."""
    token = make_key(owner, permissions=[*FLOWS, "apikeys:view"])["apiKey"]
    asked = "flows", "unbind", flow["id"], flow["limited"], "--json"
    refused = run(*asked, FLOWKEYS_URL=server.url, FLOWKEYS_API_KEY=token)
    assert "apikeys:update" in refused.failure["detail"]
    assert len(_rates(owner, flow)[0]) == 1
    run(*asked, FLOWKEYS_URL=server.url, FLOWKEYS_API_KEY=owner.token or "").json  # noqa: B018  # it worked
    assert _rates(owner, flow) == []
