"""What was used of quotas survives a stop whole, and a crash but for seconds."""

from tests.durability.process import Serve, Served
from tests.support.flows import make_key
from tests.support.waiting import until

QUOTAS = [{"calls": 10, "period": "month"}, {"calls": 20, "period": "2d"}]


def used(served: Served) -> list[int]:
    """Return what is stored, of each step."""
    return [row[0] for row in served.rows("SELECT used FROM quota_use ORDER BY step")]


def call(served: Served, token: str, times: int) -> list[int]:
    """Return the statuses of calls."""
    with served.api(token) as api:
        return [api.get("/auth/verify").status_code for _ in range(times)]


def test_a_stop_loses_nothing_and_a_crash_what_came_last(serve: Serve) -> None:
    """So much may be used once more after a crash as was not stored, and nothing else."""
    served = serve(usage_flush_seconds=300)
    token = make_key(served.owner(), quotas=QUOTAS)["apiKey"]
    assert call(served, token, 4) == [200] * 4
    assert used(served) == []
    served.stop()
    assert used(served) == [4, 4]
    served.start()
    assert call(served, token, 3) == [200] * 3
    served.kill()
    assert used(served) == [4, 4]
    served._settings["FLOWKEYS_USAGE_FLUSH_SECONDS"] = "1"
    served.start()
    assert call(served, token, 5) == [200] * 5
    until(lambda: used(served) == [9, 9], "the calls to be stored")
    served.kill()
    served.start()
    assert call(served, token, 3) == [200, 429, 429]
