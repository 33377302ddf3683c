"""Tools of MCP servers: at a real server of PyPI's `mcp`, and at one that behaves as none should."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowkeys.domain.errors import ConfigurationError, UpstreamFailed
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import HumanAnswer, Resumed
from tests.flows.code.test_outward import reply, upstream
from tests.flows.nodes.test_http_node import Vault
from tests.flows.support import call, chain, chatflow, engine, node, problems, run
from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
PROGRAM = ROOT / "tests" / "support" / "programs" / "mcp_server.py"
KEY = "a-key-of-the-service"


@pytest.fixture(scope="module")
def servers() -> Iterator[list[str]]:
    """The URLs of a server that keeps sessions and streams, and of one that does neither; both want a key."""
    if not PYTHON.exists():
        pytest.skip("the Python clients are not installed: make clients")
    with subprocess.Popen(
        [str(PYTHON), str(PROGRAM), KEY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        yield [f"http://127.0.0.1:{port}/mcp" for port in json.loads(process.stdout.readline())]
        process.communicate()


def mcp(url: str, *actions: str, **more: Any) -> dict[str, Any]:
    """Return the configuration of the tool."""
    return {"mcpServerConfig": json.dumps({"url": url}), "mcpActions": json.dumps(actions), **more}


def tool_node(url: str, *actions: str, arguments: Any = (), **more: Any) -> str:
    """Return a flow that calls them, and says what they say."""
    inputs = {
        "toolAgentflowSelectedTool": "customMCP",
        "toolAgentflowSelectedToolConfig": mcp(url, *actions, **more),
        "toolInputArgs": [{"inputArgName": n, "inputArgValue": v} for n, v in dict(arguments).items()],
    }
    return chain(node("toolAgentflow_0", inputs, "Tool 0"))


async def said(data: str, *urls: str, endpoints: tuple[str, ...] = ()) -> Any:
    """Run a flow at a server that lists these URLs; return what it says."""
    vault = Vault(kind="httpBearerToken", values={"token": KEY}, base_url=urls[0])
    bounds = {"allowed_endpoints": endpoints, "whole_answer_timeout_seconds": PATIENCE_SECONDS}
    made = engine(FlowSettings(mcp_servers=urls, **bounds), vault=vault)

    async def emit(event: Any) -> None:
        pass

    try:
        return (await made.compile(chatflow(data)).run(call("Q"), emit)).text
    finally:
        await made.aclose()


async def test_tools_of_a_real_server_are_called(servers: list[str]) -> None:
    """With sessions and without: arguments, contents and errors as they are; what it asks for is refused."""
    for url in servers:
        secret = {"FLOWISE_CREDENTIAL_ID": "service"}
        added = tool_node(url, "add", arguments={"a": "40", "b": "2"}, **secret)
        assert json.loads(await said(added, url)) == [{"type": "text", "text": "42"}]
        both = tool_node(url, "say it/twice", "fails", arguments={"text": "ä"}, **secret)
        first, second = (json.loads(line) for line in (await said(both, url)).split("\n"))
        assert [part["text"] for part in first] == ["ä", "ä"]
        assert "the tool's own error" in second[0]["text"]
    talking = tool_node(servers[0], "talks", **secret)
    assert "Method not found" in await said(talking, servers[0])
    one, two = [await said(tool_node(servers[0], "session", **secret), servers[0]) for _ in range(2)]
    assert one != two  # a session lasts for a step


async def test_an_agent_is_offered_what_its_node_chooses(servers: list[str], model: Any) -> None:
    """Under names that models take, with the server's own schema; a person may have to allow each call."""
    url = servers[1]
    row = {
        "agentSelectedTool": "customMCP",
        "agentSelectedToolConfig": mcp(url, "say it/twice", FLOWISE_CREDENTIAL_ID="service"),
    }
    config = {"modelName": "tooled", "basepath": model.url, "streaming": False}
    inputs = {"agentModel": "chatOpenAI", "agentModelConfig": config, "agentEnableMemory": False}
    question = 'CALL say_it_twice {"text":"x"}'
    vault = Vault(kind="httpBearerToken", values={"token": KEY}, base_url=url)
    settings = FlowSettings(mcp_servers=(url,), allowed_endpoints=(model.url,))
    made = engine(settings, vault=vault)

    async def emit(event: Any) -> None:
        pass

    try:
        for asks in (False, True):
            agent = node(
                "agentAgentflow_0",
                {**inputs, "agentTools": [{**row, "agentSelectedToolRequiresHumanInput": asks}]},
            )
            flow = made.compile(chatflow(chain(agent), version=1 + asks))
            ran = await flow.run(call(question), emit)
            if asks:
                assert "Attempting to use tool" in ran.text
                assert ran.stopped is not None
                answer = HumanAnswer({"type": "proceed"})
                ran = await flow.run(call(question, resumed=Resumed(ran.stopped.saved, answer)), emit)
            assert json.loads(ran.text.removeprefix("tools: ")) == [{"type": "text", "text": "x"}] * 2
    finally:
        await made.aclose()
    offered = model.received[0].body["tools"]
    assert [one["function"]["name"] for one in offered] == ["say_it_twice"]
    assert offered[0]["function"]["parameters"]["required"] == ["text"]
    assert "$schema" not in offered[0]["function"]["parameters"]


async def test_all_that_cannot_be_had_is_said_at_once(servers: list[str], model: Any) -> None:
    """Tools that a server does not have, a server that refuses, one that is not there: each by its name."""
    url, other = servers
    rows = [
        {"agentSelectedTool": "customMCP", "agentSelectedToolConfig": config}
        for config in (
            mcp(url, "add", "gone", "lost", FLOWISE_CREDENTIAL_ID="service"),
            mcp(other, "add"),
            mcp("http://127.0.0.1:9/mcp", "add"),
        )
    ]
    config = {"modelName": "tooled", "basepath": model.url}
    agent = node(
        "agentAgentflow_0",
        {
            "agentModel": "chatOpenAI",
            "agentModelConfig": config,
            "agentTools": rows,
            "agentEnableMemory": False,
        },
        "A",
    )
    with pytest.raises(UpstreamFailed) as failed:
        await said(chain(agent), url, other, "http://127.0.0.1:9/mcp", endpoints=(model.url,))
    text = str(failed.value)
    for part in ("'gone', 'lost'", f"{other}: HTTP Error 401", "127.0.0.1:9/mcp: connect ECONNREFUSED"):
        assert part in text
    assert KEY not in text


OK = reply(
    '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}', "200 OK", "Mcp-Session-Id: s1"
)
HEARD = reply("", "202 Accepted")
LIST = '{"jsonrpc":"2.0","id":%d,"result":{"tools":[{"name":"t"}]%s}}'
SAID = '{"jsonrpc":"2.0","id":%d,"result":{"content":[]}}'


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([reply("<html>", "403 Forbidden")], "HTTP Error 403"),
        ([reply('{"error":{"message":"not you"}}', "401 Unauthorized")], "HTTP Error 401: not you"),
        ([reply("<html>")], "its answer ended without a result"),
        ([reply("{broken")], "its answer is no JSON"),
        ([reply('{"id":1,"error":{"code":1,"message":"no such method"}}')], "no such method"),
        ([reply('{"id":1,"result":{"protocolVersion":"1999-01-01"}}')], "'1999-01-01' of MCP"),
        ([reply('{"id":7,"result":{"protocolVersion":"2025-06-18"}}')], "ended without a result"),
        (
            [reply("", "307 Temporary Redirect", "Location: http://127.0.0.1:9/mcp")],
            "not listed by this server",
        ),
        ([OK, reply("", "500 Oops")], "HTTP Error 500"),
        ([OK, HEARD, reply('{"id":2,"result":{"tools":[{"name":5}]}}')], "its list of tools is none"),
    ],
)
async def test_a_server_that_misbehaves_is_an_error_with_words(answers: list[str], why: str) -> None:
    """Redirects lead to listed servers only; nothing is taken for an answer that is none."""
    async with upstream(*answers, reply("")) as (base, _):
        with pytest.raises(UpstreamFailed, match=why):
            await said(tool_node(f"{base}/mcp", "t"), f"{base}/mcp")


async def test_sessions_pages_and_events_are_followed() -> None:
    """A session that the server forgot is begun anew, once; lists have pages; results come in events."""
    page = LIST % (2, ',"nextCursor":"p2"')
    stream = f": hello\r\n\r\nevent: other\ndata: x\n\ndata: {page}\n\n"
    again = OK.replace('"id":1', '"id":5').replace("s1", "s2")
    answers = [
        *(OK, HEARD, reply(stream), reply(LIST % (3, "")), reply("gone", "404 Not Found")),
        *(again, HEARD, reply(SAID % 6), HEARD),
    ]
    async with upstream(*answers) as (base, asked):
        assert await said(tool_node(f"{base}/mcp", "t"), f"{base}/mcp") == "[]"
    assert [one.partition(" ")[0] for one in asked] == ["POST"] * 8 + ["DELETE"]
    assert json.loads(asked[3].partition("\r\n\r\n")[2])["params"] == {"cursor": "p2"}
    assert ["mcp-session-id: s1" in one for one in asked[:6]] == [False, True, True, True, True, False]
    assert all("mcp-session-id: s2" in one for one in asked[6:])
    assert all("mcp-protocol-version: 2025-06-18" in one for one in (*asked[1:5], *asked[6:]))


@pytest.mark.parametrize(
    ("config", "whys"),
    [
        ({}, ["mcpServerConfig is empty"]),
        ({"mcpServerConfig": "{url}"}, ["mcpServerConfig is no JSON"]),
        ({"mcpServerConfig": '{"command": "npx", "args": ["x"]}'}, ["is a command (npx)", "starts none"]),
        ({"mcpServerConfig": '{"mcpServers": {}}'}, ["names no url"]),
        ({"mcpServerConfig": '{"url": "http://127.0.0.1:8000/mcp"}', "mcpActions": "add"},
         ["http://127.0.0.1:8000/mcp is not one that this server's operator lists", "mcpActions is no list"]),
        ({"mcpServerConfig": '{"url": "https://x.example/mcp?key=sk-1"}'}, ["carries a query"]),
        ({"mcpServerConfig": '{"url": "https://listed.example/{{ question }}"}'}, ["($vars) and no others"]),
        ({"mcpServerConfig": '{url: "https://listed.example/mcp", headers: {Authorization: 1, Accept: 2}}'},
         ["the headers of its MCP server are not sent (Authorization)"]),
        ({"mcpServerConfig": {"url": "https://listed.example/mcp"}, "FLOWISE_CREDENTIAL_ID": "nosuch"},
         ["no credential named 'nosuch'"]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_before_anything_runs(config: Any, whys: list[str]) -> None:
    """Commands, servers that nobody listed, headers of the flow's; all reasons at once, no secret."""
    inputs = {"toolAgentflowSelectedTool": "customMCP", "toolAgentflowSelectedToolConfig": config}
    found = problems(
        chain(node("toolAgentflow_0", inputs)), FlowSettings(mcp_servers=("https://listed.example",))
    )
    for why in whys:
        assert why in found
    assert "sk-1" not in found


async def test_an_operators_list_and_variables_decide_where_a_call_goes() -> None:
    """A URL may come from a variable of the workspace; where it leads is looked at when it is known."""
    with pytest.raises(ConfigurationError, match="An MCP server cannot be used"):
        engine(FlowSettings(mcp_servers=("nonsense",)))
    data = tool_node("{{ $vars.mcp }}", "t")
    for there, why in (("http://127.0.0.1:9/mcp", "not listed"), ("http://127.0.0.1:1/mcp", "ECONNREFUSED")):
        settings = FlowSettings(mcp_servers=("http://127.0.0.1:1/mcp",), variables={"mcp": there})
        with pytest.raises(UpstreamFailed, match=why):
            await run(data, settings=settings)
