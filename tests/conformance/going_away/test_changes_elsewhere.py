"""Going away, and coming, in another process: each change there holds here when the promised time is over."""

import json
import time
from collections.abc import Callable

import pytest

from tests.conformance.process import Served
from tests.conformance.ways import QUESTION
from tests.support.flows import bound_key, make_chatflow, make_customer
from tests.support.programs.second import BOUND_MS

pytestmark = pytest.mark.of_one_process("two servers, each of one process that counts by itself")
PROMISED_SECONDS = BOUND_MS / 1000
"""Within so long a change that was made elsewhere holds here (docs/adr/0011, 0045)."""


class Pair:
    """Two servers over one data directory: one that is called, and one that changes things."""

    def __init__(self, serve: Callable[..., Served]) -> None:
        own = {"FLOWKEYS_LIMITS": "per-process", "FLOWKEYS_REVOCATION_BOUND_MS": str(BOUND_MS)}
        self.called, self.changed = (serve(**own).start() for _ in range(2))
        self.owner = self.changed.owner()
        self.chatflow = make_chatflow(self.owner)
        self.key = bound_key(self.owner, self.chatflow)
        self.caller = self.called.api(self.key["apiKey"])

    def code(self) -> str:
        """Return what the first server says to the key: a call that runs, or the code of the refusal."""
        answer = self.caller.post(f"/prediction/{self.chatflow['id']}", json=QUESTION)
        return "ran" if answer.status_code == 200 else answer.json()["code"]

    def sql(self, statement: str) -> None:
        """Change the database by hand."""
        with self.called.shell() as raw:
            raw.execute(statement, {"key": self.key["id"], "chatflow": self.chatflow["id"]})


@pytest.fixture
def pair(serve: Callable[..., Served]) -> Pair:
    """Return two servers, a chatflow and its key, which the first has in memory."""
    made = Pair(serve)
    assert made.code() == "ran"
    return made


def test_a_change_by_another_server_the_command_line_or_sql_holds_in_time(pair: Pair) -> None:
    """In both directions, over and over: nothing is kept from before, and nothing is refused for longer.

    Each step is a way of changing things from outside the server that is called.
    """
    key, owner = f"/apikey/{pair.key['id']}", pair.owner
    unbind = "DELETE FROM binding WHERE key_id = :key"
    later = time.time_ns() // 1000 + 3_600_000_000
    steps: list[tuple[Callable[[], object], str]] = [
        (lambda: owner.post(f"{key}/disable"), "disabled_key"),
        (lambda: owner.post(f"{key}/enable"), "ran"),
        (lambda: pair.changed.command("keys", "disable", pair.key["id"]), "disabled_key"),
        (lambda: pair.changed.command("keys", "enable", pair.key["id"]), "ran"),
        (lambda: pair.sql("UPDATE api_key SET expires_at = 1 WHERE id = :key"), "expired_key"),
        (lambda: pair.sql(f"UPDATE api_key SET expires_at = {later} WHERE id = :key"), "ran"),
        (lambda: pair.sql(unbind), "chatflow_not_allowed"),
        (lambda: owner.put(f"{key}/chatflows", json={"chatflowIds": [pair.chatflow["id"]]}), "ran"),
        (
            lambda: owner.put(f"/chatflows/{pair.chatflow['id']}", json={"apikeyid": ""}),
            "chatflow_not_allowed",
        ),
        (lambda: pair.sql("UPDATE chatflow SET is_public = TRUE WHERE id = :chatflow"), "ran"),
        (
            lambda: pair.sql("UPDATE chatflow SET is_public = FALSE WHERE id = :chatflow"),
            "chatflow_not_allowed",
        ),
        (lambda: pair.changed.command("keys", "revoke", pair.key["id"], "--yes"), "revoked_key"),
    ]
    for change, code in steps:
        change()
        time.sleep(PROMISED_SECONDS)
        assert [pair.code() for _ in range(3)] == [code] * 3


LIMITS = [{"limit": 1, "windowSeconds": 86_400, "burst": 1, "name": "day"}]
STORED = json.dumps(LIMITS)


def test_limits_that_others_set_and_lift_hold_in_time(pair: Pair) -> None:
    """Flowise: a limit that was switched off did not reach other workers. On and off both propagate.

    Of the key, its customer, the chatflow, and the key on it; by another server, the command line, and SQL.
    """
    owner, chatflow = pair.owner, pair.chatflow["id"]
    key = f"/apikey/{pair.key['id']}"
    customer = make_customer(owner, "shares")["id"]
    owner.put(key, json={"customerId": customer})

    def put(path: str) -> tuple[Callable[[], object], Callable[[], object]]:
        return lambda: owner.put(path, json={"rateLimits": LIMITS}), lambda: owner.put(
            path, json={"rateLimits": None}
        )

    def bind(limits: list[dict[str, object]]) -> Callable[[], object]:
        return lambda: owner.put(f"{key}/chatflows", json=[{"id": chatflow, "rateLimits": limits}])

    def command(*words: str) -> tuple[Callable[[], object], Callable[[], object]]:
        run = pair.changed.command
        return lambda: run(*words, "--rate-limit", "1/day"), lambda: run(*words, "--rate-limit", "")

    def sql(table: str, where: str) -> tuple[Callable[[], object], Callable[[], object]]:
        update = f"UPDATE {table} SET rate_limits = {{}} WHERE {where}"
        return lambda: pair.sql(update.format(f"'{STORED}'")), lambda: pair.sql(update.format("NULL"))

    ways = (
        put(key),
        put(f"/customers/{customer}"),
        put(f"/chatflows/{chatflow}"),
        (bind(LIMITS), bind([])),
        command("keys", "update", pair.key["id"]),
        sql("api_key", "id = :key"),
        sql("customer", f"id = '{customer}'"),
        sql("chatflow", "id = :chatflow"),
        sql("binding", "key_id = :key"),
    )
    for number, (on, off) in enumerate(ways):
        on()
        time.sleep(PROMISED_SECONDS)
        assert [pair.code() for _ in range(3)][1:] == ["rate_limited"] * 2, number
        off()
        time.sleep(PROMISED_SECONDS)
        assert [pair.code() for _ in range(3)] == ["ran"] * 3, number


def test_a_key_made_elsewhere_works_in_time_though_its_token_was_refused_before(pair: Pair) -> None:
    """What nobody has is remembered only until somebody may have it."""
    made = bound_key(pair.owner, pair.chatflow)
    pair.sql("UPDATE token SET digest = 'away-' || digest WHERE key_id = :key")
    time.sleep(PROMISED_SECONDS)
    assert pair.code() == "unknown_key"
    pair.sql("UPDATE token SET digest = substr(digest, 6) WHERE key_id = :key")
    time.sleep(PROMISED_SECONDS)
    assert pair.code() == "ran"
    other = pair.called.api(made["apiKey"])
    assert other.post(f"/prediction/{pair.chatflow['id']}", json=QUESTION).status_code == 200
