"""Documents that are read while one waits: how far it is, what could not be read, and what is left."""

from collections.abc import Callable
from urllib.parse import unquote

import httpx
import pytest

from flowkeys.domain.principal import Caller, operator
from tests.pages.chatflows.new_chatflow import WALRUS, Browser, Gate, left, many, text, until
from tests.support.people import SignedIn, person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

Start = Callable[..., Running]


@pytest.fixture
def who(server: Running) -> SignedIn:
    """A member with the usual permissions."""
    return person(server, "member")


@pytest.fixture
def plain(server: Running, who: SignedIn) -> Browser:
    """Their browser, without scripts."""
    return Browser(server, who)


def test_files_that_could_not_be_read_are_listed_with_reasons(server: Running, plain: Browser) -> None:
    """The others answer; names are text, whatever is in them."""
    files = [*WALRUS, ("<b>x</b>.exe", b"MZ"), ("empty.md", b""), ("x\u202emd.pdf", b"%PDF-1.4 no")]
    page = plain.finish(plain.make("documents", files, name="N"))
    words = text(page)
    assert page.status_code == 200
    assert "3 files could not be read" in words
    assert "<b>x</b>.exe: files of this kind cannot be read" in words
    assert "empty.md: It has no text." in words
    assert "<b>x" not in page.text
    assert "It answers from 1 file" in words


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.md", "C:\\temp\\a.md", "a" * 400 + ".md", "🐋.md", "a\x01b.md", ".md"]
)
def test_a_hostile_file_name_harms_nothing(server: Running, plain: Browser, name: str) -> None:
    """It is cut down to a name, or refused with a reason."""
    page = plain.finish(plain.make("documents", [*WALRUS, (name, b"# T\n\ntext")], name="N"))
    assert page.status_code in {200, 303}
    sources = server.do(_sources(server))
    assert all(not source.startswith(("/", "..", "C:")) and "\\" not in source for source in sources)


async def _sources(server: Running) -> list[str]:
    caller = Caller(operator((await server.runtime.workspaces.default()).id))
    stores = await server.runtime.collections.all(caller)
    return [d.source for s in stores for d in await server.runtime.collections.documents(caller, s.id)]


def test_when_no_file_can_be_read_nothing_is_left_behind(
    server: Running, who: SignedIn, plain: Browser
) -> None:
    """Neither a chatflow nor a collection; the page says why."""
    before = left(server, who)
    page = plain.finish(plain.make("documents", [("a.exe", b"MZ"), ("b.png", b"x")], name="N"))
    assert "was not made Nothing was kept." in text(page)
    assert "a.exe: files of this kind cannot be read" in text(page)
    assert left(server, who) == before


def test_who_may_not_delete_document_stores_leaves_nothing_behind_either(server: Running) -> None:
    """What was made in vain is taken back by whoever made it."""
    given = ("chatflows:create", "documentStores:view", "documentStores:create", "documentStores:add-loader")
    who = person(server, "member", permissions=given)
    before = left(server, who)
    plain = Browser(server, who)
    plain.finish(plain.make("documents", [("a.exe", b"MZ")], name="N"))
    assert left(server, who) == before


def test_progress_is_shown_and_the_page_loads_itself_again(
    server: Running, plain: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without scripts too."""
    gate = Gate(server, monkeypatch)
    answer = plain.make("documents", many(40), name="Many")
    address = answer.headers["location"]
    assert "Read 0 of 40 files…" in text(plain.get(address))
    gate.let(12)
    until(lambda: "Read 12 of 40 files…" in text(plain.get(address)), "12 files that were read")
    page = plain.get(address).text
    assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in page.partition("</head>")[0]
    gate.let(28)
    assert plain.finish(answer).status_code == 303


def test_an_import_that_is_stopped_leaves_nothing_behind(
    server: Running, who: SignedIn, plain: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what was read already goes."""
    before = left(server, who)
    gate = Gate(server, monkeypatch)
    address = plain.make("documents", many(5), name="N").headers["location"]
    gate.let(3)
    until(lambda: "Read 3 of 5" in text(plain.get(address)), "3 files that were read")
    assert plain.post(f"{address}/stop").headers["location"] == address
    assert "The import was stopped. Nothing of it was kept." in text(plain.get(address))
    assert left(server, who) == before


def test_a_server_that_stops_leaves_no_half_import_and_says_so_later(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of the import then says that it was interrupted, and what to do."""
    own = start()
    who = person(own, "member")
    Gate(own, monkeypatch)
    address = Browser(own, who).make("documents", many(5), name="N").headers["location"]
    own.stop()
    monkeypatch.undo()
    again = start()
    assert left(again, who) == (0, 0)
    headers = {**who.headers, "Origin": again.url}
    page = httpx.get(f"{again.url}{address}", headers=headers, trust_env=False, timeout=PATIENCE_SECONDS)
    assert page.status_code == 200
    assert "The server that ran the import was stopped before it was done" in text(page)
    assert "send the files again" in text(page)


def test_an_import_of_somebody_else_is_not_there(
    server: Running, plain: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor can it be stopped, by an owner either."""
    gate = Gate(server, monkeypatch)
    answer = plain.make("documents", many(2), name="N")
    other = Browser(server, person(server, "owner"))
    assert other.get(answer.headers["location"]).status_code == 404
    assert other.post(f"{answer.headers['location']}/stop").status_code == 404
    gate.let(2)
    assert plain.finish(answer).status_code == 303


def test_a_third_import_at_once_is_refused(
    server: Running, plain: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds its files in memory; one that has ended makes room."""
    gate = Gate(server, monkeypatch)
    begun = [plain.make("documents", WALRUS, name=f"N{number}") for number in range(2)]
    refused = plain.make("documents", WALRUS, name="N3")
    assert refused.status_code == 422
    assert "You have 2 imports running." in text(refused)
    gate.let(3)
    for one in begun:
        plain.finish(one)
    assert plain.finish(plain.make("documents", WALRUS, name="N3")).status_code == 303


@pytest.mark.parametrize("job", ["%E4%B8%AD", "a%0D%0ASet-Cookie:%20x=1", "%25", "%3Fx%23y"])
def test_a_script_that_watches_no_import_is_sent_to_the_page_that_says_so(plain: Browser, job: str) -> None:
    """Whatever stands where an id belongs: it goes back as it came, and into no other header."""
    answer = plain.get(f"/chatflows/new/jobs/{job}", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert unquote(answer.headers["hx-redirect"]) == f"/chatflows/new/jobs/{unquote(job)}"
    assert "set-cookie" not in answer.headers


def test_what_became_of_an_import_is_known_for_a_day(server: Running, plain: Browser) -> None:
    """Then it goes when somebody begins another one."""
    pages = []
    made = "SELECT 1 FROM import_job WHERE id = ? AND state = 'made'"
    for name in ("Old", "New"):
        files = [*WALRUS, (f"{name}.exe", b"MZ")]
        pages.append(plain.make("documents", files, name=name))
        plain.finish(pages[-1])
        job = pages[-1].headers["location"].rpartition("/")[2]
        hours = 25 if name == "Old" else 23
        set_back = f"UPDATE import_job SET told_at = told_at - {hours} * 3600000000 WHERE id = ?"
        until(lambda job=job: server.by_hand(made, job), "it to be stored")
        server.by_hand(set_back, job)
    plain.finish(plain.make("documents", WALRUS, name="Another"))
    found = [plain.get(page.headers["location"]) for page in pages]
    assert [page.status_code for page in found] == [404, 200]
    assert "What became of an import is kept for a day." in text(found[0])
