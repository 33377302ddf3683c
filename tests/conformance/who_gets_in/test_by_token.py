"""Who gets in: by the whole token and by nothing that is like it, derived from it, or hostile."""

from collections.abc import Iterator

import pytest

from flowkeys.domain.keys.token import ALPHABET, RANDOM_LENGTH, Token, checksum
from tests.conformance import raw, ways
from tests.conformance.process import Served
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api


def sibling(body: str, position: int) -> str:
    """Return a well-formed token that differs from another in one of its random characters."""
    other = ALPHABET[(ALPHABET.index(body[position]) + 1) % len(ALPHABET)]
    changed = body[:position] + other + body[position + 1 :]
    return f"fl-{changed}{checksum(changed)}"


@pytest.mark.parametrize("position", range(RANDOM_LENGTH))
def test_tokens_that_share_all_but_one_character_share_nothing(position: int, here: Tenant) -> None:
    """LiteLLM CVE-2026-35030: a cache was keyed by the token's first 20 characters.

    The good token is used first, so that a cache would hold it.
    """
    body = here.token[3 : 3 + RANDOM_LENGTH]
    assert here.ask() == 200
    near = ways.bearer(sibling(body, position))
    for way in (ways.fast_path, ways.verify, ways.management):
        found = way(here.server, here.chatflow["id"], near)
        assert (found.status, found.code) == (401, "unknown_key")
    answer = here.owner.post("/apikey/verify", json={"token": sibling(body, position)})
    assert (answer.json()["valid"], answer.json()["code"]) == (False, "unknown_key")


def test_two_keys_whose_tokens_share_a_prefix_are_two_keys(here: Tenant) -> None:
    """CVE-2026-35030: each of two tokens that differ in their last random character finds its own key."""
    body = Token.mint().reveal()[3 : 3 + RANDOM_LENGTH]
    texts = [f"fl-{body}{checksum(body)}", sibling(body, RANDOM_LENGTH - 1)]
    keys = [make_key(here.owner, f"twin {number}") for number in range(2)]
    hasher = here.server.runtime.hasher
    for key, text in zip(keys, texts, strict=True):
        token = Token.parse(text)
        assert token is not None
        values = (hasher.digest(token).newest, key["id"])
        here.server.by_hand("UPDATE token SET digest = ? WHERE key_id = ?", *values)
    for _ in range(3):
        for key, text in zip(keys, texts, strict=True):
            assert here.server.api(text).post("/apikey/verify", json={}).json()["id"] == key["id"]
    here.owner.post(f"/apikey/{keys[0]['id']}/disable")
    codes = [here.server.api(text).post("/apikey/verify", json={}).status_code for text in texts]
    assert codes == [401, 200]


def derived(made: dict, masked: dict) -> Iterator[str]:
    """Yield everything that is stored or shown of a key, in forms that could be mistaken for its token."""
    secret, token = made["apiSecret"], made["apiKey"]
    algorithm, secret_id, digest = secret.split("$")
    hint = token[-4:]
    yield from (secret, digest, digest.upper(), f"{secret_id}${digest}", f"{algorithm}:{digest}", algorithm)
    yield from (f"fl-{digest}", f"fl-{digest[:32]}", f"fl-{digest[:26]}{checksum(digest[:26])}", secret_id)
    yield from (masked["apiKey"], hint, f"fl-{hint}", f"fl-{'*' * 28}{hint}", f"fl-{'0' * 28}{hint}")
    yield from (
        made["id"],
        made["id"].replace("-", ""),
        f"fl-{made['id']}",
        made["keyName"],
        made["workspaceId"],
    )
    yield from (token[3:], token[:-1], token[:-6], token + token, token[::-1], token.lower(), token.upper())
    yield from (
        f"{made['id']}:{token}",
        f"{token}:{made['id']}",
        f"{token}.",
        f"{token}/",
        f"{token}=",
        f"{token}\n",
    )


def test_nothing_that_is_stored_or_shown_of_a_key_is_a_key(here: Tenant) -> None:
    """LiteLLM: a stored hash worked as a key. The digest, the masked form, the hint and the id do not."""
    made = make_key(here.owner, "derived", permissions=["apikeys:view"], chatflowIds=[here.chatflow["id"]])
    masked = here.owner.get(f"/apikey/{made['id']}").json()
    with here.server.shell() as rows:
        columns = rows.execute("SELECT * FROM token WHERE key_id = ?", (made["id"],)).fetchone()
    shown = {*derived(made, masked), *(str(value) for value in columns if value)}
    assert made["apiKey"] not in shown
    for text in shown:
        header = [(b"Authorization", b"Bearer " + text.encode())]
        if "\n" not in text:
            for way in (ways.fast_path, ways.verify, ways.management):
                assert way(here.server, here.chatflow["id"], header).status in {400, 401}, text
        answer = here.owner.post("/apikey/verify", json={"token": text}).json()
        assert (answer["valid"], answer["code"]) == (False, "unknown_key"), text
    assert ways.management(here.server, "", ways.bearer(made["apiKey"])).status == 200


MARK = "Xyzzy"
"""Stands in every hostile value, so that the log can be searched for what clients wrote."""
SQL = [
    f"{MARK}' OR '1'='1",
    f"{MARK}'--",
    f"{MARK}'; DROP TABLE api_key; --",
    f"' UNION SELECT * FROM token -- {MARK}",
    f"{MARK}\\' OR 1=1",
    f'{MARK}" OR ""="',
    f"{MARK}%' OR digest LIKE '%",
    f"{MARK}:d0",
    f"{MARK}?1",
    f"{MARK}$1",
    f"{MARK}/**/OR/**/1=1",
]
SHAPED = [
    "fl-" + f"{MARK}'OR'1'='1".ljust(32, "0"),
    "fl-" + f"{MARK}--".ljust(32, "-"),
    "fl-" + MARK.ljust(26, "a") + checksum(MARK.ljust(26, "a")),
    "fl-" + MARK.ljust(32, "\u0661"),  # digits that are not ASCII's
    "fl-" + MARK.ljust(32, "\uff11"),
]
BYTES = [
    f"{MARK}\x00".encode(),
    f"{MARK}\x00' OR 1=1".encode(),
    f"{MARK}é".encode(),
    f"{MARK}é".encode("latin-1"),
    f"{MARK}".encode() + b"\xff\xfe\x80",
    f"{MARK}\u202e\u2066".encode(),
    f"{MARK}\U0001f511".encode(),
    f"{MARK}\x0b\x0c\x1c\x85".encode(),
    f"{MARK}\x7f\x1b[31m".encode(),
    f"{MARK}{{{{7*7}}}}${{jndi:ldap://x}}%n%s".encode(),
]
HOSTILE = [text.encode() for text in SQL + SHAPED] + BYTES
TARGETS = ["/prediction/{chatflow_id}", "/apikey/verify", "/chatflows", "/apikey"]


@pytest.fixture(scope="module")
def guarded(served: Served) -> tuple[Served, Api, dict, str]:
    """Return a server in a process of its own, with a chatflow and a token that opens it."""
    owner = served.owner()
    chatflow = make_chatflow(owner, "guarded")
    return served, owner, chatflow, bound_key(owner, chatflow)["apiKey"]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_a_hostile_token_is_refused_and_not_logged(value: bytes, guarded: tuple) -> None:
    """LiteLLM CVE-2026-42208: the raw header reached SQL in an error path.

    Never a crash, never a success; the body, the header and the query are not in the log, which is at its
    most talkative; and a good key works afterwards.
    """
    served, owner, chatflow, token = guarded
    for path in TARGETS:
        target = f"/api/v1{path.format(chatflow_id=chatflow['id'])}"
        for scheme in (b"Bearer ", b"Basic ", b""):
            headers = [(b"Authorization", scheme + value)]
            answer = raw.send(served.url, "POST", target, headers, json_body={"question": MARK, "name": MARK})
            assert answer.status in {400, 401}, answer
            assert MARK.encode() not in answer.body
    if b"\x00" not in value:
        text = value.decode("utf-8", "replace")
        answer = owner.post("/apikey/verify", json={"token": text, "chatflowId": text})
        assert (answer.status_code, answer.json()["code"]) == (200, "unknown_key")
    assert MARK not in served.log.read_text("utf-8", "replace")
    assert served.api(token).post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200


LARGE = {
    "a token of 1 MB": [(b"Authorization", b"Bearer fl-" + MARK.encode() * 200_000)],
    "a malformed token of 1 MB": [(b"Authorization", (b"'" + MARK.encode()) * 200_000)],
    "10,000 headers": [(b"X-%d" % number, MARK.encode()) for number in range(10_000)],
    "10,000 credentials": [(b"Authorization", b"Bearer " + MARK.encode())] * 10_000,
    "a name of 1 MB": [(MARK.encode() * 200_000, b"x")],
    "201 headers": [(b"X-%d" % number, b"x") for number in range(201)],
}


@pytest.mark.parametrize("headers", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("with_token", [False, True], ids=["nobody", "a good token beside it"])
def test_headers_beyond_measure_are_refused(
    headers: list[tuple[bytes, bytes]], with_token: bool, guarded: tuple
) -> None:
    """CVE-2026-42208's row: 1 MB and 10,000 headers are 4xx, never 5xx, and never logged."""
    served, _, chatflow, token = guarded
    sent = [*(ways.bearer(token) if with_token else []), *headers]
    for path in ("/api/v1/ping", f"/api/v1/prediction/{chatflow['id']}", "/api/v1/apikey"):
        answer = raw.send(served.url, "POST" if "prediction" in path else "GET", path, sent)
        assert answer.status == 431, (path, answer.status)
        assert answer.code == "headers_too_large"
    assert MARK not in served.log.read_text("utf-8", "replace")
    assert served.api(token).post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200


BROKEN = {
    "a space before the colon": b"Authorization : Bearer {token}",
    "NUL in the name": b"Authorization\x00: Bearer {token}",
    "NUL in the value": b"Authorization: Bearer {token}\x00",
    "NUL before the token": b"Authorization: Bearer \x00{token}",
    "an underscore's name": b"HTTP_Authorization: Bearer {token}",
    "a name that ends alike": b"X-Authorization: Bearer {token}",
    "a name that starts alike": b"Authorization2: Bearer {token}",
    "behind a bare carriage return": b"X: y\rAuthorization: Bearer {token}",
    "in a trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer {token}",
    "in the host": b"Host: {token}@localhost",
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_a_token_in_a_broken_place_does_not_count(line: bytes, guarded: tuple) -> None:
    """CONTRACT section 3: a token is accepted in one place. Near it is not in it."""
    served, _, chatflow, token = guarded
    request = (
        b"POST /api/v1/prediction/%s HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
    )
    body = b'{"question":"Hello"}'
    data = request % chatflow["id"].encode() + line.replace(b"{token}", token.encode())
    if b"chunked" not in line:
        data += b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answer = raw.exchange(served.url, data + (b"\r\n\r\n" if b"chunked" in line else b""))
    assert answer.status in {400, 401}, answer
    assert token not in served.log.read_text("utf-8", "replace")
