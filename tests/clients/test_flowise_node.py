"""npm's `flowise-sdk` 1.0.9, as it is."""

from tests.clients.conftest import WRONG_KEY, Client, Opened, check_stream

SDK = "flowise_sdk.cjs"


def test_it_gets_the_whole_answer(node_client: Client, opened: Opened, question: str) -> None:
    """Given the right key and no streaming, it returns the answer, text unharmed."""
    answer = node_client(
        SDK, url=opened.url, key=opened.key, chatflowId=opened.chatflow, question=question, streaming=False
    )["returned"]
    assert answer["text"] == "You said: " + question
    assert answer["question"] == question


def test_it_streams_the_same_text(node_client: Client, opened: Opened, question: str) -> None:
    """Given streaming, every line that it parses is a JSON object, and the tokens add up to the text."""
    said = node_client(
        SDK, url=opened.url, key=opened.key, chatflowId=opened.chatflow, question=question, streaming=True
    )
    check_stream(said["yielded"], question)


def test_it_throws_when_a_stream_is_refused(node_client: Client, opened: Opened) -> None:
    """A wrong key, none, and a key for something else make its iterator throw the status."""
    for key, chatflow, status in (
        (WRONG_KEY, opened.chatflow, 401),
        ("", opened.chatflow, 401),
        (opened.key, opened.other, 403),
    ):
        said = node_client(
            SDK, url=opened.url, key=key, chatflowId=chatflow, question="Hello", streaming=True
        )
        assert said["raised"] == f"HTTP error! status: {status}"


def test_it_returns_the_refusal_of_a_plain_call(node_client: Client, opened: Opened) -> None:
    """Without streaming it does not look at the status: it returns the refusal, in members it knows."""
    for key, code in ((WRONG_KEY, "unknown_key"), ("", "missing_credentials")):
        answer = node_client(
            SDK, url=opened.url, key=key, chatflowId=opened.chatflow, question="Hello", streaming=False
        )["returned"]
        assert (answer["statusCode"], answer["success"], answer["code"]) == (401, False, code)
        assert answer["message"]
        assert "text" not in answer
