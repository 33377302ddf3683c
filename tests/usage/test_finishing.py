"""Rotations finish by themselves, in the background of a running server."""

from collections.abc import Callable

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.usage.finishing import Finishing
from tests.support.flows import make_key
from tests.support.server import Running
from tests.support.waiting import soon, until


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def error(self, event: str, **facts: object) -> None:
        """Keep it."""
        del facts
        self.events.append(event)


async def test_it_goes_on_after_an_outage_and_after_a_mistake() -> None:
    """Only the mistake is logged: of an outage callers hear."""
    results: list[Exception | int] = [Unavailable(), ValueError("x"), 0]
    calls = 0

    async def finish() -> int:
        nonlocal calls
        calls += 1
        found = results.pop(0) if results else 0
        if isinstance(found, Exception):
            raise found
        return found

    log = Log()
    task = Finishing(finish, log, 0.001)
    task.start()
    await soon(lambda: calls > 3, "it to look again")
    await task.stop()
    assert log.events == ["finishing_failed"]


def test_what_is_due_ends_after_a_restart(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server was told before it stopped, the next one does; what was used just before goes on."""
    server = start()
    owner = server.owner()
    keys = [make_key(owner, name) for name in ("unused", "used")]
    for key in keys:
        body = {"graceSeconds": 86_400, "finishWhenUnusedSeconds": 3600}
        assert owner.post(f"/apikey/{key['id']}/rotate", json=body).status_code == 201
    assert server.api(keys[1]["apiKey"]).post("/apikey/verify", json={}).status_code == 200
    server.stop()
    with server.shell() as rows:  # two hours pass
        rows.execute("UPDATE token SET replaced_at = replaced_at - 7200000000 WHERE replaced_at IS NOT NULL")
    monkeypatch.setattr(Finishing.__init__, "__defaults__", (0.2,))
    server = start()
    unused, used = (server.api(key["apiKey"]) for key in keys)
    ended = until(lambda: _refused(unused), "the unused token to end")
    assert ended["code"] == "expired_key"
    assert "replaced by a new one" in ended["detail"]
    assert used.post("/apikey/verify", json={}).status_code == 200
    assert owner.token is not None
    with server.api(owner.token) as again:
        shown = [again.get(f"/apikey/{key['id']}").json()["rotation"] for key in keys]
    assert shown[0] is None
    assert shown[1]["uses"] == 2


def _refused(api: object) -> dict | None:
    # Asked by somebody else: the token itself is not to be used.
    answer = api.post("/apikey/verify", json={"permission": "users:manage"})  # type: ignore[attr-defined]
    return answer.json() if answer.status_code == 401 else None
