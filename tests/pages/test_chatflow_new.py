"""New chatflows in three ways, as a browser without scripts makes them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.pages.new_chatflow import NEW, WALRUS, Browser, Gate, left, many, text
from tests.support.flows import exported
from tests.support.people import SignedIn, person
from tests.support.server import Running

Start = Callable[..., Running]
Browse = Callable[[SignedIn], Browser]

MADE = "was made. It answers nobody until you bind a key."
EXPORT = [("Support Chatflow.json", exported().encode())]
KEY = {"main": {"base_url": "https://models.example/v1", "api_key": "of-the-operator"}}


@pytest.fixture
def who(server: Running) -> SignedIn:
    """A member with the usual permissions."""
    return person(server, "member")


@pytest.fixture
def browse() -> Iterator[Callable[[SignedIn], Browser]]:
    """Give somebody a browser; it is closed after the test."""
    with ExitStack() as opened:
        yield lambda who: opened.enter_context(Browser(who))


@pytest.fixture
def plain(who: SignedIn, browse: Browse) -> Browser:
    """Their plain."""
    return browse(who)


def chatflow(server: Running, answer: httpx.Response) -> dict:
    """Return the chatflow whose page a form led to."""
    assert answer.status_code == 303, text(answer)
    found: dict = server.owner().get(answer.headers["location"]).json()
    return found


def ask(server: Running, made: dict, question: str) -> dict:
    """Bind a key and ask."""
    api = server.owner()
    key = api.post("/apikey", json={"keyName": "k", "chatflowIds": [made["id"]]}).json()
    answer = server.api(key["apiKey"]).post(f"/prediction/{made['id']}", json={"question": question})
    assert answer.status_code == 200, answer.text
    found: dict = answer.json()
    return found


def test_an_export_becomes_a_chatflow_that_is_kept_to_the_byte(server: Running, plain: Browser) -> None:
    """Named by its file when no name is given, of the type that its graph shows, and closed."""
    made = chatflow(server, plain.make("export", EXPORT))
    assert (made["name"], made["type"], made["isPublic"]) == ("Support", "AGENTFLOW", False)
    assert made["flowData"] == exported()


def test_documents_become_a_chatflow_that_answers_from_them(server: Running, plain: Browser) -> None:
    """The form is answered at once with a page on which one sees how far it is; it ends at the chatflow."""
    answer = plain.make("documents", WALRUS, name="Animals")
    assert answer.headers["location"].startswith(f"{NEW}/jobs/")
    made = chatflow(server, plain.finish(answer))
    assert made["name"] == "Animals"
    assert "two long tusks" in ask(server, made, "How many tusks has a walrus?")["text"]


def test_a_model_with_the_operators_credential_becomes_a_chatflow(start: Start, browse: Browse) -> None:
    """The credential is chosen by its name; its key is on no page, and the base URL may be left empty."""
    own = start(credentials=KEY)
    plain = browse(person(own, "member"))
    form = plain.get(NEW, params={"way": "model"}).text
    assert "<option>main</option>" in form
    assert "of-the-operator" not in form
    answer = plain.make("model", name="Chat", credential="main", model="m-1", prompt="Be brief.")
    made = chatflow(own, answer)
    assert made["runnable"]
    node = json.loads(made["flowData"])["nodes"][1]["data"]["inputs"]
    assert node["llmMessages"] == [{"role": "system", "content": "Be brief."}]
    assert node["llmModelConfig"]["credential"] == "main"


@pytest.mark.parametrize("way", ["export", "model"])
def test_what_was_made_is_said_on_the_next_page(start: Start, browse: Browse, way: str) -> None:
    """With what has to be done next."""
    own = start(credentials=KEY)
    plain = browse(person(own, "member"))
    answer = plain.make(way, EXPORT if way == "export" else [], name="N", credential="main", model="m")
    plain.cookies.update(answer.cookies)
    cookies = f"{plain.headers['cookie']}; flowkeys_notice={answer.cookies['flowkeys_notice']}"
    page = plain.get(answer.headers["location"], headers={"Cookie": cookies})
    assert f"“N” {MADE}" in text(page)


@pytest.mark.parametrize("way", ["export", "documents", "model"])
def test_a_form_that_is_sent_twice_makes_one_chatflow(start: Start, browse: Browse, way: str) -> None:
    """The second one leads to what the first made."""
    own = start(credentials=KEY)
    who = person(own, "member")
    plain = browse(who)
    files = {"export": EXPORT, "documents": WALRUS, "model": []}[way]
    fields = {"name": "N", "once": plain.once(way)} | (
        {"credential": "main", "model": "m"} if way == "model" else {}
    )
    both = [plain.make(way, files, **fields) for _ in range(2)]
    ends = [plain.finish(one) if way == "documents" else one for one in both]
    assert ends[0].headers["location"] == ends[1].headers["location"]
    assert left(own, who) == (1, 1 if way == "documents" else 0)


def test_a_form_of_documents_that_is_sent_again_after_a_restart_makes_no_other(
    own: Running, browse: Browse
) -> None:
    """The import is forgotten with the process, what it made is not; nothing is left of the second one."""
    who = person(own, "member")
    plain = browse(who)
    once = plain.once("documents")
    first = plain.finish(plain.make("documents", WALRUS, name="N", once=once))
    own.runtime.imports._jobs.clear()
    again = plain.finish(plain.make("documents", WALRUS, name="N", once=once))
    assert again.headers["location"] == first.headers["location"]
    assert left(own, who) == (1, 1)


@pytest.mark.parametrize(
    ("way", "files", "fields", "words"),
    [
        pytest.param("export", [], {}, "Choose one file.", id="no file"),
        pytest.param("export", [("a.json", b"{")], {}, "This file is not JSON", id="broken JSON"),
        pytest.param("export", [("a.json", b"\xff")], {}, "This file cannot be read", id="no text"),
        pytest.param("export", [("a.json", b"[]")], {}, "This file holds no chatflow", id="a list"),
        pytest.param("export", [("a.json", b"{}")], {}, "neither nodes nor flowData", id="another object"),
        pytest.param("export", [("a.json", b'{"nodes": []}')], {}, "lists nodes and edges", id="no edges"),
        pytest.param("export", [("a.json", b"[" * 9999)], {}, "This file is", id="brackets"),
        pytest.param("export", EXPORT, {"name": "a\x07b"}, "without control characters", id="a bell"),
        pytest.param("documents", [], {"name": "N"}, "Choose at least one file.", id="no documents"),
        pytest.param("documents", WALRUS, {"name": " "}, "Give a name", id="no name"),
        pytest.param(
            "documents", WALRUS, {"name": "N", "baseUrl": "x", "model": "m"}, "begin with http", id="URL"
        ),
        pytest.param(
            "documents",
            WALRUS,
            {"name": "N", "baseUrl": "https://a.example"},
            "Give the model's name",
            id="no model",
        ),
        pytest.param("model", [], {"name": "N", "model": "m"}, "Give the base URL", id="no base URL"),
        pytest.param(
            "model",
            [],
            {"name": "N", "model": "m", "baseUrl": "http://127.0.0.1:1/v1"},
            "not a public address",
            id="loopback",
        ),
        pytest.param(
            "model",
            [],
            {"name": "N", "model": "m", "credential": "other"},
            "no credential named 'other'",
            id="unknown credential",
        ),
        pytest.param(
            "model",
            [],
            {"name": "N", "model": "m", "baseUrl": "https://a.example", "prompt": "x" * 20_001},
            "at most 20,000 characters",
            id="a long prompt",
        ),
        pytest.param("model", [], {"name": "N", "once": "0.x"}, "Give the base URL", id="an odd form"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    server: Running, who: SignedIn, plain: Browser, way: str, files: list, fields: dict, words: str
) -> None:
    """With status 422, beside the field, in words."""
    before = left(server, who)
    answer = plain.make(way, files, **fields)
    assert answer.status_code == 422
    assert words in text(answer)
    assert 'aria-invalid="true"' in answer.text
    assert left(server, who) == before


def test_what_was_typed_is_kept_and_files_are_to_be_chosen_again(plain: Browser) -> None:
    """As text, whatever it is."""
    hostile = '"><img src=x onerror=alert(1)>'
    answer = plain.make("documents", WALRUS, name=hostile, baseUrl="nonsense", model=hostile)
    assert answer.text.count("&#34;&gt;&lt;img src=x onerror=alert(1)&gt;") == 2
    assert "<img" not in answer.text
    assert "Choose the files again: browsers do not keep them." in text(answer)


def test_too_much_is_refused_with_the_limit_and_a_browser_gets_to_see_it(
    start: Start, browse: Browse
) -> None:
    """All that was sent is taken in, or the browser would show that the connection broke."""
    own = start(max_upload_bytes=100_000)
    who = person(own, "member")
    answer = browse(who).make("documents", [("big.md", b"x" * 20_000_000)], name="N")
    assert answer.status_code == 413
    assert "This is more than 98 kB. Choose fewer or smaller files." in text(answer)
    assert left(own, who) == (0, 0)


def test_a_large_export_is_refused_with_the_limit(server: Running, plain: Browser) -> None:
    """It is the one of the command line."""
    answer = plain.make("export", [("a.json", b" " * (11 * 1024 * 1024 + 1))])
    assert answer.status_code == 413
    assert "This is more than 10 MB. Choose a smaller file." in text(answer)


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
    from flowkeys.domain.principal import Caller, operator

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


def test_who_may_not_delete_document_stores_leaves_nothing_behind_either(
    server: Running, browse: Browse
) -> None:
    """What was made in vain is taken back by whoever made it."""
    given = ("chatflows:create", "documentStores:view", "documentStores:create", "documentStores:add-loader")
    who = person(server, "member", permissions=given)
    before = left(server, who)
    plain = browse(who)
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
    _until(lambda: "Read 12 of 40 files…" in text(plain.get(address)))
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
    _until(lambda: "Read 3 of 5" in text(plain.get(address)))
    assert plain.post(f"{address}/stop").headers["location"] == address
    assert "The import was stopped. Nothing of it was kept." in text(plain.get(address))
    assert left(server, who) == before


def test_a_server_that_stops_leaves_no_half_import_and_says_so_later(
    start: Start, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of the import then says that it was interrupted, and what to do."""
    own = start()
    who = person(own, "member")
    Gate(own, monkeypatch)
    address = browse(who).make("documents", many(5), name="N").headers["location"]
    own.stop()
    monkeypatch.undo()
    again = start()
    assert left(again, who) == (0, 0)
    headers = {**who.headers, "Origin": again.url}
    page = httpx.get(f"{again.url}{address}", headers=headers, trust_env=False)
    assert page.status_code == 404
    assert "the import was interrupted" in text(page)
    assert "send the files again" in text(page)


def test_an_import_of_somebody_else_is_not_there(
    server: Running, browse: Browse, plain: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor can it be stopped, by an owner either."""
    gate = Gate(server, monkeypatch)
    answer = plain.make("documents", many(2), name="N")
    other = browse(person(server, "owner"))
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


def test_a_way_that_would_be_refused_is_not_offered(server: Running, browse: Browse) -> None:
    """Who may make chatflows but no document stores is shown the other ways, and a forged form is refused."""
    who = person(server, "member", permissions=("chatflows:create", "chatflows:view"))
    before = left(server, who)
    plain = browse(who)
    page = plain.get(NEW, params={"way": "documents"}).text
    assert "way=documents" not in page
    assert 'action="/chatflows/new/model"' in page
    forged = plain.post(f"{NEW}/documents", data={"name": "N"}, files=[("files", WALRUS[0])])
    assert forged.status_code == 403
    assert left(server, who) == before


@pytest.mark.parametrize("way", ["export", "documents", "model"])
@pytest.mark.parametrize("forgery", ["a viewer", "another site", "nobody"])
def test_who_may_not_makes_nothing(server: Running, way: str, forgery: str) -> None:
    """A viewer, a page of another site, and somebody who is signed out."""
    who = person(server, "viewer" if forgery == "a viewer" else "owner")
    before = left(server, who)
    headers = dict(who.headers)
    if forgery == "another site":
        headers["Origin"] = "https://elsewhere.example"
    if forgery == "nobody":
        del headers["Cookie"]
    files = [("file", EXPORT[0]), ("files", WALRUS[0])]
    fields = {"name": "N", "baseUrl": "https://a.example/v1", "model": "m"}
    answer = httpx.post(
        f"{server.url}{NEW}/{way}", data=fields, files=files, headers=headers, trust_env=False
    )
    assert answer.status_code == (401 if forgery == "nobody" else 403)
    assert left(server, who) == before


def test_a_server_without_the_library_for_models_offers_none(
    server: Running, plain: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install, and documents are quoted."""
    monkeypatch.setattr(
        server.runtime.engine.models, "unavailable", lambda: "the openai package is not installed."
    )
    assert "The openai package is not installed." in text(plain.get(NEW, params={"way": "model"}))
    assert "action=" not in plain.get(NEW, params={"way": "model"}).text.partition("new-place")[2]
    assert 'name="baseUrl"' not in plain.get(NEW).text


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
    raise AssertionError("it does not come to pass")
