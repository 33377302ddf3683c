"""Who gets in: the same callers by every way in, and by none to a chatflow that nobody opened."""

import uuid
from collections.abc import Callable

import httpx
import pytest

from flowkeys.domain.keys.token import Token
from tests.conformance import ways
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow, make_key

BOUND = (200, None)
CALLERS = {
    "nobody": (401, "missing_credentials"),
    "bound": BOUND,
    "bound and expiring later": BOUND,
    "disabled and enabled again": BOUND,
    "bound elsewhere": (403, "chatflow_not_allowed"),
    "bound to nothing": (403, "chatflow_not_allowed"),
    "an owner": (403, "chatflow_not_allowed"),
    "of another workspace": (403, "chatflow_not_allowed"),
    "unbound again": (403, "chatflow_not_allowed"),
    "disabled": (401, "disabled_key"),
    "expired": (401, "expired_key"),
    "revoked": (401, "revoked_key"),
    "never made": (401, "unknown_key"),
    "mistyped": (401, "unknown_key"),
    "of another shape": (401, "unknown_key"),
}
"""CONTRACT section 4, for a chatflow that a key protects."""
PUBLIC = CALLERS | {
    "nobody": BOUND,
    "bound elsewhere": BOUND,
    "bound to nothing": BOUND,
    "an owner": BOUND,
    "unbound again": BOUND,
}
"""For a public chatflow: whoever sends no token, and each good key of the workspace; no bad token."""
CLOSED = CALLERS | {
    "bound": (403, "chatflow_not_allowed"),
    "bound and expiring later": (403, "chatflow_not_allowed"),
    "disabled and enabled again": (403, "chatflow_not_allowed"),
}
"""For a chatflow that nobody opened, and for none at all."""


@pytest.fixture(scope="module")
def tokens(here: Tenant, there: Tenant) -> dict[str, str | None]:
    """Return a token for each kind of caller."""
    owner, chatflow = here.owner, here.chatflow
    made = {
        name: bound_key(owner, chatflow, name) for name in ("disabled", "expired", "revoked", "unbound again")
    }
    owner.post(f"/apikey/{made['disabled']['id']}/disable")
    owner.delete(f"/apikey/{made['revoked']['id']}")
    owner.put(f"/apikey/{made['unbound again']['id']}/chatflows", json={"chatflowIds": []})
    here.server.by_hand("UPDATE api_key SET expires_at = 1 WHERE id = ?", made["expired"]["id"])
    made["bound and expiring later"] = bound_key(owner, chatflow, expiresIn="1h")
    made["disabled and enabled again"] = again = bound_key(owner, chatflow)
    for verb in ("disable", "enable"):
        owner.post(f"/apikey/{again['id']}/{verb}")
    made["bound elsewhere"] = bound_key(owner, make_chatflow(owner, "elsewhere"))
    made["bound to nothing"] = make_key(owner)
    return {
        **{name: key["apiKey"] for name, key in made.items()},
        "nobody": None,
        "bound": here.token,
        "an owner": owner.token,
        "of another workspace": there.token,
        "never made": Token.mint().reveal(),
        "mistyped": here.token[:-1] + ("0" if here.token[-1] != "0" else "1"),
        "of another shape": "5up3rS3cr3t",
    }


@pytest.fixture(scope="module")
def chatflows(here: Tenant) -> dict[str, str]:
    """Return the ids of chatflows that are open in different ways."""
    return {
        "protected": here.chatflow["id"],
        "public": make_chatflow(here.owner, "public", isPublic=True)["id"],
        "closed": make_chatflow(here.owner, "closed")["id"],
        "none": str(uuid.uuid4()),
        "not an id": "x",
    }


EXPECTED = {"protected": CALLERS, "public": PUBLIC, "closed": CLOSED, "none": CLOSED, "not an id": CLOSED}


@pytest.mark.parametrize("chatflow", EXPECTED)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_way_in_decides_the_same(
    caller: str, chatflow: str, tokens: dict[str, str | None], chatflows: dict[str, str], here: Tenant
) -> None:
    """Open WebUI CVE-2026-45339: a restriction was enforced for one carrier of credentials only.

    The fast path, a stream, the application without the fast path and the SDK agree with the contract, and
    with each other to the letter of the challenge.
    """
    token, target = tokens[caller], chatflows[chatflow]
    headers = ways.bearer(token) if token else []
    found = {name: way(here.server, target, headers) for name, way in ways.PREDICTIONS.items()}
    assert len(set(found.values())) == 1, found
    decided = found["the fast path"]
    assert (decided.status, decided.code) == EXPECTED[chatflow][caller]
    assert (decided.challenge is not None) == (decided.status != 200)
    assert tuple(ways.sdk(here.server, target, token))[:2] == EXPECTED[chatflow][caller]


@pytest.mark.parametrize("caller", CALLERS)
def test_verification_and_management_know_the_same_callers(
    caller: str, tokens: dict[str, str | None], here: Tenant
) -> None:
    """The framework's routes refuse whom predictions refuse, with the same words."""
    token = tokens[caller]
    headers = ways.bearer(token) if token else []
    prediction = ways.fast_path(here.server, here.chatflow["id"], headers)
    assert ways.verify(here.server, here.chatflow["id"], headers) == prediction
    managed = ways.management(here.server, "", headers)
    if prediction.status == 401:
        assert managed == prediction
    else:
        allowed = token == here.owner.token or caller == "of another workspace and an owner"
        assert managed.status == (200 if allowed else 403)


@pytest.mark.parametrize("caller", [name for name, (status, _) in CALLERS.items() if status == 401])
def test_a_refused_credential_learns_nothing_about_chatflows(
    caller: str, tokens: dict[str, str | None], chatflows: dict[str, str], here: Tenant
) -> None:
    """CONTRACT section 4: the answer is the same whether the chatflow exists or not, unless it is public."""
    headers = ways.bearer(tokens[caller] or "") if tokens[caller] else []
    answers = {
        ways.fast_path(here.server, chatflows[name], headers) for name in chatflows if name != "public"
    }
    assert len(answers) == 1


CLOSINGS: dict[str, Callable[[httpx.Client, str, str], httpx.Response]] = {
    "unbind with null": lambda api, flow, _: api.put(f"/chatflows/{flow}", json={"apikeyid": None}),
    "unbind with an empty text": lambda api, flow, _: api.put(f"/chatflows/{flow}", json={"apikeyid": ""}),
    "unbind all": lambda api, flow, _: api.put(f"/chatflows/{flow}", json={"apiKeyIds": []}),
    "unbind one": lambda api, flow, key: api.delete(f"/chatflows/{flow}/keys/{key}"),
    "unbind from the key": lambda api, _, key: api.put(f"/apikey/{key}/chatflows", json={"chatflowIds": []}),
    "update the key": lambda api, _, key: api.put(f"/apikey/{key}", json={"chatflowIds": []}),
    "revoke the key": lambda api, _, key: api.delete(f"/apikey/{key}"),
    "disable the key": lambda api, _, key: api.post(f"/apikey/{key}/disable"),
    "delete the chatflow": lambda api, flow, _: api.delete(f"/chatflows/{flow}"),
    "rename the chatflow": lambda api, flow, _: api.put(f"/chatflows/{flow}", json={"name": "x"}),
    "close it explicitly": lambda api, flow, _: api.put(f"/chatflows/{flow}", json={"isPublic": False}),
    "isPublic null": lambda api, flow, _: api.put(f"/chatflows/{flow}", json={"isPublic": None}),
}


@pytest.mark.parametrize("closing_by", CLOSINGS)
def test_nothing_that_takes_access_away_opens_a_chatflow(closing_by: str, here: Tenant) -> None:
    """Flowise#2823: a chatflow without a key was open to the world. Here it answers nobody."""
    for was_public in (False, True):
        chatflow = make_chatflow(here.owner, isPublic=was_public)
        key = bound_key(here.owner, chatflow)  # binding ends being public
        answer = CLOSINGS[closing_by](here.owner, chatflow["id"], key["id"])
        assert answer.status_code == 200, answer.text
        path = f"/prediction/{chatflow['id']}"
        refused = here.server.api().post(path, json=ways.QUESTION)
        assert (refused.status_code, refused.json()["code"]) == (401, "missing_credentials")
        assert here.owner.post(path, json=ways.QUESTION).status_code == 403
        assert here.server.api().get(f"/public-chatbotConfig/{chatflow['id']}").status_code == 404


def test_a_new_chatflow_answers_nobody(here: Tenant) -> None:
    """Closed by default: neither the public, nor any key, until one is bound."""
    for members in ({}, {"isPublic": False}, {"isPublic": None}, {"apikeyid": None}, {"apiKeyIds": []}):
        chatflow = make_chatflow(here.owner, "new", **members)
        assert ways.fast_path(here.server, chatflow["id"], []).status == 401
        assert ways.fast_path(here.server, chatflow["id"], ways.bearer(here.token)).status == 403


def test_what_a_flow_says_of_itself_opens_nothing(here: Tenant) -> None:
    """Members of configurations that other products read as access are stored, and mean nothing here."""
    config = '{"isPublic": true, "public": true, "allowedOrigins": ["*"], "allowedOriginsError": ""}'
    chatflow = make_chatflow(here.owner, "talks", chatbotConfig=config, apiConfig=config, deployed=True)
    assert ways.fast_path(here.server, chatflow["id"], []).status == 401
    made_public = here.owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
    assert made_public.status_code == 422  # it names an origin that is none
    assert ways.fast_path(here.server, chatflow["id"], []).status == 401
