"""What Prometheus reads."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.usage.latency import BUCKETS
from tests.support.flows import bound_key, make_chatflow, make_customer
from tests.support.server import Running
from tests.support.waiting import soon, until
from tests.telemetry.metrics.scrape import families, get, lint, samples, value, values

LABELS = {
    "door": {"forward-auth", "prediction", "verify"},
    "direction": {"in", "out"},
    "part": {"api", "pages", "none"},
    "subject": {"key", "chatflow"},
    "result": {"delivered", "failed"},
    "file": {"main", "wal"},
}


@pytest.fixture(scope="module")
def scraped(serve: Callable[..., Running]) -> Running:
    """A server whose metrics are on."""
    return serve(metrics_port=0)


def test_names_and_units_are_as_prometheus_asks(scraped: Running) -> None:
    """Its parser reads all of it, in either format, and its rules for names have nothing to say."""
    plain = get(scraped)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    read = families(plain.text)
    ours = [family for family in read if family.name.startswith("flowkeys_")]
    assert len(ours) > 30
    assert [problem for family in ours for problem in lint(family)] == []
    assert len({family.name for family in read}) == len(read)
    opened = get(scraped, accept="application/openmetrics-text; version=1.0.0, text/plain;q=0.5")
    assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert {family.name for family in open_metrics(opened.text)} >= {family.name for family in ours}


def test_nothing_else_is_on_that_port_and_metrics_on_no_other(scraped: Running) -> None:
    """No route, no management call, no page, with a good key either; the main port has no metrics."""
    with scraped.owner() as owner:
        bearer = {"authorization": f"Bearer {owner.token}"}
        paths = ("/", "/metrics/", "//metrics", "/api/v1/ping", "/api/v1/apikey", "/api/v1/auth/verify")
        for path in (*paths, "/sign-in", "/metrics%2f"):
            for method in ("GET", "POST"):
                assert get(scraped, path, method, **bearer).status_code == 404, (method, path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            refused = get(scraped, "/metrics", method)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert get(scraped, "/metrics", "HEAD").status_code == 200
        found = owner.get(f"{scraped.url}/metrics")
        assert found.status_code == 404
        assert "flowkeys_" not in found.text


def test_a_request_that_makes_no_sense_is_answered(scraped: Running) -> None:
    """What the library cannot read is not given to it; a part of the metrics is had by name."""
    odd = get(scraped, "/metrics", **{"accept": b"\xe9;q=", "accept-encoding": b"\xff"})
    assert odd.status_code == 200
    assert "flowkeys_build_info" in odd.text
    some = get(scraped, "/metrics?name[]=flowkeys_build_info&name[]=nothing")
    assert [family.name for family in families(some.text)] == ["flowkeys_build_info"]


def test_labels_are_few_and_name_nobody(scraped: Running) -> None:
    """After calls of a named key of a customer, no name, id or token is told; labels are known words."""
    with scraped.owner() as owner:
        chatflow = make_chatflow(owner, "Secret flow name")
        customer = make_customer(owner, "Secret customer", externalId="secret-external")
        key = bound_key(owner, chatflow, "Secret key name", customerId=customer["id"])
        caller = scraped.api(key["apiKey"])
        assert caller.post(f"/prediction/{chatflow['id']}", json={"question": "Secret question"}).is_success
        assert caller.post(f"/prediction/{customer['id']}", json={"question": "x"}).status_code == 403
        assert caller.get(f"/auth/verify/chatflow/{chatflow['id']}").is_success
        assert caller.post("/apikey/verify", json={}).is_success
        assert owner.get("/apikey", params={"search": "Secret"}).is_success
        assert owner.get("/no/such/secret/path").status_code == 404
    text = get(scraped).text
    told = ("Secret", "secret", "fl-", key["apiKey"], key["id"], chatflow["id"], customer["id"])
    assert [word for word in told if word in text] == []
    assert key["workspaceId"] not in text
    for sample in samples(scraped):
        if sample.name.startswith("flowkeys"):
            for name, text in sample.labels.items():
                assert name in {"outcome", "status", "le", "version", *LABELS}, sample
                assert text in LABELS.get(name, {text}), sample


def test_refusals_of_an_address_and_other_requests_are_counted(start: Callable[..., Running]) -> None:
    """Garbage beyond the limit, the API by status, pages, and what has no route."""
    own = start(metrics_port=0, failures_per_second=1, failures_burst=2)
    garbage = own.api("fl-" + "0" * 32)
    codes = [garbage.get("/auth/verify").status_code for _ in range(5)]
    assert codes.count(401) >= 2
    limited = codes.count(429)
    assert value(own, "flowkeys_failures_limited_total") == limited
    assert value(own, "flowkeys_failing_addresses") == 1
    counted = values(own, "flowkeys_calls_total")
    assert counted["forward-auth", "rate_limited"] == limited
    assert counted["forward-auth", "unknown_key"] == codes.count(401)
    with own.owner() as owner:
        assert owner.get("/apikey").status_code == 200
        assert owner.get("/apikey/no-such-key").status_code == 404
        assert owner.get(f"{own.url}/sign-in").status_code in {200, 303}
        assert owner.get("/nowhere").status_code == 404
    # A line is counted when the answer has been sent.
    until(lambda: values(own, "flowkeys_http_requests_total").get(("none", "404")) == 1, "the last request")
    requests = values(own, "flowkeys_http_requests_total")
    assert requests["api", "200"] == 1
    assert requests["api", "404"] == 1
    assert sum(count for (part, _), count in requests.items() if part == "pages") == 1
    took = values(own, "flowkeys_http_request_duration_seconds_count")
    assert took["api",] == 2


def test_a_revocation_is_seen_in_the_lag_and_the_cache(scraped: Running) -> None:
    """Given a change by another program's hand, it is one more in the histogram, and its key is read anew."""
    with scraped.owner() as owner:
        key = bound_key(owner, make_chatflow(owner), "to go")
    caller = scraped.api(key["apiKey"])
    assert caller.get("/auth/verify").is_success
    before = value(scraped, "flowkeys_revocation_lag_seconds_count")
    position = value(scraped, "flowkeys_change_feed_position")
    with scraped.shell() as raw:
        raw.execute("UPDATE api_key SET status = 'disabled' WHERE id = ?", (key["id"],))
    until(lambda: caller.get("/auth/verify").status_code == 401, "the change to be known")
    assert value(scraped, "flowkeys_revocation_lag_seconds_count") > before
    assert value(scraped, "flowkeys_change_feed_position") > position
    assert value(scraped, "flowkeys_change_feed_up") == 1
    assert value(scraped, "flowkeys_revocation_bound_seconds") == scraped.runtime.database.bound_ms / 1000
    assert value(scraped, "flowkeys_cached_keys") >= 1


def test_an_outage_is_told_and_does_not_keep_the_rest_back(
    scraped: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a database that cannot be read, the answer says so, and has all that is in memory."""

    async def away(_: Any) -> Any:
        raise Unavailable

    assert value(scraped, "flowkeys_database_up") == 1
    with monkeypatch.context() as patched:
        patched.setattr(type(scraped.runtime.store), "read", lambda self, work: away(work))
        found = {sample.name: sample.value for sample in samples(scraped)}
    assert found["flowkeys_database_up"] == 0
    assert "flowkeys_webhook_deliveries_waiting" not in found
    assert found["flowkeys_writer_units_total"] > 0


def test_a_mistake_is_an_error_of_the_scrape_alone(scraped: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is 500 without details, and the next scrape is answered."""
    with monkeypatch.context() as patched:
        patched.setattr(scraped.runtime.lookups, "keys_read", "no number")
        broken = get(scraped)
    assert broken.status_code == 500
    assert "number" not in broken.text
    assert get(scraped).status_code == 200


async def test_calls_go_on_while_many_kinds_are_summed_up() -> None:
    """With 20,000 kinds others have their turn every few hundred, and the sum is exact."""
    from flowkeys.domain.keys.api_key import KeyRecord
    from flowkeys.usage.calls import AT_ONCE, CallCounter

    async def nowhere(_: Any) -> None:
        raise Unavailable

    calls = CallCounter(nowhere, lambda: 0, 3600, lambda _: None)
    kinds = 20_000
    for number in range(kinds):
        record = KeyRecord.of(key_id=f"k{number}", workspace_id="w", name="x")
        calls.count("forward-auth", "ok", record, "f")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    await soon(lambda: turns, "others to begin")
    begun = turns
    found = await calls.summed()
    assert turns - begun >= kinds // AT_ONCE
    other.cancel()
    assert found == calls.totals_now()
    assert sum(found["forward-auth", "ok"][:BUCKETS]) == kinds
