"""The stream of changes over HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.library.conftest import by_hand
from tests.support.databases import ON_POSTGRES, PROMISED_SECONDS
from tests.support.flows import make_chatflow, make_key
from tests.support.server import Api, Running


class Events:
    """A stream that is being read, event by event."""

    def __init__(self, response: Any) -> None:
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[tuple[str, dict]]:
        """Yield each event: its name and its data."""
        name = ""
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)

    def next(self, *names: str) -> tuple[str, dict]:
        """Return the next event with one of these names."""
        return next(event for event in self if event[0] in names)

    def of(self, subject: str, subject_id: str) -> dict:
        """Return the next change of a thing."""
        changes = (data for name, data in self if name == "change")
        return next(data for data in changes if (data["subject"], data["subjectId"]) == (subject, subject_id))


@contextmanager
def following(api: Api, **params: Any) -> Iterator[Events]:
    """Follow the changes of a key's workspace."""
    headers = {"Last-Event-ID": str(params.pop("last"))} if "last" in params else {}
    with api.stream("GET", "/changes", params=params, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield Events(response)


def told(api: Api, **params: Any) -> list[tuple[str, dict]]:
    """Return what there is to tell now."""
    with following(api, follow=False, **params) as events:
        return list(events)


def behind(position: int, found: list[tuple[str, dict]]) -> list[tuple[str, dict]]:
    """Return what was told behind a position.

    On PostgreSQL it is the number of a transaction, and who goes on there is told the whole of it again.
    """
    again = [data["position"] == position for name, data in found if name == "change"]
    assert ON_POSTGRES or not any(again)
    return [(name, data) for name, data in found if name != "change" or data["position"] > position]


@pytest.fixture(scope="module")
def api(running: Running) -> Api:
    """A client that may do everything."""
    return running.owner()


def test_a_change_is_told_with_its_position(running: Running, api: Api) -> None:
    """Over HTTP and by hand; each position is behind the one before."""
    key = make_key(api)
    with following(api) as events:
        _, begin = events.next("position")
        chatflow = make_chatflow(api)
        first = events.of("chatflow", chatflow["id"])
        by_hand(running.data_dir, "UPDATE api_key SET status = 'disabled' WHERE id = ?", key["id"])
        second = events.of("key", key["id"])
        assert begin["position"] < first["position"] < second["position"]
        assert set(first) == {"position", "subject", "subjectId"}


def test_the_stream_is_heard_when_nothing_changes(api: Api) -> None:
    """A position each second: silence means that the stream is broken."""
    with following(api) as events:
        positions = [events.next("position")[1]["position"] for _ in range(2)]
    assert positions[0] <= positions[1]


def test_a_reader_goes_on_where_it_was(api: Api) -> None:
    """By `after` or by `Last-Event-ID`; nothing is left out, nor told twice but as `behind` says."""
    ((_, begin),) = told(api)
    chatflow = make_chatflow(api)
    for params in ({"after": begin["position"]}, {"last": begin["position"]}):
        (first, *_, end) = behind(begin["position"], told(api, **params))
        assert first[1] | {"position": 0} == {
            "position": 0,
            "subject": "chatflow",
            "subjectId": chatflow["id"],
        }
        assert behind(end[1]["position"], told(api, after=end[1]["position"])) == [end]


def test_a_position_of_another_epoch_means_forget(api: Api) -> None:
    """The server was started anew, and a position may be another history's; its own epoch goes on."""
    ((_, begin),) = told(api)
    assert begin["boundMs"] == PROMISED_SECONDS * 1000
    make_chatflow(api)
    here, elsewhere = (
        told(api, after=begin["position"], epoch=epoch) for epoch in (begin["epoch"], "of another process")
    )
    assert [name for name, _ in here][-2:] == ["change", "position"]
    assert [(name, data["epoch"]) for name, data in elsewhere] == [("forget", begin["epoch"])]


def test_other_workspaces_are_not_told_of(running: Running, api: Api) -> None:
    """Neither the change nor its id: only that the position moved on."""
    other = running.owner("another")
    ((_, begin),) = told(other)
    make_key(api)
    assert [name for name, _ in behind(begin["position"], told(other, after=begin["position"]))] == [
        "position"
    ]
    assert "change" in [name for name, _ in told(api, after=begin["position"])]


@pytest.mark.parametrize("after", [10**12, 2**63 - 1])
def test_a_position_that_was_never_reached_means_forget(api: Api, after: int) -> None:
    """As after a backup was put back: what was kept may be of a time that never was."""
    ((name, data),) = told(api, after=after)
    assert name == "forget"
    assert 0 < data["position"] < after


@pytest.mark.of_sqlite("what was told is read from the table; on PostgreSQL each process remembers it")
def test_a_position_that_is_no_longer_stored_means_forget(start: Callable[..., Running]) -> None:
    """Changes in between cannot be told any more."""
    running = start()
    api = running.owner()
    make_key(api)
    ((_, end),) = told(api)
    by_hand(running.data_dir, "DELETE FROM change WHERE seq < ?", end["position"])
    assert [name for name, _ in told(api, after=end["position"] - 2)] == ["forget"]
    assert [name for name, _ in told(api, after=end["position"] - 1)] == ["change", "position"]


@pytest.mark.parametrize(
    ("params", "headers"),
    [({"after": "x"}, {}), ({"after": -1}, {}), ({"after": 2**63}, {}), ({}, {"Last-Event-ID": "x1"})],
)
def test_nonsense_is_refused(api: Api, params: dict, headers: dict) -> None:
    """A position is a number."""
    assert api.get("/changes", params=params, headers=headers).status_code == 422


def test_it_needs_a_permission(running: Running) -> None:
    """Ids of keys are for those who may see keys."""
    assert running.api(running.key()["apiKey"]).get("/changes").status_code == 403
    assert running.api().get("/changes").status_code == 401


def test_it_ends_with_its_key(running: Running, api: Api) -> None:
    """Whoever's key was revoked is told nothing more."""
    made = make_key(api, permissions=["apikeys:view"])
    with following(running.api(made["apiKey"])) as events:
        events.next("position")
        api.delete(f"/apikey/{made['id']}")
        assert [name for name, _ in events if name == "change"] == []


def test_it_ends_with_the_server(start: Callable[..., Running]) -> None:
    """Streams do not hold up a stop."""
    running = start()
    with following(running.owner()) as events:
        events.next("position")
        stopping = threading.Thread(target=running.stop)
        running.server.should_exit = True
        assert [name for name, _ in events if name != "position"] == []
        stopping.start()
        stopping.join()


def test_one_poll_serves_everybody(running: Running, api: Api) -> None:
    """However many follow, the feed is asked by one task, and by none when nobody follows."""
    followers = running.runtime.followers
    with following(api) as first, following(api) as second:
        first.next("position")
        second.next("position")
        assert len(followers._events) == 2
        poll = followers._poll
        make_key(api)
        assert first.next("change") == second.next("change")
        assert followers._poll is poll
