"""Answers of model servers as they come over the network: whole, broken, packed, late, refused, reused."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.models import client
from flowkeys.flows.settings import FlowSettings, ModelCredential
from tests.flows.support import Ran, call, chain, chatflow, engine, node, pieces, run
from tests.support.raw_model import (
    ANSWER,
    CHUNKED,
    DONE,
    HEAD,
    STOP,
    UNTIL_CLOSED,
    RawModel,
    chunk,
    record,
    serving,
    whole,
)
from tests.support.waiting import patience, soon

KEY = "zk-Very/Secret+Key-0123456789=="
JSON = b"Content-Type: application/json"
END = chunk(b"")
LONG = HEAD + b"Content-Length: 9999\r\n\r\n"
PACKED = HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
HELLO = record("Hello")


@pytest.fixture
async def raw() -> AsyncIterator[RawModel]:
    """A model server that answers as it is told."""
    async with serving() as model:
        yield model


def flow(raw: RawModel, timeout: int = 20_000, **inputs: Any) -> str:
    """Return a chatflow of this one model; the time is in milliseconds."""
    config = {
        "modelName": "m",
        "basepath": raw.url,
        "credential": "main",
        "timeout": timeout,
        "maxRetries": 0,
    }
    members = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": False}
    return chain(node("llmAgentflow_0", {**members, **inputs}, "LLM"))


def settings(raw: RawModel, **more: Any) -> FlowSettings:
    """Return settings with a credential for the model."""
    return FlowSettings(credentials=(ModelCredential("main", raw.url, KEY),), **more)


async def ask(raw: RawModel, *, streamed: bool = True, timeout_ms: int = 20_000, **more: Any) -> Ran:
    """Ask the model."""
    given = call("hi", streamed=streamed, history=[])
    if streamed:
        return await run(flow(raw, timeout_ms), given, settings=settings(raw, **more))
    made = engine(settings(raw, **more))

    async def emit(event: Any) -> None:
        assert not pieces(event)

    try:
        return Ran(await made.compile(chatflow(flow(raw, timeout_ms))).run(given, emit), [])
    finally:
        await made.aclose()


async def failure(raw: RawModel, **how: Any) -> UpstreamFailed:
    """Ask the model, which fails."""
    with pytest.raises(UpstreamFailed) as caught:
        await ask(raw, **how)
    return caught.value


async def test_a_whole_answer_is_asked_for_whole_when_nobody_needs_the_pieces(raw: RawModel) -> None:
    """A caller that wants JSON gets one answer from one answer; a caller that streams gets pieces."""
    raw.script = lambda sent: (
        [CHUNKED, chunk(HELLO + STOP + DONE), END] if sent.body["stream"] else [whole(ANSWER, JSON)]
    )
    assert (await ask(raw, streamed=False)).result.text == "Hello"
    assert (await ask(raw)).tokens == ["Hello", ""], "the record of the end is a piece, too"
    assert [sent.body["stream"] for sent in raw.sent] == [False, True]
    assert raw.sent[1].body["stream_options"] == {"include_usage": True}


async def test_a_node_whose_text_is_not_sent_is_asked_for_whole(raw: RawModel) -> None:
    """The caller streams, but hears another node: nobody needs the pieces of this one."""
    raw.says(whole(ANSWER, JSON))
    first = node("llmAgentflow_0", {
        "llmModel": "chatOpenAI",
        "llmModelConfig": {"modelName": "m", "credential": "main"},
        "llmEnableMemory": False,
    })  # fmt: skip
    said = node("directReplyAgentflow_1", {"directReplyMessage": "It says: {{ llmAgentflow_0 }}"})
    ran = await run(chain(first, said), call("hi"), settings=settings(raw))
    assert ran.tokens == ["It says: Hello"]
    assert raw.sent[0].body["stream"] is False


READ: dict[str, list[Any]] = {
    "pieces": [CHUNKED, chunk(record("Hel")), chunk(record("lo") + STOP + DONE), END],
    "a chunk in each byte": [CHUNKED, *(chunk(bytes([b])) for b in record("Hello") + STOP), END],
    "until it closes": [UNTIL_CLOSED, HELLO + STOP, "close"],
    "a broken body behind DONE": [CHUNKED, chunk(HELLO + DONE), "close"],
    "a reset behind DONE": [CHUNKED, chunk(HELLO + DONE), "reset"],
    "a broken body behind stop": [CHUNKED, chunk(HELLO + STOP), "close"],
    "held open behind DONE": [CHUNKED, chunk(HELLO + DONE), 60],
    "a length that is not reached, behind DONE": [LONG, HELLO + DONE, "close"],
    "JSON though a stream was asked for": [whole(ANSWER, JSON)],
    "JSON that says it is a stream": [whole(ANSWER, b"Content-Type: text/event-stream")],
    "a stream that says it is JSON": [whole(HELLO + STOP + DONE, JSON)],
    "a stream that says it is a page": [whole(HELLO + STOP + DONE, b"Content-Type: text/html")],
    "no type": [whole(ANSWER)],
    "created": [whole(ANSWER, JSON, status=b"201 Created")],
    "gzip": [whole(gzip.compress(ANSWER), JSON, b"Content-Encoding: gzip")],
    "gzip, as a stream": [
        PACKED, gzip.compress(HELLO + STOP + DONE), "close",
    ],
    "gzip, in several parts": [
        PACKED, gzip.compress(HELLO), gzip.compress(b""), gzip.compress(STOP + DONE), "close",
    ],
    "gzip, and something behind it": [
        whole(gzip.compress(ANSWER) + b"\0" * 99, JSON, b"Content-Encoding: gzip")
    ],
    "deflate": [whole(zlib.compress(ANSWER), JSON, b"Content-Encoding: deflate")],
    "deflate, raw": [
        whole(zlib.compress(ANSWER, wbits=-15), JSON, b"Content-Encoding: deflate")
    ],
    "an encoding that is none": [whole(ANSWER, JSON, b"Content-Encoding: none")],
    "a character set as an encoding": [whole(ANSWER, JSON, b"Content-Encoding: UTF-8")],
    "UTF-16": [whole(ANSWER.decode().encode("utf-16"), b"Content-Type: application/json; charset=utf-16")],
    "UTF-16 named": [
        CHUNKED.replace(b"event-stream", b"event-stream; charset=utf-16"),
        chunk(ANSWER[:1]), chunk(ANSWER[1:]), END,
    ],
    "another character set named": [whole(ANSWER, b"Content-Type: application/json; charset=latin-1")],
    "no such character set": [whole(ANSWER, b"Content-Type: application/json; charset=nonsense")],
    "a character set that can have no name": [whole(ANSWER, b"Content-Type: application/json; charset=a\0b")],
}  # fmt: skip


@pytest.mark.parametrize("streamed", [True, False])
async def test_answers_are_read_however_they_come(raw: RawModel, streamed: bool) -> None:
    """A server may answer in another form than it was asked for, and say another than it sends."""
    found = {}
    async with asyncio.timeout(50):
        for name, steps in READ.items():
            raw.says(*steps)
            try:
                found[name] = (await ask(raw, streamed=streamed)).result.text
            except UpstreamFailed as error:
                found[name] = f"{error} {error.reason}"
    assert {name: text for name, text in found.items() if text != "Hello"} == {}


BROKE_OFF = "LLM: the model's answer broke off before its end."
UNANSWERED = "LLM: the model's endpoint closed the connection without an answer."
BROKEN: dict[str, tuple[list[Any], str]] = {
    "no end, until it closes": ([UNTIL_CLOSED, HELLO, "close"], BROKE_OFF),
    "no end, chunked": ([CHUNKED, chunk(HELLO), END], BROKE_OFF),
    "a broken body": ([CHUNKED, chunk(HELLO), "close"], BROKE_OFF),
    "a reset": ([CHUNKED, chunk(HELLO), "reset"], BROKE_OFF),
    "a length that is not reached": ([LONG, HELLO, "close"], BROKE_OFF),
    "half of a packed answer": (
        [PACKED, gzip.compress(HELLO * 9)[:-20], "close"],
        BROKE_OFF,
    ),
    "packed badly": ([whole(b"no gzip", b"Content-Encoding: gzip")], BROKE_OFF),
    "no answer": (["close"], UNANSWERED),
    "no answer, reset": (["reset"], UNANSWERED),
    "not HTTP": (
        [b"SSH-2.0-OpenSSH_9.2\r\n", "close"],
        "LLM: the model's endpoint answered something that is not HTTP.",
    ),
    "packed in a way that is not read": (
        [whole(b"x", b"Content-Encoding: br")],
        "LLM: the model's endpoint compressed its answer (br), unasked.",
    ),
    "a page": (
        [whole(b"<html>Welcome</html>", b"Content-Type: text/html")],
        "LLM: the model's endpoint answered nothing that is a chat completion.",
    ),
    "no content": (
        [b"HTTP/1.1 204 No Content\r\n\r\n"],
        "LLM: the model's endpoint answered nothing that is a chat completion.",
    ),
}  # fmt: skip


async def test_half_an_answer_is_none(raw: RawModel) -> None:
    """Whatever breaks, and wherever: it is said, and nothing of it is an answer."""
    found = {}
    for name, (steps, _) in BROKEN.items():
        raw.says(*steps)
        found[name] = str(await failure(raw))
    assert found == {name: why for name, (_, why) in BROKEN.items()}


async def test_a_small_packed_answer_cannot_become_a_very_large_one(raw: RawModel) -> None:
    """It is unpacked a little at a time, up to the operator's limit."""
    raw.says(whole(gzip.compress(b" " * 50_000_000), b"Content-Encoding: gzip"))
    assert "longer than 1,000,000 bytes" in str(await failure(raw, answer_bytes=1_000_000))


@pytest.mark.parametrize("nothing", [b"x" * 200_000, gzip.compress(b"") * 10_000])
async def test_what_unpacks_to_nothing_is_not_read_without_end(raw: RawModel, nothing: bytes) -> None:
    """Neither what stands behind the end of a packed answer, nor parts of it that are empty."""
    raw.says(PACKED, gzip.compress(HELLO), *[nothing] * 100_000)
    async with patience("an answer"):
        error = await failure(raw, answer_bytes=1_000_000)
    assert str(error) in {BROKE_OFF, "LLM: the model's answer is longer than 1,000,000 bytes."}


async def test_a_character_set_that_takes_no_such_bytes_is_an_answer_that_cannot_be_read(
    raw: RawModel,
) -> None:
    """And no mistake of ours: Python's own encodings for names of hosts refuse what they do not know."""
    bad = ANSWER.replace(b"Hello", b"Hell\xf6")
    for name in (b"idna", b"punycode", b"undefined", b"hex", b"a\0b"):
        raw.says(whole(bad, b"Content-Type: application/json; charset=" + name))
        assert (await ask(raw, streamed=False)).result.text == "Hell\ufffd"


async def test_four_ways_to_fail_are_four_sentences_and_bad_json_is_a_fifth(raw: RawModel) -> None:
    """A caller can tell whether to wait, to write something else, or to call the operator."""
    said = []
    raw.says(60)
    said.append(await failure(raw, timeout_ms=200))
    raw.says(CHUNKED, chunk(HELLO), 60)
    said.append(await failure(raw, timeout_ms=1500))  # within which something comes on any machine
    raw.says(CHUNKED, chunk(HELLO), chunk(b'data: {"error":{"message":"CUDA out of memory"}}\n\n'), END)
    said.append(await failure(raw))
    raw.says(whole(b'{"error":{"message":"No such model"}}', status=b"404 Not Found"))
    said.append(await failure(raw))
    raw.says(whole(b"{not json}"))
    said.append(await failure(raw))
    raw.port = 9
    said.append(await failure(raw))
    assert [str(error).removeprefix("LLM: the model's endpoint ") for error in said] == [
        "did not answer in time: nothing came for 0.2 seconds.",
        "did not answer in time: silent for 1.5 seconds within its answer.",
        "reported an error inside its answer.",
        "answered 404. The model or the base URL is not known to it.",
        "answered something that is not JSON.",
        "could not be reached.",
    ]
    reasons = [error.reason for error in said]
    assert reasons[:5] == [None, None, "CUDA out of memory", "No such model", "{not json}"]
    assert "127.0.0.1:9" in str(reasons[5])


REFUSALS = {
    b"429 Too Many Requests": " It limits calls at present.",
    b"401 Unauthorized": " It did not accept the credential.",
    b"307 Temporary Redirect": " Redirects are not followed.",
    b"400 Bad Request": "",
    b"500 Internal Server Error": "",
    b"503 Service Unavailable": " It is overloaded or down.",
}


async def test_a_refusal_has_its_status_and_its_words_are_for_the_log(raw: RawModel) -> None:
    """The caller reads the status, and what it means; the operator reads what the server said."""
    for status, hint in REFUSALS.items():
        raw.says(whole(b'{"error":{"message":"Because.","type":"x"}}', JSON, status=status))
        error = await failure(raw)
        assert str(error) == f"LLM: the model's endpoint answered {status[:3].decode()}.{hint}"
        assert error.reason == "Because. (x)"
    long = b'{"error":{"message":"At most 4096 tokens.","code":"context_length_exceeded"}}'
    raw.says(whole(long, JSON, status=b"400 Bad Request"))
    error = await failure(raw)
    assert str(error).endswith("answered 400. The conversation is too long for the model.")
    assert "4096 tokens" in str(error.reason)


async def test_a_refusal_whose_words_do_not_come_is_a_refusal(
    raw: RawModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is there; nobody waits for minutes for the rest."""
    monkeypatch.setattr(client, "_REFUSAL_SECONDS", 0.05)
    raw.says(b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\nIt", 60)
    async with patience("an answer"):
        error = await failure(raw)
    assert str(error) == "LLM: the model's endpoint answered 500."
    assert error.reason == "It"


async def test_when_to_come_again_is_handed_on(raw: RawModel) -> None:
    """Of refusals that will pass, in whole seconds; the sentence says it too."""
    table = {(b"429 X", b"7"): 7, (b"503 X", b"1.2"): 2, (b"400 X", b"7"): None, (b"429 X", b"soon"): None}
    for (status, wait), seconds in table.items():
        raw.says(whole(b"", b"Retry-After: " + wait, status=status))
        error = await failure(raw)
        assert error.retry_after_seconds == seconds
        assert (f"Try again in {seconds} seconds." in str(error)) is (seconds is not None)


async def test_when_to_come_again_may_stand_in_the_body(raw: RawModel) -> None:
    """Gemini's API has no header for it; a header goes first."""
    details = b'[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}]'
    body = b'[{"error":{"code":429,"message":"Quota exceeded","details":' + details + b"}}]"
    for headers, seconds in (([], 35), ([b"Retry-After: 7"], 7)):
        raw.says(whole(body, JSON, *headers, status=b"429 Too Many Requests"))
        assert (await failure(raw)).retry_after_seconds == seconds


QUOTES = (
    "{0}", "Authorization: Bearer {0}", "Incorrect API key provided: {1}****{2}.", "key={3}", "{4}", "x{0}y",
    "{1}",
)  # fmt: skip


async def test_a_server_that_quotes_the_key_does_not_put_it_into_the_log(raw: RawModel) -> None:
    """Whole, with stars, escaped, in other letters, in JSON or not, as a status or inside a stream."""
    escaped = KEY.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D")
    for quote in QUOTES:
        words = quote.format(KEY, KEY[:12], KEY[-12:], escaped, KEY.upper())
        body = b'{"error":{"message":"%b","code":"%b"}}' % (words.encode(), words.encode())
        for steps in (
            [whole(body, JSON, status=b"401 Unauthorized")],
            [whole(words.encode() * 50, status=b"500 X")],
            [whole(f"<p>{words}</p>".encode())],
            [CHUNKED, chunk(b"data: " + body + b"\n\n"), END],
            [CHUNKED, chunk(b"event: error\ndata: " + words.encode() + b"\n\n"), END],
            [whole(b"{" + words.encode())],
        ):
            raw.says(*steps)
            error = await failure(raw)
            log = f"{error} {error.reason}".lower()
            secret = KEY.lower()
            assert not [secret[at : at + 6] for at in range(len(secret) - 5) if secret[at : at + 6] in log]
            assert len(str(error.reason)) <= 500


async def test_a_connection_is_used_again(raw: RawModel) -> None:
    """Also when the end of the body comes behind the answer, for which nobody waits."""
    raw.script = lambda sent: (
        [CHUNKED, chunk(HELLO + STOP + DONE), 0.02, END] if sent.body["stream"] else [whole(ANSWER)]
    )
    made = engine(settings(raw))

    async def emit(_event: Any) -> None:
        pass

    ready = made.compile(chatflow(flow(raw)))
    for streamed in (True, True, False, True):
        result = await ready.run(call("hi", streamed=streamed), emit)
        assert result.text == "Hello"
        await soon(lambda: any(pool.idle for pool in made.models._pools or ()), "the end of the body")
    await made.aclose()
    assert [sent.connection for sent in raw.sent] == [1, 1, 1, 1]


async def test_a_kept_connection_that_was_closed_costs_no_answer(raw: RawModel) -> None:
    """The server closes it in the moment in which it is used again: the call is made once more."""
    raw.script = lambda sent: ["close"] if len(raw.sent) == 2 else [whole(ANSWER)]
    made = engine(settings(raw))

    async def emit(_event: Any) -> None:
        pass

    ready = made.compile(chatflow(flow(raw)))
    for _ in range(2):
        assert (await ready.run(call("hi"), emit)).text == "Hello"
    await made.aclose()
    assert [sent.connection for sent in raw.sent] == [1, 1, 2]


async def test_all_kept_connections_may_be_closed(raw: RawModel) -> None:
    """A firewall that forgot them says so only to who uses them: the last attempt is made on a new one."""
    raw.script = lambda _: [0.2, whole(ANSWER)]
    made = engine(settings(raw))

    async def emit(_event: Any) -> None:
        pass

    ready = made.compile(chatflow(flow(raw)))
    await asyncio.gather(*[ready.run(call("hi"), emit) for _ in range(5)])
    assert raw.connections == 5
    raw.script = lambda sent: ["close"] if sent.connection <= 5 else [whole(ANSWER)]
    assert (await ready.run(call("hi"), emit)).text == "Hello"
    await made.aclose()
    assert len(raw.sent) == 5 + 3


async def test_a_call_that_a_server_may_have_worked_on_is_not_made_again(
    raw: RawModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closed the kept connection long after the call was there: that was no crossing on the way."""
    monkeypatch.setattr(client, "_CROSSING_SECONDS", 0.0)
    raw.script = lambda sent: ["close"] if len(raw.sent) == 2 else [whole(ANSWER)]
    made = engine(settings(raw))

    async def emit(_event: Any) -> None:
        pass

    ready = made.compile(chatflow(flow(raw)))
    await ready.run(call("hi"), emit)
    with pytest.raises(UpstreamFailed) as caught:
        await ready.run(call("hi"), emit)
    await made.aclose()
    assert str(caught.value) == UNANSWERED
    assert len(raw.sent) == 2


async def test_a_call_that_was_not_answered_is_not_made_again(raw: RawModel) -> None:
    """On a connection of its own the server may have begun to work."""
    raw.says("close")
    await failure(raw)
    assert len(raw.sent) == 1


async def test_a_server_that_ends_no_answer_is_not_waited_for(
    raw: RawModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said how the answer ended: what keeps the connection open behind that is not worth a wait."""
    monkeypatch.setattr(client, "_AFTER_END_SECONDS", 0.05)
    raw.says(CHUNKED, chunk(HELLO + STOP), 60)
    async with patience("an answer"):
        assert (await ask(raw)).result.text == "Hello"


@pytest.mark.slow
async def test_comments_keep_a_stream_alive(raw: RawModel) -> None:
    """A server that makes people queue says so in comments, for minutes; silence alone is limited."""
    raw.says(
        CHUNKED,
        *[step for _ in range(12) for step in (chunk(b": processing\n\n"), 0.25)],
        chunk(HELLO + STOP),
        END,
    )
    assert (await ask(raw, timeout_ms=2000)).result.text == "Hello"


async def test_an_answer_that_was_cut_off_says_so(raw: RawModel) -> None:
    """The result and the executed data say how the model ended; a reply that quotes it says it too."""
    cut = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
    raw.says(CHUNKED, chunk(HELLO + cut + DONE), END)
    ran = await ask(raw)
    assert ran.result.finish_reason == "length"
    output = ran.result.executed[-1]["data"]["output"]
    assert (output["content"], output["responseMetadata"]["finish_reason"]) == ("Hello", "length")
    said = node("directReplyAgentflow_1", {"directReplyMessage": "{{ llmAgentflow_0 }}"})
    asked = node("llmAgentflow_0", {
        "llmModel": "chatOpenAI", "llmModelConfig": {"modelName": "m", "credential": "main"},
        "llmEnableMemory": False,
    })  # fmt: skip
    assert (await run(chain(asked, said), call(), settings=settings(raw))).result.finish_reason == "length"


THOUGHTS = b'data: {"choices":[{"delta":{"reasoning_content":"Hm."}}]}\n\n'


@pytest.mark.parametrize(
    ("reasoning", "text", "output"),
    [
        (None, "Hello", {"reasoning": "Hm."}),
        ("hidden", "Hello", {"reasoning": "Hm."}),
        ("dropped", "Hello", {}),
        ("shown", "<think>\nHm.\n</think>\n\nHello", {}),
    ],
)
async def test_what_is_thought_is_where_the_node_wants_it(
    raw: RawModel, reasoning: str | None, text: str, output: dict[str, str]
) -> None:
    """Hidden is with the executed data, shown is before the answer, dropped is nowhere."""
    raw.says(CHUNKED, chunk(THOUGHTS + HELLO + STOP + DONE), END)
    inputs = {} if reasoning is None else {"llmReasoning": reasoning}
    ran = await run(flow(raw, **inputs), call("hi"), settings=settings(raw))
    assert ran.result.text == text
    shown = ran.result.executed[-1]["data"]["output"]
    assert shown["content"] == text
    assert {name: shown[name] for name in shown if name == "reasoning"} == output
    if reasoning == "dropped":
        assert "Hm." not in str(ran)
