"""The framework's application: its routes are looked through one by one, and it tells nobody of calls."""

import asyncio
from typing import Any

import pytest
from fastapi import applications
from starlette.routing import Route

from flowkeys.web.framework import describe


def test_every_route_is_the_applications_own() -> None:
    """None is behind a router that makes it a second time, and is looked through at each call."""
    routes = describe("0").routes
    assert all(isinstance(route, Route) for route in routes)
    assert len(routes) > 50


@pytest.mark.skipif(
    not hasattr(applications, "NativeTelemetry"), reason="this FastAPI has no spans of its own"
)
def test_the_frameworks_own_spans_are_not_even_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would name paths as they were sent, and whether they are wanted is asked at each call."""
    asked: list[object] = []
    monkeypatch.setattr("fastapi.applications.NativeTelemetry.enabled", asked.append)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/openapi.json", "raw_path": b"", "headers": [],
        "query_string": b"", "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(describe("0")(scope, receive, send))
    assert sent[0]["status"] == 200
    assert asked == []
