"""Hypothesis over the bodies of keys and of verification: arbitrary JSON, and what only looks like it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowkeys.domain.permissions import KNOWN
from flowkeys.domain.times import from_iso
from tests.support.flows import make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.sweeps import examples

CALM = settings(deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
HELD = ("apikeys:view", "apikeys:create", "apikeys:update", "chatflows:update", "chatflows:view")
REFUSALS = {400, 403, 413, 422}
OUT = {
    "id", "keyName", "apiKey", "apiSecret", "permissions", "chatFlows", "status", "expiresAt", "lastUsedAt",
    "createdAt", "createdDate", "updatedAt", "updatedDate", "createdBy", "workspaceId", "note",
    "allowedIps", "rotation", "customerId", "customer", "rateLimits", "quotas", "lastAddress",
    "lastUserAgent",
}  # fmt: skip


class Target:
    """A caller with some permissions, a key of its own to change, and a chatflow."""

    def __init__(self, server: Running, owner: Api) -> None:
        self.owner = owner
        self.caller = server.api(server.key("fuzzing", HELD)["apiKey"])
        self.chatflow = make_chatflow(owner, "fuzzed")["id"]
        self.key = make_key(self.caller, "fuzzed")
        self.workspace_id = self.key["workspaceId"]

    def send(self, method: str, path: str, content: bytes) -> tuple[int, Any]:
        """Send a body as it is."""
        headers = {"Content-Type": "application/json"}
        answer = self.caller.request(method, path, content=content, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def target(server: Running, owner: Api) -> Target:
    """Return what is fuzzed."""
    return Target(server, owner)


texts = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        ["", " ", "\x00", "*", "null", "\u202e", "\ufeff", "x" * 101, "x" * 2001, "é" * 100, "🔑" * 100]
    ),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Co", "Cn"]), max_size=3),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
permissions = st.lists(st.one_of(st.sampled_from([*sorted(KNOWN), *HELD]), texts), max_size=4)
times = st.sampled_from(
    ["2999-01-01T00:00:00Z", "2999-01-01", "1999-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59",
     "9999-12-31T23:59:59-23:59", "2999-W01-1", "2999-001", "29990101T000000", "now", "2999-02-30"],
)  # fmt: skip
members = {
    "keyName": st.one_of(texts, values),
    "permissions": st.one_of(permissions, values),
    "chatflowIds": st.one_of(st.lists(st.one_of(st.just("{chatflow}"), texts), max_size=3), values),
    "expiresAt": st.one_of(times, values),
    "expiresIn": st.one_of(st.from_regex(r"[0-9]{1,12} ?[smhdwMy]"), values),
    "note": values,
    "status": values,
    "id": values,
    "workspaceId": values,
    "lastUsedAt": st.one_of(times, values),
    "lastAddress": values,
}
bodies = st.fixed_dictionaries({}, optional=members).flatmap(
    lambda body: st.dictionaries(texts, values, max_size=1).map(lambda more: {**more, **body})
)


def encode(body: Any, target: Target) -> bytes:
    """Return JSON as a careless client writes it: NaN, lone surrogates and all."""
    text = json.dumps(body, ensure_ascii=True).replace("{chatflow}", target.chatflow)
    return text.encode()


def check_key(made: dict[str, Any], target: Target) -> None:
    """Assert what holds of every key that this caller could have made or changed."""
    assert set(made) <= OUT
    assert made["keyName"] == made["keyName"].strip() != ""
    assert len(made["keyName"]) <= 100
    assert set(made["permissions"]) <= set(HELD)
    assert {flow["id"] for flow in made["chatFlows"]} <= {target.chatflow}
    assert made["workspaceId"] == target.workspace_id
    assert made["createdBy"]["name"] == "fuzzing"
    assert made["status"] == "active"
    if made["expiresAt"] is not None:
        assert (from_iso(made["expiresAt"]) or 0) > (from_iso(made["createdAt"]) or 0)


@settings(CALM, max_examples=examples(200))
@given(body=st.one_of(bodies, values))
@example(body={"keyName": "x", "permissions": ["a\r\nSet-Cookie: a=b"]})
@example(body={"keyName": "x", "expiresIn": "999999999w"})
def test_a_key_is_made_as_it_was_asked_for_or_not_at_all(body: Any, target: Target) -> None:
    """Never a 5xx, and never a key that holds more than its maker, or anything that was not sent."""
    before = target.owner.get("/apikey?page=1").json()["total"]
    status, answer = target.send("POST", "/apikey", encode(body, target))
    after = target.owner.get("/apikey?page=1").json()["total"]
    if status != 201:
        assert status in REFUSALS
        assert after == before
        return
    check_key(answer, target)
    assert after == before + 1
    assert set(body) <= {"keyName", "permissions", "chatflowIds", "expiresAt", "expiresIn", "note"}
    assert answer["keyName"] == body["keyName"].strip()
    assert set(answer["permissions"]) == set(body.get("permissions", []))
    assert len(answer["chatFlows"]) == len(set(body.get("chatflowIds", [])))
    assert (answer["expiresAt"] is None) is (body.get("expiresAt") is None and body.get("expiresIn") is None)
    target.owner.delete(f"/apikey/{answer['id']}")


@settings(CALM, max_examples=examples(200))
@given(body=st.one_of(bodies, values))
def test_a_key_is_changed_as_it_was_asked_for_or_not_at_all(body: Any, target: Target) -> None:
    """The same for an update: a refusal has changed nothing, a success nothing else."""
    path = f"/apikey/{target.key['id']}"
    before = target.owner.get(path).json()
    status, answer = target.send("PUT", path, encode(body, target))
    after = target.owner.get(path).json()
    if status != 200:
        assert status in REFUSALS
        assert after == before
        return
    check_key(after, target)
    assert after == answer
    sent = {"updatedAt", "updatedDate", *body}
    sent |= {"expiresAt"} if "expiresIn" in body else set()
    sent |= {"chatFlows"} if "chatflowIds" in body else set()
    assert {name for name in after if after[name] != before[name]} <= sent
    assert all(after[name] == before[name] for name in ("id", "apiKey", "createdAt", "createdBy", "status"))


NOT_JSON = {
    "NaN": b'{"keyName": "x", "note": NaN}',
    "Infinity": b'{"keyName": "x", "note": -Infinity}',
    "a number beyond measure": b'{"keyName": "x", "note": 1e99999}',
    "a number of 10,000 digits": b'{"keyName": "x", "note": ' + b"9" * 10_000 + b"}",
    "half a surrogate pair": b'{"keyName": "\\ud83d"}',
    "the halves in the wrong order": b'{"keyName": "\\udd11\\ud83d"}',
    "bytes that are not UTF-8": b'{"keyName": "\xff\xfe"}',
    "an overlong NUL": b'{"keyName": "a\xc0\x80"}',
    "a surrogate in UTF-8": b'{"keyName": "\xed\xa0\xbd"}',
    "UTF-16": '{"keyName": "x"}'.encode("utf-16"),
    "two byte order marks": b'\xef\xbb\xbf\xef\xbb\xbf{"keyName": "x"}',
    "more behind it": b'{"keyName": "x"} {"keyName": "y"}',
    "a comment": b'{"keyName": "x" /* no */}',
    "a comma too much": b'{"keyName": "x",}',
    "single quotes": b"{'keyName': 'x'}",
    "a bare line end": b'{"keyName": "a\nb"}',
    "nothing": b"",
    "white space": b"  ",
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "depth in a member": b'{"keyName": "x", "note": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "depth of objects": b'{"keyName": ' * 5000 + b'"x"' + b"}" * 5000,
    "depth that the parser takes": b'{"keyName": "x", "note": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a form": b"keyName=x",
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(content: bytes, target: Target) -> None:
    """400 with our own words, on every route that takes a body; never a 5xx, and nothing is made."""
    before = target.owner.get("/apikey?page=1").json()["total"]
    for method, path in (
        ("POST", "/apikey"),
        ("PUT", f"/apikey/{target.key['id']}"),
        ("POST", "/apikey/verify"),
    ):
        status, answer = target.send(method, path, content)
        assert (status, answer["code"]) == (400, "invalid_json")
    assert target.owner.get("/apikey?page=1").json()["total"] == before


DEEP = {
    "chatflow members": ("deployed", lambda depth: b"[" * depth + b"]" * depth),
    "chatflow objects": ("analytic", lambda depth: b'{"a":' * depth + b"1" + b"}" * depth),
    "flowData": (
        "flowData",
        lambda depth: json.dumps('{"nodes":[],"edges":[],"x":' + "[" * depth + "]" * depth + "}").encode(),
    ),
    "chatbotConfig": (
        "chatbotConfig",
        lambda depth: json.dumps('{"x":' + "[" * depth + "]" * depth + "}").encode(),
    ),
}


@pytest.mark.parametrize("where", DEEP)
def test_what_was_stored_can_always_be_shown(where: str, target: Target) -> None:
    """A value that is accepted at any depth never breaks a list that it is in: once, 960 levels did."""
    member, make = DEEP[where]
    path = f"/chatflows/{target.chatflow}"
    headers = {"Content-Type": "application/json"}
    statuses = set()
    for depth in (10, 150, 190, 197, 198, 199, 200, 201, 400, 900, 950, 960, 970, 980, 990, 1000, 2000):
        content = f'{{"{member}": '.encode() + make(depth) + b"}"
        statuses.add(target.owner.put(path, content=content, headers=headers).status_code)
        for shown in (path, "/chatflows", "/chatflows?page=1&limit=1000"):
            assert target.owner.get(shown).status_code == 200, (depth, shown)
    assert 200 in statuses
    assert statuses <= {200, 400, 422}
    reset = {"deployed": None, "analytic": None, "chatbotConfig": None, "flowData": '{"nodes":[],"edges":[]}'}
    assert target.owner.put(path, json=reset).status_code == 200


def test_of_members_that_are_there_twice_the_last_counts_and_is_checked(target: Target) -> None:
    """A body is read once, by one parser: there is no second reading that sees the other member."""
    held, more = b'["apikeys:view"]', b'["*"]'
    for first, second, status in ((more, held, 201), (held, more, 403), (b"[]", b'["no:such"]', 422)):
        content = b'{"keyName": "a", "permissions": %s, "keyName": "b", "permissions": %s}' % (first, second)
        found, answer = target.send("POST", "/apikey", content)
        assert found == status
        if status == 201:
            assert (answer["keyName"], answer["permissions"]) == ("b", ["apikeys:view"])


@settings(CALM, max_examples=examples(150))
@given(
    body=st.one_of(
        values,
        st.fixed_dictionaries(
            {},
            optional={
                "token": st.one_of(texts, values),
                "tokens": st.one_of(st.lists(texts, max_size=3), values),
                "chatflowId": st.one_of(texts, values),
                "permission": st.one_of(st.sampled_from(sorted(KNOWN)), values),
            },
        ),
    )
)
def test_verification_says_yes_only_to_what_is_true(body: Any, target: Target) -> None:
    """No text is anyone's token by chance; about itself the caller hears what it holds, and no more."""
    status, answer = target.send("POST", "/apikey/verify", encode(body, target))
    if status != 200:
        assert status in REFUSALS
        return
    if "token" in body or "tokens" in body:
        assert not any(item["valid"] for item in answer.get("results", [answer]) if item)
    else:
        assert answer["valid"] is True
        assert body.get("permission", "apikeys:view") in HELD
        assert "chatflowId" not in body
