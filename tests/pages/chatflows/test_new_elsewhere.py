"""An import whose page another process answers: how far it is, its end, its stop, and a server that died."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.workers import is_alive
from tests.pages.chatflows.new_chatflow import WALRUS, Browser, Gate, left, many, text, until
from tests.support import databases
from tests.support.people import SignedIn, person
from tests.support.programs.second import Second
from tests.support.server import Running

pytestmark = pytest.mark.of_one_process("each has two of its own")

SECRET = "0123456789abcdef" * 3
Pair = tuple[Running, Running]


@pytest.fixture(params=["a file", "PostgreSQL"])
def options(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of servers over one database."""
    if request.param == "a file":
        return {"secret": SECRET}
    return {"secret": SECRET, "database": request.getfixturevalue("postgres_url")}


@pytest.fixture
def pair(tmp_path: Path, options: dict[str, str]) -> Iterator[Pair]:
    """Two servers over one database; to see what each knows, neither is asked for the other."""
    both = tuple(Running(tmp_path / "data", **options).start() for _ in range(2))
    yield both
    for running in both:
        running.begin_to_stop()
    for running in both:
        running.stop()
    databases.let_go(tmp_path / "data")


def at(running: Running, who: SignedIn) -> Browser:
    """Return the browser of somebody who is signed in, at this server."""
    return Browser(running, SignedIn(who.person, who.secret, running.url))


def test_another_process_shows_how_far_it_is_and_its_end(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner sees it in both, with the reasons for files that were left out; nobody else does."""
    one, other = pair
    who = person(one, "member")
    gate = Gate(one, monkeypatch)
    files = [*many(4), ("x.exe", b"MZ")]
    begun = at(one, who).make("documents", files, name="Far")
    address = begun.headers["location"]
    elsewhere = at(other, who)
    assert "Read 0 of 5 files…" in text(elsewhere.get(address))
    gate.let(3)
    until(lambda: "Read 3 of 5 files…" in text(elsewhere.get(address)), "3 files that were read")
    stranger = at(other, person(one, "owner"))
    assert [stranger.get(address).status_code, stranger.post(f"{address}/stop").status_code] == [404, 404]
    gate.let(2)
    page = elsewhere.finish(begun)
    assert "x.exe: files of this kind cannot be read" in text(page)
    assert text(page) == text(at(one, who).finish(begun))
    assert left(other, who) == (1, 1)


def test_another_process_stops_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is kept, and both say so."""
    one, other = pair
    who = person(one, "member")
    gate = Gate(one, monkeypatch)
    address = at(one, who).make("documents", many(5), name="N").headers["location"]
    gate.let(2)
    elsewhere = at(other, who)
    until(lambda: "Read 2 of 5" in text(elsewhere.get(address)), "2 files that were read")
    assert elsewhere.post(f"{address}/stop").headers["location"] == address
    for browser in (elsewhere, at(one, who)):
        until(lambda here=browser: "Nothing of it was kept." in text(here.get(address)), "its end")
    assert left(one, who) == (0, 0)


def test_who_has_imports_elsewhere_begins_no_third_and_none_twice(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form that is sent again to the other process leads to the import that it began."""
    one, other = pair
    who = person(one, "member")
    gate = Gate(one, monkeypatch)
    here, elsewhere = at(one, who), at(other, who)
    form = here.once("documents")
    sent = [
        browser.post(
            "/chatflows/new/documents",
            data={"once": form, "name": "Once"},
            files=[("files", file) for file in WALRUS],
        )
        for browser in (here, elsewhere)
    ]
    assert sent[0].headers["location"] == sent[1].headers["location"]
    second = here.make("documents", WALRUS, name="Second")
    refused = elsewhere.make("documents", WALRUS, name="Third")
    assert refused.status_code == 422
    assert "You have 2 imports running." in text(refused)
    gate.let(2)
    for answer in (sent[0], second):
        elsewhere.finish(answer)
    elsewhere.finish(elsewhere.make("documents", WALRUS, name="Third"))
    assert left(one, who) == (3, 3)


def test_an_import_whose_server_was_killed_has_ended(tmp_path: Path, options: dict[str, str]) -> None:
    """Whoever asks another one is told so, and may begin again; nothing was said at its end."""
    one = Running(tmp_path / "data", **options).start()
    url = options.get("database")
    killed = Second(tmp_path / "data", one._given)
    try:
        who = person(one, "member")
        dying = Browser(one, SignedIn(who.person, who.secret, killed.url))
        addresses = [
            dying.make("documents", many(900), name=f"N{number}").headers["location"] for number in range(2)
        ]
        os.kill(killed._process.pid, signal.SIGKILL)
        until(lambda: not is_alive(killed._process.pid), "its end")
        here = at(one, who)
        later = "UPDATE import_job SET told_at = told_at - 31000000"  # half a minute without a word
        databases.by_hand(tmp_path / "data", later, url=url)
        for number, address in enumerate(addresses):
            page = here.get(address)
            assert page.status_code == 200
            assert f"Making N{number} was interrupted" in text(page)
            assert "send the files again" in text(page)
        assert here.finish(here.make("documents", WALRUS, name="Again")).status_code == 303
    finally:
        killed.stop()
        one.stop()
        databases.let_go(tmp_path / "data")
