"""Keeping the secret: after everything was done once, a token is nowhere but with its holder."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import flowkeys
from tests.conformance import raw, ways
from tests.conformance.process import Served
from tests.conformance.tenants import searching
from tests.flows.support import chain, node
from tests.support import databases
from tests.support.databases import ON_POSTGRES
from tests.support.flows import exported, make_chatflow, unknown

WINDOW = 12
"""Characters in a row that give a token away; the hint, which is shown, is four."""
TARGETS = '''
"""What the chatflow of the test runs: it fails with the token in its message."""

def fail(question):
    raise ValueError(f"cannot use {question}")
'''


def pieces(token: str) -> Iterator[bytes]:
    """Yield every part of a token that is too long to be shown."""
    for start in range(len(token) - WINDOW + 1):
        yield token[start : start + WINDOW].encode()


def found_in(tokens: list[str], content: bytes) -> list[str]:
    """Return the tokens of which a part stands in the content."""
    return [token for token in tokens if any(piece in content for piece in pieces(token))]


class Everything:
    """Does everything with a server that can be done over HTTP, with the SDK and on the command line."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.tokens: list[str] = []
        self.answers: list[bytes] = []
        self.messages: list[str] = []
        self.command_lines: set[bytes] = set()
        self.owner = self._client(self._remember(served.key("owner", "*")))

    def _remember(self, made: dict[str, Any]) -> str:
        self.tokens.append(made["apiKey"])
        token: str = made["apiKey"]
        return token

    def _client(self, token: str | None, **headers: str) -> httpx.Client:
        client = self.served.api(token, **headers)
        client.event_hooks["response"].append(self._answered)
        return client

    def _answered(self, response: httpx.Response) -> None:
        response.read()
        heads = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        content = response.content
        if response.status_code == 201 and response.request.url.path == "/api/v1/apikey":
            self._remember(response.json())
            shown = response.json()["apiKey"].encode()
            assert content.count(shown) == 1
            content = content.replace(shown, b"")
        self.answers.append(heads.encode() + content)

    def run(self, *, commands: bool) -> None:
        """Do it all; the commands take a second each."""
        self.flow = make_chatflow(self.owner, "echo", exported())
        self.keys()
        self.predictions()
        self.errors()
        self.with_the_sdk()
        if commands:
            self.on_the_command_line()
        self.going_away()

    def keys(self) -> None:
        """Make, list, change, bind and verify."""
        made = self.owner.post("/apikey", json={"keyName": "first", "chatflowIds": [self.flow["id"]]}).json()
        self.first, self.first_token = made, made["apiKey"]
        for path in (
            "/apikey",
            "/apikey?status=all&page=1",
            f"/apikey/{made['id']}",
            "/chatflows",
            "/openapi.json",
        ):
            assert self.owner.get(path).status_code == 200
        hint = {"search": self.first_token[-4:]}
        assert made["id"] in self.owner.get("/apikey", params=hint).text
        whole = self.owner.get(f"/apikey/{made['id']}").json()
        assert self.owner.put(f"/apikey/{made['id']}", json={**whole, "note": "changed"}).status_code == 200
        assert self.owner.put(f"/apikey/{made['id']}", json={"apiKey": self.first_token}).status_code == 422
        for body in ({"token": self.first_token}, {"tokens": [self.first_token, "fl-x"]}, {}):
            assert self.owner.post("/apikey/verify", json=body).status_code == 200

    def predictions(self) -> None:
        """Ask, for an answer and for a stream."""
        self.caller = self._client(self.first_token)
        for body in ({"question": "Hello"}, {"question": "Hello", "streaming": True}):
            assert self.caller.post(f"/prediction/{self.flow['id']}", json=body).status_code == 200
        nodes = chain(node("pythonAgentflow_0", {"pythonTarget": "secret_targets:fail"}))
        failing = make_chatflow(self.owner, "failing", nodes)
        unrunnable = make_chatflow(self.owner, "unrunnable", unknown())
        finding = make_chatflow(self.owner, "finding", searching("nothing"))
        ids = [flow["id"] for flow in (self.flow, failing, unrunnable, finding)]
        assert self.owner.put(f"/apikey/{self.first['id']}", json={"chatflowIds": ids}).status_code == 200
        for flow, status in ((unrunnable, 422), (finding, 200)):
            answer = self.caller.post(f"/prediction/{flow['id']}", json={"question": "Hello"})
            assert answer.status_code == status
        # A question comes back with its answer, so these two are not kept; a failed run conceals tokens.
        unheard = self.served.api(self.first_token)
        for streaming, status in ((False, 502), (True, 200)):
            body = {"question": self.first_token, "streaming": streaming}
            assert unheard.post(f"/prediction/{failing['id']}", json=body).status_code == status

    def errors(self) -> None:
        """Be refused in every way that quotes something, with a token in each place that may be quoted."""
        token = self.first_token
        url = f"{self.served.url}"
        for path in (
            f"/apikey/{token}",
            f"/apikey?search={token}",
            f"/chatflows?apikey={token}",
            f"/{token}",
        ):
            target = "/api/v1" + path
            answer = raw.send(url, "GET", target, ways.bearer(token))
            self.answers.append(str(answer.headers).encode() + answer.body)
            assert answer.status == 400
        for body in (
            {"keyName": "x", "permissions": [token]},
            {"keyName": "x", "chatflowIds": [token]},
            {"keyName": "x", "expiresIn": token},
            {"keyName": "x", "expiresAt": token},
            {"keyName": "x", token: token},
            {"keyName": {"a": token}},
            token,
            [token],
        ):
            assert self.owner.post("/apikey", json=body).status_code == 422
        for body in ({"apikeyid": token}, {"apiKeyIds": [token]}, {"type": token}, {token: 1}, {"id": token}):
            assert self.owner.put(f"/chatflows/{self.flow['id']}", json=body).status_code == 422
        for content in (f'{{"keyName": "{token}', f'{{"{token}": }}', token):
            headers = {"Content-Type": "application/json"}
            assert self.owner.post("/apikey", content=content, headers=headers).status_code == 400
        for value in (
            f"Basic {token}",
            token,
            f"Bearer {token} {token}",
            f'Bearer "{token}"',
            f"Token {token}",
        ):
            client = self._client(None, Authorization=value)
            assert client.get("/apikey").status_code == 400
            assert client.post(f"/prediction/{self.flow['id']}", json={"question": "x"}).status_code == 400
        for name in ("X-Request-Id", "User-Agent", "Referer", "Cookie", "X-Api-Key", "Origin", "Accept"):
            for value in (token, f"x-{token}"):
                self._client(self.tokens[0], **{name: value}).post("/document-stores", json={"name": "x"})
        raw.exchange(url, f"GET /api/v1/ping?{token} HTTP/1.1\r\nBroken {token}\r\n\r\n".encode())
        raw.exchange(url, f"{token} /api/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        raw.exchange(url, f"GET /api/v1/ping {token}\r\n\r\n".encode())

    def with_the_sdk(self) -> None:
        """Call with `flowkeys.Client`, and be refused."""
        with flowkeys.Client(self.served.url, self.tokens[0], max_retries=0) as client:
            made = client.keys.create("by the SDK")
            self.tokens.append(made.api_key)
            self.messages += [repr(client), str(client.keys.get(made)), repr(list(client.keys.list()))]
            self.messages.append(repr(client.keys.verify(made.api_key)))
        for key in (made.api_key, self.first_token):
            with flowkeys.Client(self.served.url, key, max_retries=0) as client:
                self.messages.append(repr(client._connection))
                for method, argument in (("create", "x"), ("get", key), ("get", "x"), ("revoke", "x")):
                    with pytest.raises((flowkeys.FlowkeysApiError, ValueError)) as failed:
                        getattr(client.keys, method)(argument)
                    self.messages += [str(failed.value), repr(failed.value)]

    def on_the_command_line(self) -> None:
        """Run commands beside the server, with the token where it may be given."""
        self._remember(json.loads(self.served.command("keys", "create", "by the command line", "--json")))
        for command in (["keys", "list"], ["keys", "show", self.first["id"]], ["doctor"]):
            self.messages.append(self.served.command(*command))
        self.messages.append(self.served.command("keys", "verify", stdin=self.first_token))

    def going_away(self) -> None:
        """Disable, enable, revoke, and be refused."""
        path = f"/apikey/{self.first['id']}"
        for method, below, status in (
            ("POST", "/disable", 401),
            ("POST", "/enable", 200),
            ("DELETE", "", 401),
        ):
            assert self.owner.request(method, path + below).status_code == 200
            asked = self.caller.post(f"/prediction/{self.flow['id']}", json={"question": "x"})
            assert asked.status_code == status
        assert self.owner.get("/apikey?status=revoked").status_code == 200
        assert self.owner.delete(f"/chatflows/{self.flow['id']}").status_code == 200
        processes = (file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline"))
        self.command_lines = {line for line in processes if b"flowkeys" in line}


@pytest.mark.parametrize("form", [pytest.param("json", marks=pytest.mark.slow), "text"])
def test_after_a_full_run_no_token_is_anywhere(
    form: str, serve: Callable[..., Served], tmp_path: Path
) -> None:
    """Flowise, Dify, Open WebUI, Kong keep plaintext at rest.

    Create, list, predict, stream, fail, verify, the SDK, the command line, disable, revoke: after all of it
    neither a token nor twelve characters of one are in the database, its journal, a log at its most
    talkative, the process list, any answer but the one that shows it once, or any message of the SDK.
    """
    (tmp_path / "secret_targets.py").write_text(TARGETS)
    served = serve(
        FLOWKEYS_LOG_LEVEL="debug",
        FLOWKEYS_LOG_FORMAT=form,
        FLOWKEYS_PYTHON_PATH=str(tmp_path),
        FLOWKEYS_PYTHON_FLOWS="secret_targets:fail",
    )
    served.is_seen = True
    served.start()
    run = Everything(served)
    run.run(commands=form == "json")
    assert len(run.tokens) == len(set(run.tokens)) >= 3
    files = databases.at_rest(served.data_dir)
    assert ON_POSTGRES or "flowkeys.db-wal" in files, "it was read while it was open, its journal too"
    served.stop()
    files |= {f"{name} at the end": content for name, content in databases.at_rest(served.data_dir).items()}
    for name, content in files.items():
        assert found_in(run.tokens, content) == [], name
    kept = b"".join(content for name, content in files.items() if name.endswith("at the end"))
    assert run.first["id"].encode() in kept, "and yet the key itself is in there"
    log = served.log.read_bytes()
    assert found_in(run.tokens, log) == []
    assert log.count(b"/api/v1/prediction/{chatflow_id}") >= 10, "and yet each call is in there"
    assert run.first["id"].encode() in log
    assert len(run.answers) > 60
    for answer in run.answers:
        assert found_in(run.tokens, answer) == [], answer[:2000]
    for message in run.messages:
        assert found_in(run.tokens, message.encode()) == [], message
    assert run.command_lines
    for line in run.command_lines:
        assert found_in(run.tokens, line) == []


def test_what_is_stored_of_a_token_is_a_tagged_hash_and_a_hint(serve: Callable[..., Served]) -> None:
    """keyshield: an unversioned hash under a default pepper. Here the form names algorithm and secret.

    Every column of the row is accounted for, so that a new one that held the token would be seen.
    """
    served = serve()
    made = served.key("made")
    with served.shell() as rows:
        found = rows.execute("SELECT * FROM token").fetchone()
        row = dict(zip(rows.columns("token"), found, strict=True))
    of_rotation = {"valid_until", "replaced_at", "finish_unused_seconds"}
    of_uses = {"uses", "last_used_at", "last_address", "last_user_agent"}
    assert set(row) == {
        "seq",
        "workspace_id",
        "key_id",
        "digest",
        "hint",
        "created_at",
        *of_rotation,
        *of_uses,
    }
    assert [name for name in of_rotation | of_uses if row[name]] == []
    assert row["digest"] == made["apiSecret"]
    assert re.fullmatch(r"hmac-sha256\$[0-9a-f]{8}\$[0-9a-f]{64}", row["digest"])
    assert row["hint"] == made["apiKey"][-4:]
    secret = (served.data_dir / "secret").read_text()
    dumped = b"".join(each for name, each in databases.at_rest(served.data_dir).items() if name != "secret")
    assert not any(line.encode() in dumped for line in secret.splitlines()), "nor is the server's secret"
    assert json.dumps(made).count(made["apiKey"]) == 1
