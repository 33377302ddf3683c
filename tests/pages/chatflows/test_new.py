"""New chatflows in three ways, as a browser without scripts makes them."""

import json
import uuid
from collections.abc import Callable

import httpx
import pytest

from tests.flows.support import chain, node
from tests.pages.chatflows.new_chatflow import EXPORT, KEY, NEW, WALRUS, Browser, left, text
from tests.support.flows import exported
from tests.support.people import SignedIn, person
from tests.support.server import Running

Start = Callable[..., Running]
MADE = "was made. It answers nobody until you bind a key."


@pytest.fixture
def who(server: Running) -> SignedIn:
    """A member with the usual permissions."""
    return person(server, "member")


@pytest.fixture
def plain(server: Running, who: SignedIn) -> Browser:
    """Their browser, without scripts."""
    return Browser(server, who)


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


def test_an_export_of_a_server_brings_the_tools_of_its_chatflow(server: Running) -> None:
    """Their code is approved by nobody; who may make no tools imports the chatflow alone."""
    usual = ("chatflows:create", "chatflows:view")
    for permissions, why in (
        ((*usual, "tools:create"), "the code of the tool adder is not approved"),
        (usual, "there is no custom tool"),
    ):
        theirs = str(uuid.uuid4())
        who = Browser(server, person(server, "member", permissions=permissions))
        inputs = {
            "toolAgentflowSelectedTool": "customTool",
            "toolAgentflowSelectedToolConfig": {"selectedTool": theirs},
        }
        flow = {"name": "Old", "flowData": chain(node("toolAgentflow_0", inputs, "T"))}
        tool = {"id": theirs, "name": "adder", "schema": None, "func": f"// {theirs}"}
        content = json.dumps({"AgentFlowV2": [flow], "Tool": [tool]}).encode()
        made = chatflow(server, who.make("export", [("ExportData.json", content)]))
        assert why in " ".join(made["problems"])


def test_documents_become_a_chatflow_that_answers_from_them(server: Running, plain: Browser) -> None:
    """The form is answered at once with a page on which one sees how far it is; it ends at the chatflow."""
    answer = plain.make("documents", WALRUS, name="Animals")
    assert answer.headers["location"].startswith(f"{NEW}/jobs/")
    made = chatflow(server, plain.finish(answer))
    assert made["name"] == "Animals"
    assert "two long tusks" in ask(server, made, "How many tusks has a walrus?")["text"]


def test_a_model_with_the_operators_credential_becomes_a_chatflow(start: Start) -> None:
    """The credential is chosen by its name; its key is on no page, and the base URL may be left empty."""
    own = start(credentials=KEY)
    plain = Browser(own, person(own, "member"))
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
def test_what_was_made_is_said_on_the_next_page(start: Start, way: str) -> None:
    """With what has to be done next."""
    own = start(credentials=KEY)
    plain = Browser(own, person(own, "member"))
    answer = plain.make(way, EXPORT if way == "export" else [], name="N", credential="main", model="m")
    plain.cookies.update(answer.cookies)
    cookies = f"{plain.headers['cookie']}; flowkeys_notice={answer.cookies['flowkeys_notice']}"
    page = plain.get(answer.headers["location"], headers={"Cookie": cookies})
    assert f"“N” {MADE}" in text(page)


@pytest.mark.parametrize("way", ["export", "documents", "model"])
def test_a_form_that_is_sent_twice_makes_one_chatflow(start: Start, way: str) -> None:
    """The second one leads to what the first made."""
    own = start(credentials=KEY)
    who = person(own, "member")
    plain = Browser(own, who)
    files = {"export": EXPORT, "documents": WALRUS, "model": []}[way]
    fields = {"name": "N", "once": plain.once(way)} | (
        {"credential": "main", "model": "m"} if way == "model" else {}
    )
    both = [plain.make(way, files, **fields) for _ in range(2)]
    ends = [plain.finish(one) if way == "documents" else one for one in both]
    assert ends[0].headers["location"] == ends[1].headers["location"]
    assert left(own, who) == (1, 1 if way == "documents" else 0)


def test_a_form_of_documents_that_is_sent_again_after_a_restart_makes_no_other(own: Running) -> None:
    """The import is forgotten with the process, what it made is not; nothing is left of the second one."""
    who = person(own, "member")
    plain = Browser(own, who)
    once = plain.once("documents")
    first = plain.finish(plain.make("documents", WALRUS, name="N", once=once))
    own.runtime.imports._own.clear()
    again = plain.finish(plain.make("documents", WALRUS, name="N", once=once))
    assert again.headers["location"] == first.headers["location"]
    assert left(own, who) == (1, 1)
