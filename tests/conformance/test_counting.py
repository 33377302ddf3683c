"""Counting: what a call costs, and whom."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import structlog

from flowkeys.bootstrap import clock
from flowkeys.cache.warming import Warming
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.token import Token
from flowkeys.domain.times import from_iso
from tests.conformance import raw, ways
from tests.conformance.process import Served
from tests.conformance.statements import look_ups, statements
from tests.conformance.tenants import Tenant
from tests.support.databases import ON_POSTGRES
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Running
from tests.support.waiting import until

CALLS = 200


@contextmanager
def unflushed(server: Running) -> Iterator[list[dict[str, int]]]:
    """Keep what verification remembers from being written, and collect it; what is counted waits, too.

    So do webhooks, which look at times what is due, and write what became of it, whoever calls.
    """
    flushed: list[dict[str, int]] = []
    usage, calls, webhooks = server.runtime.usage, server.runtime.calls, server.runtime.announcing

    async def collect(last_used: dict[str, int], *_: object) -> None:
        flushed.append(last_used)

    async def swap(flush: object) -> object:
        await usage.flush()
        was, usage._flush = usage._flush, flush
        return was

    async def away(_: object) -> None:
        raise Unavailable

    async def go_on() -> None:
        webhooks.start(webhooks._log)

    until(lambda: webhooks._recurring, "webhooks begin some time after the start")
    server.do(webhooks.stop())
    was = server.do(swap(collect))
    server.do(calls.flush())
    store, calls._store = calls._store, away
    try:
        yield flushed
    finally:
        calls._store = store
        server.do(swap(was))
        server.do(go_on())


@pytest.mark.of_one_process("what one process asks and writes is counted")
def test_the_counters_count(tenant: Tenant) -> None:
    """The tests below would prove nothing if a write did not show."""
    with tenant.server.shell() as rows:
        before = rows.version()
        make_key(tenant.owner)
        assert rows.version() != before

    def seen() -> bool:
        with statements(tenant.server) as found:
            tenant.owner.get("/apikey")
        return bool(found)

    until(seen, "a list that is not asked for by a connection that was opened meanwhile")


def plan_of(server: Running, statement: str) -> str:
    """Return how the database would run it, if it had so many rows that it mattered."""
    with server.shell() as rows:
        if not ON_POSTGRES:
            return " ".join(str(row) for row in rows.execute(f"EXPLAIN QUERY PLAN {statement}"))
        rows.execute("SET enable_seqscan = off")
        rows.execute("SET plan_cache_mode = force_generic_plan")
        marks = sorted(set(re.findall(r"\$\d+", statement)))
        rows.execute(f"PREPARE looked_up AS {statement}")
        values = ", ".join("'{x}'" if f"{mark}::text[]" in statement else "'x'" for mark in marks)
        return " ".join(str(row) for row in rows.execute(f"EXPLAIN EXECUTE looked_up({values})"))


@pytest.mark.of_one_process("what one process asks and writes is counted")
def test_verification_issues_no_write(tenant: Tenant) -> None:
    """crates.io, datasette-auth-tokens, better-auth: a write per verification.

    200 verifications, good and bad, commit nothing: the file is not touched. What they leave is one time of
    use for each key that was let in, in memory.
    """
    limits = [{"limit": 1_000_000, "windowSeconds": 60}]
    other = make_key(tenant.owner, "other", rateLimits=limits)
    refused = [make_key(tenant.owner, "disabled"), {"apiKey": Token.mint().reveal()}]
    tenant.owner.post(f"/apikey/{refused[0]['id']}/disable")
    with tenant.server.shell() as rows, unflushed(tenant.server) as flushed:
        before = rows.version()
        for index in range(CALLS):
            token = (tenant.token, other["apiKey"], refused[0]["apiKey"], refused[1]["apiKey"])[index % 4]
            ways.verify(tenant.server, tenant.chatflow["id"], ways.bearer(token))
            ways.fast_path(tenant.server, str(uuid.uuid4()), ways.bearer(token))
            ways.management(tenant.server, "", ways.bearer(token))
        tenant.server.api(other["apiKey"]).get("/auth/verify")  # which counts against its limits
        assert rows.version() == before
        tenant.server.do(tenant.server.runtime.usage.flush())
    used = {key_id for part in flushed for key_id in part}
    assert used == {tenant.key["id"], other["id"]}
    # One flush in two seconds, whatever the number of calls: on a slow machine these last a while.
    assert len(flushed) < CALLS, "a write for each call or two"


@pytest.mark.of_one_process("what one process asks and writes is counted")
def test_a_verification_is_one_statement_and_reads(tenant: Tenant) -> None:
    """DESIGN: at most one query, no write: a SELECT by an index, when the key is not known yet or changed."""
    key = make_key(tenant.owner, "new", permissions=["apikeys:view"])
    with unflushed(tenant.server), statements(tenant.server) as seen:
        for _ in range(20):
            found = ways.verify(tenant.server, tenant.chatflow["id"], ways.bearer(key["apiKey"]))
            assert found.code == "chatflow_not_allowed"
    assert look_ups(seen) == 1
    assert len(seen) <= 2, "the key and, since it is not bound to it, the chatflow: each once"
    assert {text.split()[0] for text in seen} == {"SELECT"}
    plan = plan_of(tenant.server, seen[0])
    assert "SCAN" not in plan.upper().replace("INDEX SCAN", "").replace("BITMAP HEAP SCAN", ""), plan
    assert re.search("digest|key_id", plan)


@pytest.mark.of_one_process("what one process asks and writes is counted")
@pytest.mark.parametrize("way", [ways.fast_path, ways.verify, ways.management])
def test_an_unknown_token_costs_one_look_up_and_a_mistyped_one_none(way: ways.Way, tenant: Tenant) -> None:
    """Langflow: an unknown key triggered a scan and decryption of all rows.

    A wrong checksum, another shape or a malformed header is refused without any query; a well-formed token
    that is nobody's with exactly one, and with none when it comes again at once. When every key of a file is
    in memory it costs none at all.
    """
    keys = tenant.server.runtime.keys
    tenant.server.do(called(keys.keep_some))
    with unflushed(tenant.server):  # what webhooks read at times is not counted
        _look_ups(way, tenant)


def _look_ups(way: ways.Way, tenant: Tenant) -> None:
    good = Token.mint().reveal()
    garbage = [good[:-1] + ("A" if good[-1] != "A" else "B"), "x", "fl-", good.lower().upper()]
    with statements(tenant.server) as seen:
        for text in garbage:
            found = way(tenant.server, tenant.chatflow["id"], ways.bearer(text))
            assert (found.status, found.code) == (401, "unknown_key")
        for header in (b"Basic x", b"", good.encode(), b"Bearer a b"):
            assert way(tenant.server, tenant.chatflow["id"], [(b"Authorization", header)]).status == 400
        assert seen == []
        found = way(tenant.server, tenant.chatflow["id"], ways.bearer(good))
        assert (found.status, found.code) == (401, "unknown_key")
        assert len(seen) == 1
        assert way(tenant.server, tenant.chatflow["id"], ways.bearer(good)).code == "unknown_key"
        assert len(seen) == 1
    tenant.server.do(warmed(tenant.server))
    with statements(tenant.server) as seen:
        for _ in range(3):
            text = Token.mint().reveal()
            assert way(tenant.server, tenant.chatflow["id"], ways.bearer(text)).code == "unknown_key"
    # On PostgreSQL other machines make keys at any time: what is not in memory is asked for, once.
    assert len(seen) == (3 if ON_POSTGRES else 0)


async def called(what: Callable[[], object]) -> None:
    """Call it in the thread of the server."""
    what()


async def warmed(server: Running) -> None:
    """Read every key ahead, as at the start."""
    runtime = server.runtime
    database = runtime.database
    warming = Warming(
        runtime.keys, database.lookups, runtime.hasher, clock, structlog.get_logger(), database.of_key
    )
    await warming._fill(runtime.keys.generation)


def test_refused_calls_cost_the_keys_owner_nothing(here: Tenant) -> None:
    """Flowise: wrong keys used up the flow's limit. A refusal moves no time of use and stores no message."""
    closed = make_chatflow(here.owner, "bound to others")
    keys = {
        "disabled": bound_key(here.owner, closed),
        "revoked": bound_key(here.owner, closed),
        "not bound": make_key(here.owner),
    }
    here.owner.post(f"/apikey/{keys['disabled']['id']}/disable")
    here.owner.delete(f"/apikey/{keys['revoked']['id']}")
    for key in keys.values():
        for _ in range(5):
            assert ways.fast_path(here.server, closed["id"], ways.bearer(key["apiKey"])).status in {401, 403}
            assert ways.management(here.server, "", ways.bearer(key["apiKey"])).status in {401, 403}
    here.server.store()
    for key in keys.values():
        assert here.owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None
    assert here.owner.get(f"/chatflows/{closed['id']}/messages").json()["total"] == 0


def test_a_refused_body_is_not_read(here: Tenant) -> None:
    """CONTRACT section 4: the credential comes first. A body that is never sent is not waited for."""
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n%s"
    wrong = ways.bearer(Token.mint().reveal())[0]
    for path in (f"/api/v1/prediction/{here.chatflow['id']}", "/api/v1/apikey", "/api/v1/apikey/verify"):
        for credential in (b"", b"%s: %s\r\n" % wrong):
            data = head % (path.encode(), credential) + b"Content-Length: 1000000\r\n\r\n"
            assert raw.exchange(here.server.url, data).status == 401


def test_a_good_key_is_not_refused_because_its_address_sent_garbage(here: Tenant) -> None:
    """LESSONS, keeping the secret: failures are never charged to a key that is right."""
    for number in range(300):
        text = Token.mint().reveal() if number % 2 else f"garbage-{number}"
        assert ways.fast_path(here.server, here.chatflow["id"], ways.bearer(text)).status == 401
        if number % 50 == 0:
            assert ways.fast_path(here.server, here.chatflow["id"], ways.bearer(here.token)).status == 200
    assert here.ask() == 200


def test_parallel_counts_add_up(server: Running) -> None:
    """Langflow: `total += 1` through an ORM. Every call's messages are there, and so is every key."""
    here = Tenant(server, "counted")  # where no key that another test made expires meanwhile
    chatflow = make_chatflow(here.owner, "counted")
    keys = [bound_key(here.owner, chatflow, f"counted {number}") for number in range(4)]
    before = {status: _total(here, status) for status in ("active", "disabled", "revoked", "all")}

    def work(number: int) -> None:
        headers = ways.bearer(keys[number % 4]["apiKey"])
        assert ways.fast_path(here.server, chatflow["id"], headers).status == 200
        made = raw.send(
            here.server.url,
            "POST",
            "/api/v1/apikey",
            ways.bearer(here.owner.token or ""),
            json_body={"keyName": f"parallel {number}"},
        )
        key_id = json.loads(made.body)["id"]
        if number % 2:
            method, path = (("POST", "/disable"), ("DELETE", ""))[number % 4 // 2]
            target = f"/api/v1/apikey/{key_id}{path}"
            assert (
                raw.send(here.server.url, method, target, ways.bearer(here.owner.token or "")).status == 200
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(80)))
    assert here.owner.get(f"/chatflows/{chatflow['id']}/messages").json()["total"] == 160
    for key in keys:
        shown = here.owner.get(f"/chatflows/{chatflow['id']}/messages", params={"keyId": key["id"]})
        assert shown.json()["total"] == 40
    after = {status: _total(here, status) for status in before}
    assert {status: after[status] - before[status] for status in before} == {
        "active": 40, "disabled": 20, "revoked": 20, "all": 80,
    }  # fmt: skip


def _total(here: Tenant, status: str) -> int:
    total: int = here.owner.get("/apikey", params={"status": status, "page": 1}).json()["total"]
    return total


def test_the_time_of_last_use_never_moves_back(here: Tenant) -> None:
    """A late flush of an earlier use is no use at all, and a flush counts no call twice."""
    key = bound_key(here.owner, here.chatflow)
    path = f"/apikey/{key['id']}"
    here.server.api(key["apiKey"]).post(f"/prediction/{here.chatflow['id']}", json=ways.QUESTION)
    here.server.store()
    used = from_iso(here.owner.get(path).json()["lastUsedAt"]) or 0
    for earlier in (used - 1_000_000, 0, used):
        here.server.do(here.server.runtime.keyring.flush({key["id"]: earlier}, {}))
        assert from_iso(here.owner.get(path).json()["lastUsedAt"]) == used


FORWARDED = (
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-For": "203.0.113.9, 127.0.0.1"},
    {"X-Forwarded-For": "::ffff:203.0.113.9"},
    {"X-Real-IP": "203.0.113.9"},
    {"Forwarded": "for=203.0.113.9"},
    {"X-Client-IP": "203.0.113.9", "True-Client-IP": "203.0.113.9", "CF-Connecting-IP": "203.0.113.9"},
)


@pytest.mark.parametrize("headers", FORWARDED, ids=lambda headers: " ".join(headers.values()))
def test_an_address_that_a_client_claims_is_not_believed(headers: dict[str, str], served: Served) -> None:
    """Flowise, Unkey: the leftmost X-Forwarded-For was believed. There is no configured proxy, so none is.

    Neither the audit log nor the request log holds it.
    """
    owner = served.owner()
    key = make_key(owner, "audited")
    served.api(owner.token, **headers).post(f"/apikey/{key['id']}/disable").raise_for_status()
    with served.shell() as rows:
        select = "SELECT address FROM audit WHERE subject_id = ? AND action = 'key.disable'"
        assert rows.execute(select, (key["id"],)).fetchall() == [("127.0.0.1",)]
    assert "203.0.113.9" not in served.log.read_text()
