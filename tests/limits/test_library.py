"""Keys with limits: refused where calls are not counted, counted by the server where it is asked to."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkeys.verify import ConfigurationError, Verifier
from flowkeys.verify.fixed import FixedKey, mint
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running

LIMITS = [{"limit": 5, "windowSeconds": 3600}]
QUOTAS = [{"calls": 5, "period": "month"}]


@pytest.mark.of_sqlite("`Verifier.local` reads the file")
def test_local_refuses_what_it_cannot_count(server: Running, owner: Api) -> None:
    """A key with limits, and one on a chatflow with limits, unless they are to be ignored."""
    limited = make_key(owner, rateLimits=LIMITS)["apiKey"]
    chatflow = make_chatflow(owner, rateLimits=LIMITS)
    free = bound_key(owner, chatflow)
    with Verifier.local(server.data_dir) as verifier:
        refused = verifier.verify(token=limited)
        assert (refused.code, refused.status) == ("limits_not_counted", 403)
        assert refused.www_authenticate
        assert verifier.verify(token=free["apiKey"]).allowed
        assert verifier.verify(token=free["apiKey"], chatflow_id=chatflow["id"]).code == "limits_not_counted"
        path = f"/apikey/{free['id']}/chatflows"
        owner.put(f"/chatflows/{chatflow['id']}", json={"rateLimits": []})
        owner.put(path, json=[{"id": chatflow["id"], "rateLimits": LIMITS}])
        assert verifier.verify(token=free["apiKey"], chatflow_id=chatflow["id"]).code == "limits_not_counted"
        customer = make_customer(owner, rateLimits=LIMITS)
        shared = make_key(owner, customerId=customer["id"])["apiKey"]
        assert verifier.verify(token=shared).code == "limits_not_counted"
        spending = make_key(owner, quotas=QUOTAS)["apiKey"]
        assert verifier.verify(token=spending).code == "limits_not_counted"
        owner.put(f"/customers/{customer['id']}", json={"rateLimits": [], "quotas": QUOTAS})
        assert verifier.verify(token=shared).code == "limits_not_counted"
    with Verifier.local(server.data_dir, limits="ignore") as verifier:
        for _ in range(7):
            assert verifier.verify(token=limited).allowed
            assert verifier.verify(token=shared).allowed
            assert verifier.verify(token=spending).allowed
            assert verifier.verify(token=free["apiKey"], chatflow_id=chatflow["id"]).allowed


def test_fixed_refuses_what_it_cannot_count() -> None:
    """The same, for tests of applications; what is no limit, or no choice, is said."""
    token = mint()
    keys = [FixedKey(token=token, rate_limits=["5/hour"])]
    assert Verifier.fixed(keys).verify(token=token).code == "limits_not_counted"
    assert Verifier.fixed(keys, limits="ignore").verify(token=token).allowed
    shared = [FixedKey(token=token, customer_id="c", customer_rate_limits=["5/hour"])]
    assert Verifier.fixed(shared).verify(token=token).code == "limits_not_counted"
    assert Verifier.fixed(shared, limits="ignore").verify(token=token).allowed
    with pytest.raises(ConfigurationError, match="needs customer_id"):
        Verifier.fixed([FixedKey(token=token, customer_rate_limits=["5/hour"])])
    for quotas in ({"quotas": ["5/month"]}, {"customer_id": "c", "customer_quotas": ["9 tokens/30d"]}):
        counted = [FixedKey(token=token, **quotas)]
        assert Verifier.fixed(counted).verify(token=token).code == "limits_not_counted"
        assert Verifier.fixed(counted, limits="ignore").verify(token=token).allowed
    with pytest.raises(ConfigurationError, match="customer_quotas needs customer_id"):
        Verifier.fixed([FixedKey(token=token, customer_quotas=["5/month"])])
    with pytest.raises(ConfigurationError, match="quotas: '5' is no quota"):
        Verifier.fixed([FixedKey(token=token, quotas=["5"])])
    with pytest.raises(ConfigurationError, match="rate_limits: '5' is no rate limit"):
        Verifier.fixed([FixedKey(token=token, rate_limits=["5"])])
    with pytest.raises(ConfigurationError, match="refuse"):
        Verifier.fixed(keys, limits="count")  # type: ignore[arg-type]


async def test_remote_has_the_server_count(server: Running, owner: Api) -> None:
    """Exactly as many are let in as the limit says, however many ask at a time; refusals cost nothing."""
    token = make_key(owner, rateLimits=LIMITS)["apiKey"]
    viewer = make_key(owner, permissions=["apikeys:view"])["apiKey"]
    with Verifier.remote(server.url, viewer, count=True) as verifier:
        for _ in range(8):
            assert verifier.verify(token=token, permissions="apikeys:view").code == "permission_missing"
        assert (await verifier.averify(token=token)).allowed
        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(lambda _: verifier.verify(token=token), range(12)))
        assert sum(bool(result) for result in results) == 4
        refused = next(result for result in results if not result)
        assert (refused.code, refused.status) == ("rate_limited", 429)
        assert 0 < (refused.retry_after_seconds or 0) <= 720
        assert dict(refused.problem.headers)["Retry-After"] == str(refused.retry_after_seconds)
    customer = make_customer(owner, rateLimits=LIMITS)
    keys = [make_key(owner, customerId=customer["id"])["apiKey"] for _ in range(2)]
    with Verifier.remote(server.url, viewer, count=True) as verifier:
        found = [verifier.verify(token=keys[n % 2]) for n in range(7)]
        assert [bool(each) for each in found] == [True] * 5 + [False] * 2
        assert {each.code for each in found[5:]} == {"rate_limited"}
    with Verifier.remote(server.url, viewer) as verifier:
        assert verifier.verify(token=token).allowed
