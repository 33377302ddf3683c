"""Keeping the secret: what flows may reach and run, end to end over HTTP. They are written by strangers."""

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.conformance import ways
from tests.flows.support import chain, node
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running


class Bait:
    """A listening socket of this machine that should never hear anything."""

    def __init__(self, family: socket.AddressFamily, address: str) -> None:
        self.socket = socket.socket(family)
        self.socket.bind((address, 0))
        self.socket.listen()
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    def heard_nothing(self) -> bool:
        """Tell whether nobody has connected."""
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return True
        return False


@pytest.fixture(scope="module")
def bait() -> Iterator[Bait]:
    """Return a service of the server's own machine."""
    made = Bait(socket.AF_INET, "0.0.0.0")  # noqa: S104  # every way to reach this machine leads there
    yield made
    made.socket.close()


def asking(url: str) -> str:
    """FlowData of a chatflow whose model is at an address."""
    config = {"modelName": "m", "basepath": url}
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": False}
    return chain(node("llmAgentflow_0", inputs))


HOSTS = (
    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "sub.localhost", "127.1", "127.0.1", "2130706433",
    "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0.0.0.0", "0", "[::1]", "[::]",  # noqa: S104
    "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "127.0.0.1.", "%31%32%37.0.0.1", "user@127.0.0.1", "8.8.8.8@127.0.0.1", "127.0.0.1#",
    "127.0.0.1\\@8.8.8.8", "\uff11\uff12\uff17.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1",
    "169.254.169.254", "[fd00::1]", "[fe80::1]", "100.100.100.200",
)  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_flow_reaches_nothing_private(host: str, bait: Bait, owner: Api, server: Running) -> None:
    """Flowise's SSRF advisories: in every spelling a private address is refused, and nothing connects.

    Neither when the flow is stored, nor when it is shown, nor when it is called.
    """
    chatflow = make_chatflow(owner, "reaches out", asking(f"http://{host}:{bait.port}/v1"))
    token = bound_key(owner, chatflow)["apiKey"]
    assert owner.get("/chatflows").status_code == 200
    answer = server.api(token).post(f"/prediction/{chatflow['id']}", json=ways.QUESTION)
    assert (answer.status_code, answer.json()["code"]) in {
        (422, "flow_not_runnable"),
        (502, "upstream_failed"),
    }
    assert bait.heard_nothing()


@pytest.mark.parametrize(
    "scheme", ["file:///etc/passwd", "gopher://127.0.0.1:1/", "ftp://127.0.0.1/", "//127.0.0.1/"]
)
def test_a_flow_speaks_http_alone(scheme: str, owner: Api, server: Running) -> None:
    """No other scheme, and no file of the server."""
    chatflow = make_chatflow(owner, "reaches out", asking(scheme))
    assert chatflow["runnable"] is False
    token = bound_key(owner, chatflow)["apiKey"]
    answer = server.api(token).post(f"/prediction/{chatflow['id']}", json=ways.QUESTION)
    assert answer.json()["code"] == "flow_not_runnable"
    assert "root:" not in answer.text


class Redirecting(BaseHTTPRequestHandler):
    """A model that the operator allowed, and that sends its callers elsewhere."""

    asked: list[str]
    target: str

    def do_POST(self) -> None:
        """Answer with a redirect, the method kept."""
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(307)
        self.send_header("Location", self.target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_redirect_leads_nowhere(bait: Bait, start: Callable[..., Running]) -> None:
    """An endpoint that the operator listed may be called; where it redirects to may not."""
    Redirecting.asked, Redirecting.target = [], f"http://127.0.0.1:{bait.port}/v1/chat/completions"
    listening = HTTPServer(("127.0.0.1", 0), Redirecting)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{listening.server_port}/v1"
        server = start(allowed_endpoints=(url,))
        owner = server.owner()
        chatflow = make_chatflow(owner, "redirected", asking(url))
        token = bound_key(owner, chatflow)["apiKey"]
        answer = server.api(token).post(f"/prediction/{chatflow['id']}", json=ways.QUESTION)
        assert (answer.status_code, answer.json()["code"]) == (502, "upstream_failed")
        assert Redirecting.asked == ["/v1/chat/completions"], "the listed endpoint itself was called"
        assert bait.heard_nothing()
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


MODULE = '''
"""Leaves a file when it is imported, and another when it is called."""

from pathlib import Path

HERE = Path(__file__).parent
(HERE / "{name} was imported").touch()

def run(question):
    (HERE / "{name} was run").touch()
    return "ran"
'''


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a module that the operator lists and one that nobody does."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in ("listed_module", "unlisted_module"):
        (folder / f"{name}.py").write_text(MODULE.format(name=name))
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in ("listed_module", "unlisted_module"):
        sys.modules.pop(name, None)


def traces(folder: Path) -> list[str]:
    """Return what the modules have left behind."""
    return sorted(path.name for path in folder.glob("* was *"))


def calling(target: str) -> str:
    """FlowData of a chatflow that answers with a Python object."""
    return chain(node("pythonAgentflow_0", {"pythonTarget": target}))


def test_importing_a_flow_runs_nothing(modules: Path, start: Callable[..., Running]) -> None:
    """Flowise CVE-2026-41264, -40933: an imported flow executed code.

    Storing, showing, listing, changing and binding a flow import nothing that it names, be it listed or not;
    what is not listed is never imported; what is listed is imported by the first call of a key.
    """
    server = start(python_flows=("listed_module:run",))
    owner = server.owner()
    flows = {}
    for name in ("listed_module", "unlisted_module"):
        flow = make_chatflow(owner, name, calling(f"{name}:run"))
        owner.put(f"/chatflows/{flow['id']}", json={"flowData": calling(f"{name}:run"), "isPublic": True})
        owner.put(f"/chatflows/{flow['id']}", json={"isPublic": False})
        assert owner.get(f"/chatflows/{flow['id']}").json()["runnable"] is (name == "listed_module")
        flows[name] = (flow, server.api(bound_key(owner, flow)["apiKey"]))
    assert owner.get("/chatflows").status_code == 200
    server.api().post(f"/prediction/{flows['listed_module'][0]['id']}", json=ways.QUESTION)
    assert traces(modules) == []

    flow, caller = flows["unlisted_module"]
    for _ in range(2):
        answer = caller.post(f"/prediction/{flow['id']}", json=ways.QUESTION)
        assert (answer.status_code, answer.json()["code"]) == (422, "flow_not_runnable")
    assert traces(modules) == []
    assert "unlisted_module" not in sys.modules

    flow, caller = flows["listed_module"]
    assert caller.post(f"/prediction/{flow['id']}", json=ways.QUESTION).json()["text"] == "ran"
    assert traces(modules) == ["listed_module was imported", "listed_module was run"]


TARGETS = (
    "os:system", "builtins:eval", "subprocess:run", "listed_module:HERE", "listed_module:run.__globals__",
    "listed_module:run ", " listed_module:run", "listed_module:RUN", "listed_module", "listed_module:",
    "listed_module:run:run", "unlisted_module:run,listed_module:run", "../listed_module:run",
    "", "{{ question }}",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_a_flow_runs_exactly_what_the_operator_listed(
    target: str, modules: Path, start: Callable[..., Running]
) -> None:
    """The list is compared as a whole: nothing beside, below or spelled like a listed object runs."""
    server = start(python_flows=("listed_module:run",))
    owner = server.owner()
    flow = make_chatflow(owner, "x", calling(target))
    assert flow["runnable"] is False
    caller = server.api(bound_key(owner, flow)["apiKey"])
    body = {"question": "listed_module:run", "overrideConfig": {"pythonTarget": "listed_module:run"}}
    answer = caller.post(f"/prediction/{flow['id']}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "flow_not_runnable")
    assert traces(modules) == []


def test_a_caller_cannot_choose_what_runs(modules: Path, start: Callable[..., Running]) -> None:
    """`overrideConfig` reaches neither the Python object nor the model's address, even when it is allowed."""
    server = start(python_flows=("listed_module:run", "unlisted_module:run"))
    owner = server.owner()
    allowed = {
        "overrideConfig": {"status": True, "nodes": {"Python": [{"name": "pythonTarget", "enabled": True}]}}
    }
    flow = make_chatflow(owner, "x", calling("listed_module:run"), apiConfig=json.dumps(allowed))
    caller = server.api(bound_key(owner, flow)["apiKey"])
    overrides = {
        "pythonTarget": "unlisted_module:run",
        "pythonAgentflow_0": {"pythonTarget": "unlisted_module:run"},
    }
    answer = caller.post(f"/prediction/{flow['id']}", json={"question": "x", "overrideConfig": overrides})
    assert answer.json()["text"] == "ran"
    assert not [name for name in traces(modules) if name.startswith("unlisted")]


CODE = ("customFunction", "codeAgentflow", "browserAgentflow")


@pytest.mark.parametrize("kind", CODE)
def test_node_kinds_that_carry_code_do_not_exist(kind: str, owner: Api, server: Running) -> None:
    """Code in a flow of a kind that nobody knows is stored, named as missing, and never run."""
    inputs = {"customFunctionJavascriptFunction": "require('fs')", "code": "__import__('os').system('id')"}
    flow = make_chatflow(owner, "code", chain(node(f"{kind}_0", inputs)))
    assert (flow["runnable"], flow["missingNodeKinds"]) == (False, [kind])
    caller = server.api(bound_key(owner, flow)["apiKey"])
    answer = caller.post(f"/prediction/{flow['id']}", json=ways.QUESTION)
    assert (answer.status_code, answer.json()["missingNodeKinds"]) == (422, [kind])


def test_code_that_nobody_allowed_is_not_run(owner: Api, server: Running) -> None:
    """Neither a function nor a tool, where the operator runs no code of chatflows; each says so."""
    config = {"selectedTool": "x"}
    tool = {"toolAgentflowSelectedTool": "customTool", "toolAgentflowSelectedToolConfig": config}
    for kind, inputs in (
        ("customFunctionAgentflow", {"customFunctionJavascriptFunction": "return 1"}),
        ("toolAgentflow", tool),
    ):
        flow = make_chatflow(owner, "code", chain(node(f"{kind}_0", inputs)))
        assert not flow["runnable"]
        caller = server.api(bound_key(owner, flow)["apiKey"])
        answer = caller.post(f"/prediction/{flow['id']}", json=ways.QUESTION)
        assert (answer.status_code, answer.json()["code"]) == (422, "flow_not_runnable")
