"""Requests tools and searches: what models are told of them, what goes out, and what comes back."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from flowkeys.flows.graph.graph import Node
from flowkeys.flows.graph.limits import Allowance
from flowkeys.flows.limits import Limits
from flowkeys.flows.registry import Build
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.tools.chosen import read_tool
from flowkeys.flows.tools.tool import ToolFailed
from tests.flows.code.test_outward import reply, upstream
from tests.flows.nodes.test_http_node import Vault
from tests.flows.support import call, chain, engine, node, problems, run

QUERY = json.dumps(
    {
        "id": {"type": "string", "required": True, "in": "path", "description": "which"},
        "more": {"type": "string", "in": "path"},
        "limit": {"type": "number", "in": "query"},
        "all": {"type": "boolean", "in": "query"},
        "nowhere": {"type": "string"},
    }
)
BODY = """{
    name: {type: "string", required: true, description: "Name of the item"},
    age: {type: "number"},
    tags: {type: "array"},
    of: {type: "object"},
}"""


def tool(made: Any, name: str, **config: Any) -> tuple[Any, Build]:
    """Return a tool that a node chooses, and what was noted of it."""
    build = Build(Node("agentAgentflow_0", "agentAgentflow", "A", {}), (), made, Allowance(), {}, "ws")
    return read_tool(build, name, config), build


def a_run(question: str = "Q") -> Any:
    """As much of a run as templates look at."""
    return SimpleNamespace(
        call=call(question),
        asked=question,
        attached="",
        variables={"host": "h", "n": "5"},
        form={},
        flow={},
        outputs={},
        limits=Limits(FlowSettings()),
    )


async def sent(
    *answers: str, name: str, given: Any, question: str = "Q", vault: Any = None, **config: Any
) -> Any:
    """Call a tool once; return what it said, and what the server was asked, for which ``BASE`` stands."""
    async with upstream(*answers) as (base, asked):
        here = json.loads(json.dumps(config).replace("BASE", base))
        if vault is not None:
            vault.one = Vault(**{**vault_members(vault), "base_url": base}).one
        made = engine(FlowSettings(allowed_endpoints=(base,)), vault=vault)
        try:
            chosen, build = tool(made, name, **here)
            assert build.problems == []
            return await chosen.call(a_run(question), given), asked
        finally:
            await made.aclose()


def vault_members(vault: Vault) -> dict[str, Any]:
    """Return what a vault was made of."""
    return {"kind": vault.one.kind, "values": vault.one.values}


@pytest.mark.parametrize(
    ("url", "given", "target"),
    [
        ("BASE/items/:id?x=1", {"id": "a b/../c"}, "/items/a%20b%2F..%2Fc?x=1"),
        ("BASE/items/", {"id": "7", "more": "é"}, "/items/7/%C3%A9"),
        ("BASE/:id/:identity", {"id": 7, "limit": "12", "all": "yes"}, "/7/:identity?limit=12&all=true"),
        ("BASE/i?x=1", {"id": "7", "limit": 3, "nowhere": "a", "unknown": "b"}, "/i/7?x=1&limit=3"),
    ],
)
async def test_what_a_model_gives_goes_where_the_schema_says(url: str, given: Any, target: str) -> None:
    """Into the path, quoted so that it stays one member of it, or into the query; all else is left out."""
    said, asked = await sent(
        reply("0123456789"),
        name="requestsGet",
        given={"queryParams": given},
        requestsGetUrl=url,
        requestsGetQueryParamsSchema=QUERY,
        requestsGetMaxOutputLength="4",
    )
    assert said == "0123"
    assert asked[0].split(" ")[:2] == ["GET", target]


async def test_a_body_is_the_nodes_own_and_what_a_model_gives_over_it() -> None:
    """As the schema has it; without a schema the node's own is sent alone. Texts stay texts."""
    own = '{"name": "{{ question }}", "n": {{ $vars.n }}, "kept": [true, "{{ $vars.host }}"],}'
    config = {
        "requestsPostUrl": "BASE/{{ $vars.host }}",
        "requestPostBody": own.replace("{{ $vars.n }}", "5"),
    }
    body = {"name": "x", "age": "7", "tags": '["a"]', "of": {"k": 1}, "unknown": 1}
    headers = '{"X-Test": "{{ question }}", "Content-Type": "application/json; v=1"}'
    said, asked = await sent(
        reply("made"),
        name="requestsPost",
        given={"body": body},
        requestsPostBodySchema=BODY,
        requestsPostHeaders=headers,
        **config,
    )
    assert said == "made"
    head, _, content = asked[0].partition("\r\n\r\n")
    assert head.startswith("POST /h HTTP/1.1")
    assert "x-test: Q" in head
    assert "content-type: application/json; v=1" in head
    assert json.loads(content) == {
        "name": "x", "n": 5, "kept": [True, "h"], "age": 7, "tags": ["a"], "of": {"k": 1},
    }  # fmt: skip
    hostile = 'a", "kept": "b'
    _, asked = await sent(
        reply("made"), name="requestsPost", given={"body": {"name": "x"}}, question=hostile, **config
    )
    assert json.loads(asked[0].partition("\r\n\r\n")[2])["name"] == hostile
    _, asked = await sent(
        reply("ok"),
        name="requestsPut",
        given={},
        requestsPutUrl="BASE",
        requestPutBody='{"n": {{ $vars.n }}}',
    )
    assert asked[0].startswith("PUT / ")
    assert json.loads(asked[0].partition("\r\n\r\n")[2]) == {"n": 5}
    _, asked = await sent(
        reply("", "204 No Content"),
        name="requestsDelete",
        given={"queryParams": {"a": "b c~"}},
        requestsDeleteUrl="BASE/x",
    )
    assert asked[0].startswith("DELETE /x?a=b+c%7E ")


async def test_what_goes_wrong_is_told_to_the_model() -> None:
    """An answer that is an error, an address that may not be called, arguments that do not fit."""
    for answer, config, given, why in (
        (
            reply("no", "404 Not Found"),
            {},
            {"id": "1"},
            "Failed to make GET request: HTTP Error 404: Not Found",
        ),
        (
            reply(""),
            {"requestsGetUrl": "http://127.0.0.1:1/"},
            {"id": "1"},
            "GET request: Access to this host",
        ),
        (reply(""), {}, {}, "queryParams.id is missing"),
        (reply(""), {}, {"id": "1", "limit": "many"}, "queryParams.limit is no number"),
        (reply(""), {}, "no object", "queryParams is no object"),
        (reply(""), {"requestsGetHeaders": "{{ question }}"}, {"id": "1"}, "GET request: "),
    ):
        base = {"requestsGetUrl": "BASE/x", "requestsGetQueryParamsSchema": QUERY}
        with pytest.raises(ToolFailed, match=why):
            await sent(answer, name="requestsGet", given={"queryParams": given}, **{**base, **config})


async def test_a_credential_is_sent_to_its_own_address_alone() -> None:
    """It goes before a header of the flow's."""
    vault = Vault(kind="httpBearerToken", values={"token": "tok"}, base_url="http://x.example")
    _, asked = await sent(
        reply("ok"),
        name="requestsGet",
        given={},
        vault=vault,
        requestsGetUrl="BASE/x",
        requestsGetHeaders={"AUTHORIZATION": "{{ question }}"},
        FLOWISE_CREDENTIAL_ID="service",
    )
    assert asked[0].lower().count("authorization: ") == 1
    assert "authorization: Bearer tok" in asked[0]
    made = engine(vault=vault)
    chosen, _ = tool(made, "requestsGet", requestsGetUrl="https://y.example", FLOWISE_CREDENTIAL_ID="c1")
    with pytest.raises(ToolFailed, match="sent to no other"):
        await chosen.call(a_run(), {})
    await made.aclose()


def test_models_are_told_names_and_schemas_as_flowise_has_them() -> None:
    """What a tool takes, down to the order of members."""
    made = engine()
    get, _ = tool(made, "requestsGet", requestsGetUrl="https://x.example", requestsGetName="Get It! 1")
    assert (get.name, get.label, get.kind) == ("get_it_1", "Requests Get", "requestsGet")
    assert json.dumps(get.schema["properties"]) == (
        '{"queryParams": {"type": "object", "additionalProperties": {"type": "string"}, '
        '"description": "Optional query parameters to include in the request"}}'
    )
    delete, _ = tool(
        made, "requestsDelete", requestsDeleteUrl="https://x.example", requestsDeleteQueryParamsSchema=QUERY
    )
    assert delete.name == "requests_delete"
    inner = delete.schema["properties"]["queryParams"]
    assert inner["required"] == ["id"]
    assert inner["properties"]["id"] == {"type": "string", "description": "which"}
    assert inner["properties"]["limit"] == {"type": "string"}
    assert "required" not in delete.schema
    post, _ = tool(made, "requestsPost", requestsPostUrl="https://x.example", requestsPostBodySchema=BODY)
    assert post.schema["required"] == ["body"]
    assert post.schema["properties"]["body"]["properties"]["of"] == {
        "type": "object",
        "additionalProperties": {},
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "requestsGetUrl: the tool requests_get has no URL"),
        ({"requestsGetHeaders": "none"}, "requestsGetHeaders is no JSON"),
        ({"requestsGetQueryParamsSchema": "[1]"}, "requestsGetQueryParamsSchema is no object"),
        ({"requestsGetQueryParamsSchema": "{"}, "requestsGetQueryParamsSchema is no JSON"),
        ({"requestsGetMaxOutputLength": "long"}, "requestsGetMaxOutputLength is no number"),
        ({"FLOWISE_CREDENTIAL_ID": "nosuch"}, "no credential named 'nosuch'"),
    ],
)
def test_what_is_wrong_is_named(config: Any, said: str) -> None:
    """Before anything runs, all at once."""
    chosen = {
        "toolAgentflowSelectedTool": "requestsGet",
        "toolAgentflowSelectedToolConfig": {**config, "requestsGetMaxOutputLength": "x"} | config,
    }
    found = problems(chain(node("toolAgentflow_0", chosen)))
    assert said in found
    assert "requestsGetUrl" in found
    assert "requestsGetMaxOutputLength" in found


async def test_a_tool_node_calls_one() -> None:
    """Its arguments are texts of JSON."""
    async with upstream(reply("found")) as (base, asked):
        inputs = {
            "toolAgentflowSelectedTool": "requestsGet",
            "toolAgentflowSelectedToolConfig": {"requestsGetUrl": f"{base}/x"},
            "toolInputArgs": [{"inputArgName": "queryParams", "inputArgValue": '{"q": "{{ question }}"}'}],
        }
        settings = FlowSettings(allowed_endpoints=(base,))
        ran = await run(chain(node("toolAgentflow_0", inputs)), call("hi"), settings=settings)
    assert ran.result.text == "found"
    assert asked[0].startswith("GET /x?q=hi ")


async def test_a_search_says_what_is_found_first() -> None:
    """Title, link and snippet of ten at most; else an answer; else that there is nothing."""
    many = {"results": [{"title": f"t{n}", "url": "u", "content": None} for n in range(12)]}
    config = {"name": "searXNG", "apiBase": "BASE/", "toolName": "find", "categories": "general", "pageno": 2}
    said, asked = await sent(reply(json.dumps(many)), given={"input": "a b"}, **config)
    rows = json.loads(f"[{said}]")
    assert len(rows) == 10
    assert rows[0] == {"title": "t0", "link": "u", "snippet": ""}
    assert asked[0].startswith("POST /search?q=a+b&categories=general&pageno=2&format=json HTTP/1.1")
    for answer, text in (
        ({"answers": ["42"]}, "42"),
        ({"answers": [{"answer": "42"}]}, "42"),
        ({"infoboxes": [{"content": "box"}]}, "box"),
        ({"suggestions": ["a", "b"]}, "Suggestions: a, b, "),
        ({}, "No good results found."),
    ):
        assert (await sent(reply(json.dumps(answer)), given={"input": "q"}, **config))[0] == text
    for answer in (reply("<p>"), reply("{}", "403 Forbidden")):
        with pytest.raises(ToolFailed):
            await sent(answer, given={"input": "q"}, **config)
