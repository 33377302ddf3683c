"""A server that is measured, of this checkout or of another, and the calls that are made of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bench import process
from bench.load import Call
from bench.process import Process
from flowkeys.flows.drafts.templates import reply_flow

HERE: Final = Path(sys.executable).parent
RATE_LIMITS: Final = [
    {"limit": 1_000_000, "windowSeconds": 1, "burst": 100_000_000},
    {"limit": 100_000_000, "windowSeconds": 86_400, "burst": 1_000_000_000},
]
QUOTAS: Final = [{"calls": 1_000_000_000, "period": "month"}]
"""So much that no call of a measurement is refused."""
PLAIN, FULL, LIMITED = "without", "with all", "with limits"
FORWARD_AUTH, VERIFY, COUNTED, PREDICTION = "forward-auth", "verify", "verify that counts", "predictions"


@dataclass(frozen=True)
class Subject:
    """A server that runs, and its calls by what they are, with a key of each kind."""

    server: Process
    calls: dict[tuple[str, str], Call]
    features: tuple[str, ...]
    """What the key with all has."""


@contextmanager
def started(
    folder: Path, programs: Path = HERE, *, plain_only: bool = False, **more: str
) -> Iterator[Subject]:
    """Start the flowkeys whose commands are in `programs`, over a new data directory, and make keys in it.

    With `more` settings, by their variables.
    """
    folder.mkdir()
    settings = {"FLOWKEYS_DATA_DIR": str(folder / "data"), "FLOWKEYS_PORT": "0", **more}
    command = str(programs / "flowkeys")
    made = subprocess.run(
        [command, "keys", "create", "owner", "--permission", "*"],
        env=process.environment(settings),
        capture_output=True,
        text=True,
        check=True,
        timeout=process.START_SECONDS,
    )
    with process.running([command, "serve"], folder / "server.log", settings) as server:
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, trust_env=False) as api:
            flow = {
                "name": "Echo",
                "type": "AGENTFLOW",
                "flowData": reply_flow("You said: {{ question }}"),
            }
            chatflow = _post(api, "/chatflows", flow)["id"]
            bound = {"keyName": "caller", "chatflowIds": [chatflow]}
            keys = {PLAIN: _post(api, "/apikey", bound)["apiKey"]}
            features: tuple[str, ...] = ()
            if not plain_only:
                keys[FULL], features = _with_all(api, bound)
                keys[LIMITED] = _post(api, "/apikey", {**bound, "rateLimits": RATE_LIMITS})["apiKey"]
        calls = {
            (what, kind): call
            for kind, token in keys.items()
            for what, call in _calls(chatflow, token, counts=not plain_only).items()
        }
        yield Subject(server, calls, features)


def _calls(chatflow: str, token: str, *, counts: bool) -> dict[str, Call]:
    found = {
        FORWARD_AUTH: Call(f"/api/v1/auth/verify/chatflow/{chatflow}", token=token),
        VERIFY: Call("/api/v1/apikey/verify", {"chatflowId": chatflow}, token),
        PREDICTION: Call(f"/api/v1/prediction/{chatflow}", {"question": "Hello"}, token),
    }
    if counts:
        found[COUNTED] = Call("/api/v1/apikey/verify", {"chatflowId": chatflow, "count": True}, token)
    return found


def _with_all(api: httpx.Client, bound: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Make a key with everything that this server knows; return its token and what it has."""
    customer = _post(api, "/customers", {"name": "Acme Ltd", "externalId": "crm-1"})["id"]
    body = {**bound, "customerId": customer, "rateLimits": RATE_LIMITS}
    answer = api.post("/apikey", json={**body, "quotas": QUOTAS})
    features = ("two rate limits", "a quota", "a customer")
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        answer, features = api.post("/apikey", json=body), ("two rate limits", "a customer")
    token: str = _json(answer)["apiKey"]
    return token, features


def _post(api: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return _json(api.post(path, json=body))


def _json(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise RuntimeError(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")
    found: dict[str, Any] = json.loads(answer.content)
    return found
