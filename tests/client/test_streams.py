"""`client.stream`, over real connections."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

import flowkeys
from flowkeys.client.events import EventReader
from tests.client.conftest import Sdk
from tests.client.scripted import Scripted
from tests.support.waiting import PATIENCE_SECONDS

EVENTS: list[tuple[str, Any]] = [
    ("start", ""),
    ("agentFlowEvent", "INPROGRESS"),
    ("nextAgentFlow", {"nodeId": "n1", "nodeLabel": "Reply", "status": "INPROGRESS", "x": 1}),
    ("token", "Grüße 🐙 "),
    ("token", "a\nb\r\u2028c data: d"),
    ("agentFlowExecutedData", [{"nodeId": "n1"}]),
    ("sourceDocuments", [{"pageContent": "A", "metadata": {"source": "a.md"}}]),
    ("usedTools", [{"tool": "search"}]),
    ("somethingNew", {"y": 2}),
    ("metadata", {"chatId": "s1", "chatMessageId": "m1", "question": "Hi", "sessionId": "s1"}),
    ("end", "[DONE]"),
]


def record(event: str, data: Any) -> bytes:
    """Return an event as the server writes it."""
    text = json.dumps({"event": event, "data": data}, ensure_ascii=False, separators=(",", ":"))
    return f"message:\ndata:{text}\n\n".encode()


STREAM = b": hello\n\n" + b"".join(record(*event) for event in EVENTS)
TYPED = [
    flowkeys.Start(""),
    flowkeys.AgentFlowEvent("INPROGRESS"),
    flowkeys.NextAgentFlow(node_id="n1", node_label="Reply", status="INPROGRESS"),
    flowkeys.Token("Grüße 🐙 "),
    flowkeys.Token("a\nb\r\u2028c data: d"),
    flowkeys.AgentFlowExecutedData([{"nodeId": "n1"}]),
    flowkeys.SourceDocuments([flowkeys.SourceDocument(page_content="A", metadata={"source": "a.md"})]),
    flowkeys.UsedTools([{"tool": "search"}]),
    flowkeys.Unknown("somethingNew", {"y": 2}),
    flowkeys.Metadata(chat_id="s1", chat_message_id="m1", question="Hi", session_id="s1"),
    flowkeys.End(),
]


async def first(stream: Any) -> Any:
    """Return the next event of either kind of stream."""
    return await anext(stream) if hasattr(stream, "__anext__") else next(stream)


class TestReading:
    async def test_every_event_has_its_type(self, sdk: Sdk, server: Scripted) -> None:
        """In the order sent; comments are skipped, and what is new is `Unknown`."""
        server.streams(STREAM)
        assert await sdk(lambda c: c.stream("c1", "Hi", session_id="s1")) == TYPED
        assert server.requests[0].json == {"question": "Hi", "sessionId": "s1", "streaming": True}

    async def test_it_does_not_matter_how_the_network_cuts_the_stream(
        self, sdk: Sdk, server: Scripted
    ) -> None:
        """In the middle of a character, a name or a line end."""
        server.streams(*(STREAM[i : i + 7] for i in range(0, len(STREAM), 7)))
        assert await sdk(lambda c: c.stream("c1", "Hi")) == TYPED

    def test_no_cut_at_all_makes_a_difference(self) -> None:
        """Every place in which a stream can be cut in two, with either kind of line end."""
        for stream in (STREAM, STREAM.replace(b"\n", b"\r\n")):
            for at in range(len(stream)):
                reader = EventReader(raise_on_error=True)
                assert [*reader.feed(stream[:at]), *reader.feed(stream[at:])] == TYPED

    async def test_nothing_is_sent_before_the_stream_is_read(self, sdk: Sdk, server: Scripted) -> None:
        """A stream that is made and dropped costs nothing."""
        sdk.client().stream("c1", "Hi")
        assert server.requests == []

    async def test_what_follows_the_end_is_not_read(self, sdk: Sdk, server: Scripted) -> None:
        """`End` is the last event, even if the server keeps the connection open."""
        server.streams(record("end", "[DONE]") + record("token", "late"), then="wait")
        assert await sdk(lambda c: c.stream("c1", "Hi")) == [flowkeys.End()]

    async def test_an_event_with_data_of_another_shape_is_unknown(self, sdk: Sdk, server: Scripted) -> None:
        """It is handed on rather than lost or fatal."""
        server.streams(record("usedTools", 7) + record("end", None))
        events = await sdk(lambda c: c.stream("c1", "Hi"))
        assert events == [flowkeys.Unknown("usedTools", 7), flowkeys.End()]


class TestHangingUp:
    async def test_leaving_the_block_closes_the_connection(self, sdk: Sdk, server: Scripted) -> None:
        """The server sees the client go, and can stop the run."""
        server.streams(record("start", ""), then="wait")
        stream = sdk.client().stream("c1", "Hi")
        if sdk.kind == "sync":
            with stream:
                assert next(stream) == flowkeys.Start("")
        else:
            async with stream:
                assert await anext(stream) == flowkeys.Start("")
        assert server.hung_up.wait(PATIENCE_SECONDS)

    async def test_a_closed_stream_has_no_more_events(self, sdk: Sdk, server: Scripted) -> None:
        """It ends like any other iterator."""
        server.streams(record("start", ""), then="wait")
        stream = sdk.client().stream("c1", "Hi")
        await first(stream)
        if sdk.kind == "sync":
            stream.close()
            assert list(stream) == []
        else:
            await stream.aclose()
            assert [event async for event in stream] == []
        assert server.hung_up.wait(PATIENCE_SECONDS)

    async def test_a_stream_that_is_dropped_half_way_hangs_up(self, sdk: Sdk, server: Scripted) -> None:
        """Leaving a loop is enough, though a block is surer."""
        server.streams(record("start", ""), then="wait")
        client = sdk.client()
        if sdk.kind == "sync":
            for _ in client.stream("c1", "Hi"):
                break
        else:
            async for _ in client.stream("c1", "Hi"):
                break
        assert await asyncio.to_thread(server.hung_up.wait, PATIENCE_SECONDS)

    async def test_a_cancelled_task_hangs_up(self, server: Scripted) -> None:
        """A web handler whose own client went away takes the run with it."""
        server.streams(record("start", ""), then="wait")
        async with flowkeys.AsyncClient(server.url) as client:
            started = asyncio.Event()

            async def read() -> None:
                async for _ in client.stream("c1", "Hi"):
                    started.set()

            task = asyncio.create_task(read())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.hung_up.wait, PATIENCE_SECONDS)


class TestFailures:
    async def test_an_error_event_is_raised(self, sdk: Sdk, server: Scripted) -> None:
        """After the events before it; it counts as a failure of the model or service behind the flow."""
        server.streams(record("token", "Hal") + record("error", "node llm: 500") + record("end", "[DONE]"))
        stream = sdk.client().stream("c1", "Hi")
        assert await first(stream) == flowkeys.Token("Hal")
        with pytest.raises(flowkeys.StreamFailed, match="node llm: 500") as caught:
            await first(stream)
        assert isinstance(caught.value, flowkeys.UpstreamError)
        assert caught.value.code == "upstream_failed"

    async def test_an_error_event_keeps_its_code_and_request_id(self, sdk: Sdk, server: Scripted) -> None:
        """They stand beside its data."""
        text = {
            "event": "error",
            "data": "It stops.",
            "code": "unavailable",
            "requestId": "r-3",
            "retryAfterSeconds": 9,
        }
        server.streams(f"message:\ndata:{json.dumps(text)}\n\n".encode())
        with pytest.raises(flowkeys.StreamFailed) as caught:
            await sdk(lambda c: c.stream("c1", "Hi"))
        assert (caught.value.code, caught.value.request_id) == ("unavailable", "r-3")
        assert caught.value.retry_after == 9

    @pytest.mark.parametrize(("data", "text"), [("It broke.", "It broke."), ({"x": 1}, "The flow failed.")])
    async def test_an_error_event_can_be_read_instead(
        self, sdk: Sdk, server: Scripted, data: Any, text: str
    ) -> None:
        """Without `raise_on_error` it is an event like the others, whichever shape its data has."""
        server.streams(record("error", data) + record("end", "[DONE]"))
        events = await sdk(lambda c: c.stream("c1", "Hi", raise_on_error=False))
        assert events == [flowkeys.StreamError(text), flowkeys.End()]

    @pytest.mark.parametrize("then", ["cut", "end"])
    async def test_half_an_answer_is_never_taken_for_a_whole_one(
        self, sdk: Sdk, server: Scripted, then: str
    ) -> None:
        """A stream that stops without its `End` is an error, however politely it stops."""
        server.streams(record("token", "Do not "), b"message:\ndata:{", then=then)
        stream = sdk.client().stream("c1", "Hi")
        assert await first(stream) == flowkeys.Token("Do not ")
        with pytest.raises(flowkeys.ConnectionFailed):
            await first(stream)
        assert len(server.requests) == 1

    async def test_silence_is_not_waited_out(self, sdk: Sdk, server: Scripted) -> None:
        """The server is heard from every 15 seconds; a silence beyond the timeout is an error."""
        for seconds in (0.2, 2, PATIENCE_SECONDS):  # longer where the first event does not come within it
            server.streams(record("start", ""), then="wait")
            stream = sdk.client(timeout=seconds).stream("c1", "Hi")
            with suppress(flowkeys.ConnectionFailed):
                await first(stream)
                break
        with pytest.raises(flowkeys.ConnectionFailed, match="broke off"):
            await first(stream)

    async def test_a_refusal_is_raised_before_any_event(self, sdk: Sdk, server: Scripted) -> None:
        """What the server checks before it streams keeps its status and code."""
        server.answers({"code": "chatflow_not_allowed", "detail": "Not bound."}, status=403)
        with pytest.raises(flowkeys.PermissionDenied) as caught:
            await first(sdk.client().stream("c1", "Hi"))
        assert (caught.value.code, caught.value.detail) == ("chatflow_not_allowed", "Not bound.")

    async def test_an_answer_that_is_no_stream_is_an_error(self, sdk: Sdk, server: Scripted) -> None:
        """A JSON answer read as a stream would look like an empty one."""
        server.answers({"text": "Hello"})
        with pytest.raises(flowkeys.UnexpectedAnswer, match="event stream"):
            await sdk(lambda c: c.stream("c1", "Hi"))

    async def test_a_record_that_is_no_event_is_an_error(self, sdk: Sdk, server: Scripted) -> None:
        """Something else than flowkeys is talking."""
        server.streams(b"data: [DONE]\n\n")
        with pytest.raises(flowkeys.UnexpectedAnswer):
            await sdk(lambda c: c.stream("c1", "Hi"))
