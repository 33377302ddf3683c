"""`client.predict` and `client.ping`."""

import flowkeys
from tests.client.conftest import Sdk
from tests.client.scripted import Scripted


async def test_a_question_gets_an_answer(sdk: Sdk, server: Scripted) -> None:
    """The whole answer, with the ids and the sources where there are any."""
    server.answers(
        {
            "text": "Hello",
            "question": "Hi",
            "chatId": "s1",
            "chatMessageId": "m1",
            "sessionId": "s1",
            "sourceDocuments": [{"pageContent": "A", "metadata": {"source": "a.md"}, "id": None}],
        }
    )
    answer = await sdk(lambda c: c.predict("c1", "Hi"))
    assert (answer.text, answer.session_id, answer.chat_message_id) == ("Hello", "s1", "m1")
    assert answer.source_documents[0].metadata == {"source": "a.md"}
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/prediction/c1")
    assert request.json == {"question": "Hi"}


async def test_a_conversation_its_history_a_form_and_overrides_are_passed_on(
    sdk: Sdk, server: Scripted
) -> None:
    """Turns can be typed values or the wire's own objects."""
    server.answers({"text": "ok"})
    turns = [
        flowkeys.Turn(flowkeys.Role.USER, "Hi"),
        {"role": "apiMessage", "content": "Hello"},
    ]
    await sdk(
        lambda c: c.predict(
            "c1", session_id="s1", history=turns, form={"name": "Ada"}, override_config={"temperature": 0}
        )
    )
    assert server.requests[0].json == {
        "sessionId": "s1",
        "history": [
            {"role": "userMessage", "content": "Hi"},
            {"role": "apiMessage", "content": "Hello"},
        ],
        "form": {"name": "Ada"},
        "overrideConfig": {"temperature": 0},
    }


async def test_ping_is_true_when_a_flowkeys_server_answers(sdk: Sdk, server: Scripted) -> None:
    """It needs no key."""
    server.answers(headers={"content-type": "text/plain"}, chunks=[b"pong"])
    assert await sdk(lambda c: c.ping(), api_key="") is True
    assert server.requests[0].path == "/api/v1/ping"
    assert "authorization" not in server.requests[0].headers
