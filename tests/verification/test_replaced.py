"""What answers to calls with a replaced token say of it, on every way: since when, and until when."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import pytest

from flowkeys.domain.times import SECOND, from_iso
from flowkeys.web.hot.protocol import HotProtocol
from tests.conformance import raw
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running
from tests.verification.conftest import Beside, with_waits

FORWARD: Final = "/api/v1/auth/verify"
VERIFY: Final = "/api/v1/apikey/verify"
PREDICT: Final = "/api/v1/prediction/<chatflow>"
ASK: Final = {"question": "Hello"}
# What is called, and the status of the answer.
CALLS: Final[list[tuple[str, str, Any, int]]] = [
    ("GET", FORWARD, None, 200),
    ("HEAD", f"{FORWARD}/x", None, 200),
    ("GET", f"{FORWARD}/chatflow/<chatflow>", None, 200),
    ("GET", f"{FORWARD}/chatflow/<elsewhere>", None, 403),
    ("GET", f"{FORWARD}?mode=nginx&permission=users:manage", None, 403),
    ("POST", VERIFY, {}, 200),
    ("POST", VERIFY, {"chatflowId": "<chatflow>"}, 200),
    ("POST", VERIFY, {"chatflowId": "<elsewhere>"}, 403),
    ("POST", VERIFY, {"token": "fl-"}, 200),
    ("POST", VERIFY, {"tokens": ["fl-", "x"]}, 200),
    ("POST", VERIFY, {"token": 1}, 422),
    ("POST", PREDICT, ASK, 200),
    ("POST", PREDICT, {**ASK, "streaming": True}, 200),
    ("POST", PREDICT, {"question": "x", "form": {"a": "b"}}, 422),
    ("POST", "/api/v1/prediction/<failing>", ASK, 422),
    ("POST", "/api/v1/prediction/<elsewhere>", ASK, 403),
    ("POST", "/api/v1/prediction/<elsewhere>", {**ASK, "streaming": True}, 403),
    ("GET", "/api/v1/apikey", None, 200),
    ("PUT", "/api/v1/apikey/<nobody>", {"keyName": "x"}, 403),
    ("POST", "/api/v1/apikey", {"keyName": "x"}, 403),
    ("GET", "/api/v1/apikey/<nobody>", None, 404),
]


class Rotated(NamedTuple):
    """A key that is being rotated, and what calls name."""

    old: str
    new: str
    rotation: dict[str, Any]
    named: dict[str, str]


def _rotate(owner: Api, key: dict, grace: int = 3600) -> dict:
    answer = owner.post(f"/apikey/{key['id']}/rotate", json={"graceSeconds": grace})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/apikey/{key['id']}"
    made: dict = answer.json()
    return made


@pytest.fixture(scope="module")
def rotated(owner: Api) -> Rotated:
    """A key with a permission, bound to two chatflows, while both of its tokens work."""
    chatflow, other = make_chatflow(owner, "Bound"), make_chatflow(owner, "Elsewhere")
    failing = make_chatflow(owner, "Failing", '{"nodes": [], "edges": []}')
    key = bound_key(owner, chatflow, "rotated")
    body = {"permissions": ["apikeys:view"], "chatflowIds": [chatflow["id"], failing["id"]]}
    assert owner.put(f"/apikey/{key['id']}", json=body).status_code == 200
    made = _rotate(owner, key)
    named = {"<chatflow>": chatflow["id"], "<elsewhere>": other["id"], "<failing>": failing["id"]}
    return Rotated(key["apiKey"], made["apiKey"], made["rotation"], {**named, "<nobody>": "nobody"})


def _filled(text: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        text = text.replace(name, value)
    return text


def _send(url: str, method: str, path: str, body: Any, token: str, named: dict[str, str]) -> raw.Answer:
    if isinstance(body, dict):
        body = {k: _filled(v, named) if isinstance(v, str) else v for k, v in body.items()}
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    return raw.send(url, method, _filled(path, named), headers, json_body=body)


@pytest.mark.parametrize("way", ["protocol", "asgi", "awaiting", "framework"])
@pytest.mark.parametrize(("method", "path", "body", "status"), CALLS, ids=[str(call[:3]) for call in CALLS])
def test_every_answer_to_an_old_token_says_so(
    method: str, path: str, body: Any, status: int, way: str, ways: dict[str, str], rotated: Rotated
) -> None:
    """RFC 9745 and RFC 8594; whole and streamed, allowed and refused. To the new token nothing is said."""
    if way == "framework" and path.startswith(FORWARD):
        return  # it has no other form than the hot one
    old = _send(ways[way], method, path, body, rotated.old, rotated.named)
    assert old.status == status, old.body
    since, until = (from_iso(rotated.rotation[name]) or 0 for name in ("startedAt", "endsAt"))
    assert old.header("deprecation") == f"@{since // SECOND}"
    sunset = old.header("sunset") or ""
    assert sunset.endswith(" GMT")
    assert parsedate_to_datetime(sunset).timestamp() == until // SECOND
    assert [name.lower() for name, _ in old.headers].count("sunset") == 1
    new = _send(ways[way], method, path, body, rotated.new, rotated.named)
    assert new.status == status
    assert new.header("deprecation") is new.header("sunset") is None


@pytest.mark.parametrize("way", ["protocol", "asgi", "framework"])
def test_each_call_is_one_use_of_the_old_token(
    way: str, ways: dict[str, str], server: Running, owner: Api
) -> None:
    """However often it is decided on the way, and by whichever body; what is refused is none."""
    chatflow = make_chatflow(owner, "Counted")
    key = bound_key(owner, chatflow, "counted")
    owner.put(f"/apikey/{key['id']}", json={"permissions": ["apikeys:view", "apikeys:create"]})
    new = _rotate(owner, key)["apiKey"]
    named = {"<chatflow>": chatflow["id"]}
    uses = 0
    for method, path, body in (
        ("POST", PREDICT, ASK),
        ("POST", PREDICT, {**ASK, "streaming": True}),
        ("POST", PREDICT, {**ASK, "uploads": [], "overrideConfig": {"x": "y" * 70_000}}),
        ("POST", VERIFY, {}),
        ("POST", VERIFY, {"token": new}),
        ("GET", "/api/v1/apikey", None),
        ("POST", "/api/v1/apikey", {"keyName": "made"}),
        ("GET", FORWARD if way != "framework" else "/api/v1/apikey", None),
    ):
        answer = _send(ways[way], method, path, body, key["apiKey"], named)
        assert answer.status in {200, 201}, (path, answer.body)
        uses += 1
        server.agree()
        shown = owner.get(f"/apikey/{key['id']}").json()["rotation"]
        assert shown["uses"] == uses, (path, body)
        assert shown["lastAddress"] == "127.0.0.1"
    for path in ("/api/v1/auth/verify/chatflow/x", "/api/v1/chatflows"):
        assert _send(ways[way], "GET", path, None, key["apiKey"], named).status in {403, 404}
    server.agree()
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"]["uses"] == uses


@pytest.mark.parametrize("http", [HotProtocol, "httptools"])
def test_a_question_is_one_use_where_others_have_to_be_looked_up(
    http: Any, serve: Callable[..., Beside], server: Running, owner: Api
) -> None:
    """Of whoever asks and of each that is asked about: the way that knew some of them leaves all of it."""
    asking = bound_key(owner, make_chatflow(owner), "asking")
    owner.put(f"/apikey/{asking['id']}", json={"permissions": ["apikeys:view"]})
    known, other = (bound_key(owner, make_chatflow(owner), name) for name in ("known", "other"))
    keys = asking, known, other
    for key in keys:
        _rotate(owner, key)
    tokens = [key["apiKey"] for key in keys]
    beside = serve(with_waits(server, *(token.encode() for token in tokens[:2])), http=http)
    for body, uses in (
        ({"token": tokens[2]}, (1, 0, 1)),
        ({"tokens": tokens[1:]}, (2, 1, 2)),
        ({"token": tokens[1]}, (3, 2, 2)),
        ({"tokens": [tokens[1], tokens[1]]}, (4, 4, 2)),
    ):
        assert _send(beside.url, "POST", VERIFY, body, tokens[0], {}).status == 200
        server.agree()
        found = tuple(owner.get(f"/apikey/{key['id']}").json()["rotation"]["uses"] for key in keys)
        assert found == uses, body


def test_who_has_the_old_token_is_told(owner: Api, server: Running) -> None:
    """The address and what the client calls itself, a token in it taken out; or what a gateway says of it."""
    key = bound_key(owner, make_chatflow(owner), "seen")
    _rotate(owner, key)
    agent = f"billing/1.0 ({key['apiKey']}) " + "x" * 300
    with server.api(key["apiKey"], **{"User-Agent": agent}) as api:
        assert api.get("/auth/verify").status_code == 200
    server.agree()
    shown = owner.get(f"/apikey/{key['id']}").json()
    assert shown["rotation"]["lastUserAgent"] == ("billing/1.0 (fl-…) " + "x" * 300)[:200]
    assert shown["rotation"]["lastUsedAt"] == shown["lastUsedAt"]
    asked = owner.post("/apikey/verify", json={"token": key["apiKey"], "address": "10.2.0.7"}).json()
    assert asked["tokenValidUntil"] == shown["rotation"]["endsAt"]
    assert asked["tokenReplacedAt"] == shown["rotation"]["startedAt"]
    server.agree()
    later = owner.get(f"/apikey/{key['id']}").json()["rotation"]
    assert (later["lastAddress"], later["lastUserAgent"], later["uses"]) == ("10.2.0.7", None, 2)


def test_a_key_that_ends_sooner_is_told_of_sooner(owner: Api, server: Running) -> None:
    """The sunset of a token is not behind that of its key."""
    key = bound_key(owner, make_chatflow(owner), "ending", expiresIn="30m")
    _rotate(owner, key, grace=86_400)
    with server.api(key["apiKey"]) as api:
        sunset = api.get("/auth/verify").headers["sunset"]
    assert parsedate_to_datetime(sunset).timestamp() == (from_iso(key["expiresAt"]) or 0) // SECOND


def test_an_end_that_was_set_by_hand_is_no_rotation(owner: Api, server: Running) -> None:
    """There is nothing that replaced the token, so nothing is said, and no rotation is shown."""
    key = bound_key(owner, make_chatflow(owner), "by hand")
    with server.shell() as rows:
        rows.execute("UPDATE token SET valid_until = 9000000000000000 WHERE key_id = ?", (key["id"],))
    with server.api(key["apiKey"]) as api:
        answer = api.get("/auth/verify")
    assert answer.status_code == 200
    assert "sunset" not in answer.headers
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"] is None
