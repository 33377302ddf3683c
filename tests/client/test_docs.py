"""docs/sdk.md is true."""

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest

import flowkeys
from tests.client.conftest import TOKEN
from tests.client.scripted import Reply, Request, Scripted
from tests.client.test_chatflows import CHATFLOW
from tests.client.test_collections import COLLECTION, DOCUMENT, REPORT
from tests.client.test_customers import CUSTOMER
from tests.client.test_keys import KEY
from tests.client.test_streams import STREAM

PAGE = Path(__file__).parents[2] / "docs" / "sdk.md"
SUMS = {"calls": 1, "outcomes": {"ok": 1}, "tokensIn": 2, "tokensOut": 3, "bytesIn": 4, "bytesOut": 5}
STEP = {**SUMS, "time": "2027-01-31T09:00:00.000Z", "latencyMs": {"p50": 1.0, "p95": 2.0, "p99": 3.0}}
USAGE = {
    **dict.fromkeys(("from", "to"), "2027-01-31T09:00:00.000Z"),
    "step": "hour",
    "total": {**SUMS, "latencyMs": None},
    "data": [STEP],
}
SENT = {
    "id": "d1",
    "webhookId": "w1",
    "eventId": "e1",
    "eventType": "key.revoked",
    "status": "failed",
    "eventAt": "2027-01-31T09:00:00.000Z",
}
ANSWERS: dict[str, Any] = {
    "POST /apikey": KEY | {"apiKey": TOKEN},
    "GET /apikey": [KEY],
    "DELETE /apikey/k1": {"raw": [], "affected": 1},
    "POST /apikey/bulk/revoke": {"affected": 1, "unchanged": 0, "skipped": []},
    "POST /chatflows": CHATFLOW,
    "GET /chatflows/c1/messages": {"total": 1, "data": [{"id": "m", "role": "userMessage", "content": "Hi"}]},
    "GET /apikey/k1/usage": [STEP],
    "GET /chatflows/c1/usage": [STEP],
    "GET /customers/c1/usage": [STEP],
    "GET /usage/summary": USAGE | {"keys": [], "chatflows": []},
    "GET /usage": USAGE,
    "GET /audit": [
        {
            "id": 1,
            "at": "2027-01-31T09:00:00.000Z",
            "action": "key.create",
            "address": None,
            "actor": {"type": "operator", "id": None, "name": "command line"},
            "subject": {"type": "key", "id": "k1", "name": "key"},
        }
    ],
    "GET /reports": [{"name": "never-used", "title": "T", "says": "S", "advice": "A", "total": 1}],
    "GET /reports/unused-90-days": {"total": 1, "data": [KEY]},
    "POST /apikey/bulk/disable": {"affected": 1, "unchanged": 0, "skipped": []},
    "GET /audit/head": {"head": "1:00", "row": 1},
    "POST /customers": CUSTOMER,
    "POST /webhooks": {"id": "w1", "url": "https://example.com", "secret": "whsec_"},
    "GET /webhooks/w1/deliveries": [SENT],
    "POST /webhooks/w1/deliveries/d1/resend": SENT,
    "GET /customers": [CUSTOMER],
    "PUT /policy": {"maxLifetimeDays": 90},
    "GET /policy/check": {"total": 0, "data": []},
    "POST /document-stores": COLLECTION,
    "POST /document-stores/d1/documents": REPORT,
    "GET /document-stores/d1/documents": [DOCUMENT],
}


def _thing_at(path: str) -> dict[str, Any]:
    return KEY if path.startswith("/apikey") else CUSTOMER if path.startswith("/customers") else CHATFLOW


def answer(request: Request) -> Reply:
    """Answer as a server with one of everything."""
    path = request.path.removeprefix("/api/v1")
    known = ANSWERS.get(f"{request.method} {path}")
    if "page" in request.query and path == "/apikey":
        return Reply(json={"total": 1, "data": [KEY]})
    if path == "/apikey/verify":
        return Reply(json={"valid": True, "results": [{"valid": True}]})
    if path == "/apikey/explain":
        return Reply(json={"valid": True, "code": "valid", "steps": []})
    if path.startswith("/prediction") and request.json.get("streaming"):
        return Reply(chunks=[STREAM], headers={"content-type": "text/event-stream"})
    if path.startswith("/prediction"):
        sources = [{"pageContent": "A", "metadata": {"source": "a.md"}}]
        return Reply(json={"text": "Hello", "sessionId": "s1", "sourceDocuments": sources})
    return Reply(json=known or _thing_at(path))


def test_the_examples_run(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every example, one after the other, as a reader would type them in."""
    server.otherwise = answer
    monkeypatch.setenv("FLOWKEYS_URL", server.url)
    monkeypatch.setenv("FLOWKEYS_API_KEY", TOKEN)
    monkeypatch.chdir(tmp_path)
    Path("docs-assistant.json").write_text('{"nodes":[],"edges":[]}', "utf-8")
    Path("handbook.md").write_text("# Handbook", "utf-8")
    stored: list[str] = []
    names: dict[str, Any] = {"chatflow_id": "c1", "token": TOKEN, "store_safely": stored.append}

    first, *examples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(first.replace('"https://keys.example.com", "fl-…"', ""), names)  # noqa: S102
    for example in examples:
        exec(example, names)  # noqa: S102
    assert asyncio.run(names["ask"]("Hi")).startswith("Grüße")
    names["client"].close()

    assert stored == [TOKEN]
    assert "let them in" in capsys.readouterr().out
    assert os.environ["FLOWKEYS_URL"] in repr(names["client"])


def test_every_error_and_event_is_mentioned() -> None:
    """The page names what a program may have to handle."""
    text = PAGE.read_text("utf-8")
    shown = {name for home in ("errors", "events") for name in _public(home)}
    assert sorted(name for name in shown if f"`{name}`" not in text) == []


def _public(home: str) -> list[str]:
    return [n for n, h in flowkeys._HOME_OF.items() if h == f"flowkeys.client.{home}" and n != "Event"]
