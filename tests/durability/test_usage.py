"""What was counted survives a stop and a full disk whole, and a crash but for seconds."""

import pytest

from tests.durability.process import Serve, Served
from tests.durability.test_outage import full_disk
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api
from tests.support.waiting import until

CALLS = "SELECT coalesce(sum({}), 0) FROM usage_hour".format("+".join(f"took_{n}" for n in range(21)))


def calls(served: Served) -> int:
    """Return how many calls are stored."""
    ((found,),) = served.rows(CALLS)
    return int(found)


def caller(served: Served) -> tuple[Api, str]:
    """Return a client with a key, and where it asks."""
    owner = served.owner()
    chatflow = make_chatflow(owner)
    return served.api(bound_key(owner, chatflow)["apiKey"]), f"/auth/verify/chatflow/{chatflow['id']}"


def test_a_stop_loses_nothing(serve: Serve) -> None:
    """Though it comes long before the next flush; and a restart goes on from there."""
    served = serve(usage_flush_seconds=300)
    for rounds in (1, 2):
        api, path = caller(served)
        for _ in range(20):
            assert api.get(path).status_code == 200
        assert calls(served) == 20 * (rounds - 1)
        served.stop()
        assert calls(served) == 20 * rounds
        served.start()


def test_a_crash_loses_what_came_after_the_last_flush(serve: Serve) -> None:
    """And nothing else: what was stored is there once."""
    served = serve(usage_flush_seconds=1)
    api, path = caller(served)
    for _ in range(20):
        assert api.get(path).status_code == 200
    until(lambda: calls(served) == 20, "the calls to be stored")
    for _ in range(5):
        assert api.get(path).status_code == 200
    served.kill()
    before = calls(served)
    assert 20 <= before <= 25
    served.start()
    assert served.api(api.token).get(path).status_code == 200
    served.stop()
    assert calls(served) == before + 1


@pytest.mark.of_sqlite("the disk of this process is full; that of PostgreSQL is the server's")
def test_a_full_disk_loses_nothing_and_counts_nothing_twice(serve: Serve) -> None:
    """Keys go on working, what was counted waits, and there is one of each call when there is room again."""
    served = serve(log_elsewhere=True, usage_flush_seconds=1)
    api, path = caller(served)
    for _ in range(10):
        assert api.get(path).status_code == 200
    until(lambda: calls(served) == 10, "the calls to be stored")
    with full_disk(served):
        for _ in range(10):
            assert api.get(path).status_code == 200
        failed = served.said().count("usage is not stored")
        until(lambda: served.said().count("usage is not stored") > failed, "a flush to fail")
        for _ in range(10):
            assert api.get(path).status_code == 200
    until(lambda: calls(served) == 30, "the calls to be stored")
    served.stop()
    assert calls(served) == 30
