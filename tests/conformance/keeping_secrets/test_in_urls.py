"""Keeping the secret: a token in a URL is refused, told where it belongs, and repeated nowhere."""

from urllib.parse import quote

import pytest

from tests.conformance import raw, ways
from tests.conformance.process import Served
from tests.conformance.routes import ALL, Declared, request_for
from tests.support.flows import bound_key, make_chatflow

NAMES = ("access_token", "apikey", "apiKey", "API_KEY", "api_key", "api-key", "x-api-key", "bearer")
NAMES += ("Authorization", "token", "key", "q", "flowkeys", "")


class Guarded:
    """A server in a process of its own, a chatflow, and the token that opens it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.owner = served.owner()
        self.chatflow = make_chatflow(self.owner, "guarded")
        self.key = bound_key(self.owner, self.chatflow)
        self.token: str = self.key["apiKey"]
        store = self.owner.post("/document-stores", json={"name": "guarded"}).json()["id"]
        self.ids = {
            "key_id": self.key["id"],
            "chatflow_id": self.chatflow["id"],
            "store_id": store,
            "document_id": "x",
            "webhook_id": "x",
            "credential_id": "x",
            "variable_id": "x",
            "customer_id": "x",
            "delivery_id": "x",
            "execution_id": "x",
            "tool_id": "x",
        }

    def refuses(self, method: str, target: str, headers: ways.Headers, body: bytes | None = None) -> None:
        """Assert that a target is refused, with and without a good credential beside it, and kept quiet."""
        for credential in ([], ways.bearer(self.token), ways.bearer(self.owner.token or "")):
            answer = raw.send(self.served.url, method, target, [*credential, *headers], body)
            assert answer.status == 400, (target, answer)
            self.quiet(answer)
            if method == "HEAD":
                continue
            assert answer.code == "invalid_request"
            assert b"Authorization: Bearer" in answer.body
            assert 'error="invalid_request"' in (answer.header("www-authenticate") or "")

    def quiet(self, answer: raw.Answer) -> None:
        """Assert that neither the answer nor the log repeats the token."""
        said = str(answer.headers).encode() + answer.body
        for part in (self.token, self.token[3:], quote(self.token), self.token[3:20]):
            assert part.encode() not in said
            assert part not in self.served.log.read_text("utf-8", "replace")


@pytest.fixture(scope="module")
def guarded(served: Served) -> Guarded:
    """Return a server whose log is at its most talkative."""
    return Guarded(served)


def encodings(token: str) -> dict[str, str]:
    """Return ways to write a token in a URL."""
    return {
        "as it is": token,
        "its dash as %2d": token.replace("-", "%2d"),
        "its first letter as %66": "%66" + token[1:],
        "every character as %xx": "".join(f"%{ord(character):02x}" for character in token),
        "every character as %XX": "".join(f"%{ord(character):02X}" for character in token),
        "with something before": f"x{token}",
        "with something behind": f"{token}x",
        "behind a scheme": f"Bearer%20{token}",
    }


@pytest.mark.parametrize("route", ALL, ids=str)
def test_a_token_in_the_query_is_refused_on_every_route(route: Declared, guarded: Guarded) -> None:
    """Flowise, Langflow, Kong took keys from the URL: here every route refuses one, open ones too."""
    path, arguments = request_for(route, guarded.ids)
    headers, body = raw.encoded(arguments)
    for value in encodings(guarded.token).values():
        for name in ("access_token", "x"):
            guarded.refuses(route.method, f"/api/v1{path}?{name}={value}", headers, body)


@pytest.mark.parametrize("name", NAMES)
def test_no_parameter_carries_a_token(name: str, guarded: Guarded) -> None:
    """Whatever it is called, alone or among others, a token in the query is refused."""
    token = guarded.token
    queries = [
        f"{name}={token}",
        f"page=1&{name}={token}&limit=1",
        f"{name}[]={token}",
        f"a=b;{name}={token}",
    ]
    queries += [f"{name}", f"{name}=anything", f"{quote(name)}=x", f"{name.upper()}=x"]
    for query in queries:
        target = f"/api/v1/prediction/{guarded.chatflow['id']}?{query}"
        if token in query or name.lower() in {part.lower() for part in NAMES[:9]}:
            guarded.refuses("POST", target, [(b"Content-Type", b"application/json")], b'{"question":"x"}')


@pytest.mark.parametrize("how", encodings("x"))
def test_a_token_in_the_path_is_refused(how: str, guarded: Guarded) -> None:
    """A token in the place of an id, or anywhere in the path, is refused before a route is looked for."""
    value = encodings(guarded.token)[how]
    for path in (f"/apikey/{value}", f"/prediction/{value}", f"/{value}", f"/apikey/{value}/chatflows"):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            guarded.refuses(method, f"/api/v1{path}", [])
    guarded.refuses("GET", f"/{value}/api/v1/ping", [])
    guarded.refuses("GET", f"/static/{value}.js", [])


def test_a_token_that_cannot_be_read_from_a_url_is_not_repeated_either(guarded: Guarded) -> None:
    """Encoded twice, cut, or in a fragment it may go unseen: then it is no credential, and kept quiet."""
    token = guarded.token
    twice = "".join(f"%25{ord(character):02x}" for character in token)
    for target in (f"/api/v1/ping?x={twice}", f"/api/v1/prediction/{twice}", f"/api/v1/ping?x={token[3:]}"):
        method = "POST" if "prediction" in target else "GET"
        answer = raw.send(guarded.served.url, method, target)
        assert answer.status in {200, 400, 401}
        guarded.quiet(answer)
    answer = raw.send(guarded.served.url, "GET", f"/api/v1/apikey?x={token[3:]}&y={twice}")
    assert (answer.status, answer.code) == (401, "missing_credentials")
    guarded.quiet(answer)


def test_a_url_without_a_token_is_not_refused(guarded: Guarded) -> None:
    """The refusals above would prove nothing if every query were refused."""
    for query in ("search=fl-", "search=key", "search=token", "search=fl-0123", "x=apikey"):
        assert guarded.owner.get(f"/apikey?{query}").status_code == 200
