"""`client.chatflows`."""

import pytest

from tests.client.conftest import Sdk
from tests.client.scripted import Scripted

CHATFLOW = {
    "id": "c1",
    "name": "Docs",
    "flowData": "{}",
    "type": "AGENTFLOW",
    "isPublic": False,
    "apikeyid": "k1",
    "apiKeyIds": ["k1", "k2"],
    "createdDate": "2026-01-02T03:04:05.000Z",
    "runnable": False,
    "missingNodeKinds": ["zep"],
    "deployed": True,
}
ROOT = "/api/v1/chatflows"


async def test_a_flow_given_as_an_object_is_sent_as_text(sdk: Sdk, server: Scripted) -> None:
    """The wire holds flows and configurations as JSON strings; columns of Flowise's go along by name."""
    server.answers(CHATFLOW)
    await sdk(
        lambda c: c.chatflows.create(
            "Docs", {"nodes": [], "edges": []}, chatbot_config={"a": 1}, extras={"deployed": True}
        )
    )
    assert server.requests[0].json == {
        "name": "Docs",
        "flowData": '{"nodes":[],"edges":[]}',
        "type": "CHATFLOW",
        "isPublic": False,
        "chatbotConfig": '{"a":1}',
        "deployed": True,
    }


async def test_a_flow_given_as_text_stays_as_it_is(sdk: Sdk, server: Scripted) -> None:
    """An export round-trips byte for byte."""
    export = '{ "nodes": [],\n "edges": [] }'
    server.answers(CHATFLOW)
    await sdk(lambda c: c.chatflows.update("c1", flow_data=export))
    assert server.requests[0].json == {"flowData": export}


async def test_a_chatflow_has_python_s_names(sdk: Sdk, server: Scripted) -> None:
    """`apikeyid` reads as `api_key_id`, dates as times."""
    server.answers(CHATFLOW)
    chatflow = await sdk(lambda c: c.chatflows.get("c1"))
    assert (chatflow.api_key_id, chatflow.api_key_ids) == ("k1", ["k1", "k2"])
    assert chatflow.created_at.year == 2026
    assert (chatflow.runnable, chatflow.missing_node_kinds) == (False, ["zep"])


@pytest.mark.parametrize(
    ("use", "body"),
    [
        (lambda c: c.chatflows.bind("c1", "k1"), {"apikeyid": "k1"}),
        (lambda c: c.chatflows.set_keys("c1", ["k1", "k2"]), {"apiKeyIds": ["k1", "k2"]}),
        (lambda c: c.chatflows.unbind("c1"), {"apikeyid": None}),
    ],
    ids=["bind", "set_keys", "unbind"],
)
async def test_keys_are_bound_and_unbound(sdk: Sdk, server: Scripted, use, body) -> None:
    """Each is one PUT of one member."""
    server.answers(CHATFLOW)
    await sdk(use)
    (request,) = server.requests
    assert (request.method, request.path, request.json) == ("PUT", f"{ROOT}/c1", body)


async def test_a_long_list_is_iterated_to_its_end(sdk: Sdk, server: Scripted) -> None:
    """The same Link header as for keys."""
    server.answers([CHATFLOW], headers={"link": f'<{ROOT}?before=c1>; rel="next"'})
    server.answers([CHATFLOW | {"id": "c2"}])
    assert [flow.id for flow in await sdk(lambda c: c.chatflows.list())] == ["c1", "c2"]
    assert [request.query for request in server.requests] == [{}, {"before": "c1"}]


async def test_a_page_and_a_deletion(sdk: Sdk, server: Scripted) -> None:
    """A page has a total; a deletion returns nothing, with or without a body."""
    server.answers({"total": 1, "data": [CHATFLOW]})
    server.answers(status=204)
    page = await sdk(lambda c: c.chatflows.page(type="AGENTFLOW"))
    assert page.data[0].name == "Docs"
    assert await sdk(lambda c: c.chatflows.delete(page.data[0])) is None
    assert server.requests[0].query == {"type": "AGENTFLOW", "page": "1", "limit": "20"}
    assert (server.requests[1].method, server.requests[1].path) == ("DELETE", f"{ROOT}/c1")


async def test_the_conversations_of_a_chatflow_can_be_read(sdk: Sdk, server: Scripted) -> None:
    """Messages are filtered by session and key, and come with a total."""
    message = {"id": "m1", "role": "apiMessage", "content": "Hi", "sessionId": "s1", "keyId": "k1"}
    server.answers({"total": 1, "data": [message]})
    page = await sdk(lambda c: c.chatflows.messages("c1", session_id="s1", key_id="k1"))
    assert (page.data[0].content, page.data[0].session_id) == ("Hi", "s1")
    assert server.requests[0].path == f"{ROOT}/c1/messages"
    assert server.requests[0].query == {"page": "1", "limit": "100", "sessionId": "s1", "keyId": "k1"}
