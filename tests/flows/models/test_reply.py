"""What servers send for an answer, and what is read of it: the table of deviations, each met somewhere."""

import json
import re
from typing import Any, NamedTuple

import pytest

from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.reply import Reply

DONE = b"data: [DONE]\n\n"


class Read(NamedTuple):
    """What came of an answer."""

    text: str
    finish: str | None
    thoughts: str
    pieces: list[str]


def read(sent: bytes, *, reasoning: Any = "hidden", size: int = 0, limit: int = 10_000) -> Read:
    """Read an answer that comes in pieces of this many bytes, or as a whole."""
    reply = Reply(limit, reasoning)
    pieces: list[str] = []
    step = size or max(1, len(sent))
    for start in range(0, len(sent), step):
        if reply.ended:
            break
        pieces += reply.feed(sent[start : start + step])
    pieces += reply.finish()
    assert "".join(pieces) == reply.text
    assert "" not in pieces
    return Read(reply.text, reply.finish_reason, reply.thoughts, pieces)


def failure(sent: bytes, **how: Any) -> ModelError:
    """Return why there is no answer; it is the same however the bytes come."""
    with pytest.raises(ModelError) as caught:
        read(sent, **how)
    return caught.value


def sse(*records: Any) -> bytes:
    """Return a stream of events."""
    return b"".join(
        b"data: " + (r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n\n" for r in records
    )


def choice(**members: Any) -> dict[str, Any]:
    """Return a record with one choice."""
    return {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, **members}]}


def said(content: Any, **more: Any) -> dict[str, Any]:
    """Return a record that says something."""
    return choice(delta={"content": content}, **more)


STOP = choice(delta={}, finish_reason="stop")
HELLO = said("Hello")
PART = {"type": "text", "text": "Hello"}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}

WHOLE = {
    # F1: records without a usable delta
    "delta null at the end": sse(HELLO, choice(delta=None, finish_reason="stop"), b"[DONE]"),
    "delta null at the beginning": sse(choice(delta=None), HELLO, STOP),
    "delta missing": sse(choice(), HELLO, choice(finish_reason="stop")),
    "delta empty": sse(choice(delta={}), HELLO, STOP),
    "role alone": sse(choice(delta={"role": "assistant"}), HELLO, STOP),
    "content null beside a refusal": sse(choice(delta={"content": None, "refusal": None}), HELLO, STOP),
    "message in place of delta": sse(choice(message={"content": "Hello"}), STOP),
    "message beside a null delta": sse(choice(delta=None, message={"content": "Hello"}), STOP),
    "text in place of delta": sse(choice(text="Hello"), STOP),
    "delta is a text": sse(choice(delta="Hello"), STOP),
    "the whole repeated at the end": sse(HELLO, choice(message={"content": "Hello"}, finish_reason="stop")),
    "choices empty, as Azure begins": sse({"choices": [], "prompt_filter_results": [{}]}, HELLO, STOP),
    "usage alone at the end": sse(HELLO, STOP, {"choices": [], "usage": {"total_tokens": 3}}, b"[DONE]"),
    "choices missing": sse({"usage": None}, HELLO, STOP),
    "choices null": sse({"choices": None}, HELLO, STOP),
    "a choice that is null": sse({"choices": [None]}, HELLO, STOP),
    "choices an object": sse({"choices": {"delta": {"content": "Hello"}}}, STOP),
    "error null in each record": sse({**HELLO, "error": None}, {**STOP, "error": None}),
    "error empty in each record": sse({**HELLO, "error": {}}, {**STOP, "error": ""}),
    "error alone, and null": sse({"error": None}, HELLO, STOP),
    "error of nulls": sse({**HELLO, "error": {"code": None, "message": None}}, STOP),
    "record null": sse(b"null", HELLO, STOP),
    "two choices, interleaved": sse(
        {"choices": [{"index": 1, "delta": {"content": "Hi"}}, {"index": 0, "delta": {"content": "Hel"}}]},
        {"choices": [{"index": 1, "delta": {"content": "!"}, "finish_reason": "length"}]},
        {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
    ),
    "choices that count from one": sse(
        {"choices": [{"index": 1, "delta": {"content": "Hel"}}]},
        {"choices": [{"index": 1, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
    ),
    "index missing": sse({"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}),
    "finish_reason empty or the word null": sse(
        said("Hel", finish_reason=""), said("lo", finish_reason="null"), STOP
    ),
    "text beside an empty delta": sse(choice(delta={}, text="Hello"), STOP),
    "text beside a null content": sse(choice(delta={"content": None}, text="Hello"), STOP),
    "message beside an empty delta": sse(
        choice(delta={}, message={"content": "Hello"}, finish_reason="stop")
    ),
    "message that grows, beside deltas": sse(
        said("Hel", message={"content": "Hel"}),
        choice(delta={"content": ""}, message={"content": "Hel"}),
        said("lo", message={"content": "Hello"}),
        choice(delta={}, message={"content": "Hello"}, finish_reason="stop"),
    ),
    "delta in a list": sse(choice(delta=[{"content": "Hello"}]), STOP),
    "delta of parts": sse(choice(delta=[PART]), STOP),
    # F2: content that is no string
    "a text part that calls it content": sse(said([{"type": "text", "content": "Hello"}]), STOP),
    "parts": sse(said([PART]), STOP),
    "parts, with thinking": sse(said([THINKING]), said([PART]), STOP),
    "parts of several kinds": sse(
        said([THINKING, PART, {"type": "image_url"}, {"type": "reference", "reference_ids": [1]}]),
        STOP,
    ),
    "parts with values": sse(said([{"type": "text", "text": {"value": "Hello"}}]), STOP),
    "parts that are texts": sse(said(["Hel", "lo", None]), STOP),
    "parts without a kind": sse(said([{"text": "Hello"}]), STOP),
    "output parts": sse(said([{"type": "output_text", "text": "Hello"}]), STOP),
    "a part of text null": sse(said([{"type": "text", "text": None}, PART]), STOP),
    "no parts": sse(said([]), HELLO, STOP),
    # how a stream ends
    "stop without DONE": sse(HELLO, STOP),
    "DONE without stop": sse(HELLO, b"[DONE]"),
    "DONE in quotes": sse(HELLO, b'"[DONE]"'),
    "an event named done": sse(HELLO) + b"event: done\ndata: {}\n\n",
    "no blank line at the end": sse(HELLO, STOP).rstrip(b"\n"),
    "no line end behind DONE": sse(HELLO) + b"data: [DONE]",
    "anything behind DONE": sse(HELLO, b"[DONE]") + b"\x00garbage\r\n\r\n" + sse(said("!")),
    "garbage behind stop": sse(HELLO, STOP) + b"data: bye\n\n",
    # how records are written
    "a byte order mark": b"\xef\xbb\xbf" + sse(HELLO, STOP),
    "CRLF": sse(HELLO, STOP, b"[DONE]").replace(b"\n", b"\r\n"),
    "CR": sse(HELLO, STOP, b"[DONE]").replace(b"\n", b"\r"),
    "no blank behind data:": sse(HELLO, STOP).replace(b"data: ", b"data:"),
    "comments, ids, times": b": hi\n\nretry: 5\n\nid: 1\n:x\n" + sse(HELLO, STOP),
    "data in several lines": b'data: {"choices": [{"delta":\ndata: {"content": "Hello"},\n'
    b'data: "finish_reason": "stop"}]}\n\n',
    "events named": sse(HELLO, STOP).replace(b"data: ", b"event: message\ndata: "),
    "events of other kinds": b"event: ping\ndata: now\n\nevent: x\ndata: 5\n\n" + sse(HELLO, STOP),
    "no blank lines between records": sse(HELLO, STOP).replace(b"\n\n", b"\n"),
    "empty data": b"data:\n\ndata: \n\n" + sse(HELLO, STOP),
    "blank lines first": b"\n\r\n \n" + sse(HELLO, STOP),
    "a line end inside a text": b'data: {"choices":[{"delta":{"content":"Hello"}}],"x":"a\tb"}\n\n' + DONE,
    "NaN": b'data: {"choices":[{"delta":{"content":"Hello"},"p":NaN,"finish_reason":"stop"}]}\n\n',
    "the field's name twice": sse(HELLO, STOP, b"[DONE]").replace(b"data: ", b"data: data: "),
    "the field's name twice, DONE alone": sse(HELLO, b"[DONE]").replace(b"data: ", b"data:data:"),
    "written as JSON twice": sse(json.dumps(json.dumps(HELLO)).encode(), b"[DONE]"),
    "comments of OpenRouter": b": OPENROUTER PROCESSING\n\n" * 3 + sse(HELLO, STOP, b"[DONE]"),
    # whole answers
    "whole, in a gateway's wrapping": json.dumps(
        {"result": choice(message={"content": "Hello"}), "success": True, "errors": [], "messages": []}
    ).encode(),
    "whole, in a wrapping with a code": json.dumps(
        {"code": 0, "msg": "ok", "data": choice(message={"content": "Hello"})}
    ).encode(),
    "whole, of Cloudflare": b'{"result":{"response":"Hello"},"success":true,"errors":[],"messages":[]}',
    "whole, of DashScope": b'{"output":{"text":"Hello","finish_reason":"stop"},"request_id":"x"}',
    "whole, message null beside a text": json.dumps(choice(message={"content": None}, text="Hello")).encode(),
    "whole, message of parts": json.dumps(choice(message=[PART])).encode(),
    "events of Cloudflare": sse({"response": "Hel", "p": "ab"}, {"response": "lo"}, b"[DONE]"),
    "whole": json.dumps(choice(message={"content": "Hello"}, finish_reason="stop")).encode(),
    "whole, no finish_reason": json.dumps(choice(message={"role": "assistant", "content": "Hello"})).encode(),
    "whole, in many lines": json.dumps(choice(message={"content": "Hello"}), indent=2).encode() + b"\n",
    "whole, with a mark": b"\xef\xbb\xbf" + json.dumps(choice(message={"content": "Hello"})).encode(),
    "whole, of parts": json.dumps(choice(message={"content": [THINKING, PART]})).encode(),
    "whole, as a completion": json.dumps(choice(text="Hello", finish_reason="stop")).encode(),
    "whole, in a list": json.dumps([choice(message={"content": "Hello"})]).encode(),
    "whole, two choices": json.dumps(
        {"choices": [{"index": 1, "message": {"content": "Hi"}}, {"message": {"content": "Hello"}}]}
    ).encode(),
    "whole, of Ollama": b'{"message":{"content":"Hello"},"done":true,"done_reason":"stop"}',
    "whole, of llama.cpp": json.dumps({"content": "Hello", "stop": True}).encode(),
    "whole, of Anthropic": json.dumps({"content": [PART], "stop_reason": "end_turn"}).encode(),
    # lines of JSON
    "lines of JSON, of Ollama": b'{"message":{"content":"Hel"},"done":false}\n'
    b'{"message":{"content":"lo"},"done":false}\n'
    b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n',
    "lines of JSON, generated": b'{"response":"Hel","done":false}\n{"response":"lo","done":true}',
    "lines of JSON, of chunks": json.dumps(HELLO).encode() + b"\r\n" + json.dumps(STOP).encode() + b"\r\n",
    "events of Anthropic": b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":'
    b'{"type":"text_delta","text":"Hello"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    # refusals are answers
    "a refusal": sse(choice(delta={"refusal": "Hel"}), choice(delta={"refusal": "lo"}), STOP),
    "a refusal, whole": json.dumps(choice(message={"content": None, "refusal": "Hello"})).encode(),
    "a refusal of parts": sse(choice(delta={"refusal": [{"type": "refusal", "refusal": "Hello"}]}), STOP),
    "a refusal as a part that calls it text": sse(said([{"type": "refusal", "text": "Hello"}]), STOP),
    "a refusal as a part": sse(said([{"type": "refusal", "refusal": "Hello"}]), STOP),
    # reasoning
    "reasoning_content": sse(choice(delta={"reasoning_content": "Hm."}), HELLO, STOP),
    "reasoning": sse(choice(delta={"reasoning": "Hm.", "content": ""}), HELLO, STOP),
    "reasoning of parts": sse(choice(delta={"reasoning": {"content": [{"text": "Hm."}]}}), HELLO, STOP),
    "reasoning that cannot be read": sse(choice(delta={"reasoning": 5}), HELLO, STOP),
    "tools beside a text": sse(choice(delta={"content": "Hello", "tool_calls": [{"index": 0}]}), STOP),
    "think": sse(said("<think>Hm.</think>\n\nHello"), STOP),
}  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 7])
def test_every_answer_is_read_as_it_was_meant(size: int) -> None:
    """However the network cuts it, and whichever way the server deviates: the text is "Hello"."""
    found = {name: _outcome(sent, size) for name, sent in WHOLE.items()}
    assert {name: text for name, text in found.items() if text != "Hello"} == {}


def _outcome(sent: bytes, size: int) -> str:
    try:
        return read(sent, size=size).text
    except ModelError as error:
        return f"{error} ({error.reason})"


CUT = sse(HELLO)
BROKE_OFF = "broke off before its end"
SILENT = "answered without any text"
NOTHING = "nothing that is a chat completion"
REPORTED = "reported an error inside its answer"
NOT_JSON = "that is not JSON"
OTHER = "something else than a text"

BROKEN = {
    # F3: half an answer is none
    "the end is missing": (CUT, BROKE_OFF),
    "cut within a record": (CUT + b'data: {"choices":[{"del', BROKE_OFF),
    "cut within a name": (CUT + b"dat", BROKE_OFF),
    "cut lines of JSON": (b'{"message":{"content":"Hel"},"done":false}\n', BROKE_OFF),
    "an error event": (CUT + b'event: error\ndata: {"message":"model crashed"}\n\n', REPORTED),
    "an error event in words": (CUT + b"event: error\ndata: boom\n\n", REPORTED),
    "an error field of llama.cpp": (CUT + b'error: {"code":500,"message":"boom"}\n\n' + DONE, REPORTED),
    "an error event of another name": (CUT + b"event: server_error\ndata: boom\n\n" + DONE, REPORTED),
    "a timeout as an event": (CUT + b"event: timeout\ndata: boom\n\n" + DONE, REPORTED),
    "an exception of Bedrock": (
        CUT + sse({"modelStreamErrorException": {"message": "boom"}}) + DONE,
        REPORTED,
    ),
    "an exception": (CUT + sse({"exception": "boom"}) + DONE, REPORTED),
    "no success": (CUT + sse({"success": False, "reason": "boom"}) + DONE, REPORTED),
    "a status that failed": (CUT + sse({"status": "error", "reason": "boom"}) + DONE, REPORTED),
    "a message in capitals": (CUT + sse({"Message": "boom"}) + DONE, REPORTED),
    "an error of FastAPI, an object": (CUT + sse({"detail": {"error": "boom"}}) + DONE, REPORTED),
    "an error event without data": (CUT + b"event: error\n\n" + DONE, REPORTED),
    "an error": (CUT + sse({"error": {"message": "boom"}}, STOP, b"[DONE]"), REPORTED),
    "an error that is a text": (CUT + sse({"error": "boom"}, b"[DONE]"), REPORTED),
    "an error beside choices": (sse({**HELLO, "error": {"code": 502, "message": "boom"}}, STOP), REPORTED),
    "an error inside a choice": (sse(choice(delta={}, error={"message": "boom"}), STOP), REPORTED),
    "an error of vLLM": (sse({"object": "error", "message": "boom", "code": 400}), REPORTED),
    "an error of Anthropic": (sse({"type": "error", "error": {"type": "overloaded_error"}}), REPORTED),
    "an error of FastAPI": (sse({"detail": "boom"}), REPORTED),
    "an error of FastAPI, of fields": (sse({"detail": [{"msg": "boom"}]}), REPORTED),
    "errors": (sse({"errors": [{"message": "boom"}]}), REPORTED),
    "an error in a list": (json.dumps([{"error": {"message": "boom"}}]).encode(), REPORTED),
    "an error, whole": (b'{"error":{"message":"boom"}}', REPORTED),
    "an error, a message alone": (b'{"message":"boom"}', REPORTED),
    "an error written into the stream": (CUT + b'{"error":{"message":"boom"}}\n', REPORTED),
    "finish_reason error": (sse(HELLO, choice(delta={}, finish_reason="error")), REPORTED),
    "aborted": (sse(HELLO, choice(delta={}, finish_reason="abort")), REPORTED),
    # F4: silence is no answer
    "no text": (sse(said(""), STOP), f"{SILENT} (finish_reason: stop)."),
    "DONE alone": (DONE, f"{SILENT}."),
    "blanks alone": (sse(said(" \n"), STOP, b"[DONE]"), SILENT),
    "content null": (sse(said(None), STOP), SILENT),
    "message null, whole": (json.dumps(choice(message=None)).encode(), SILENT),
    "no message, whole": (json.dumps(choice(finish_reason="stop")).encode(), SILENT),
    "content null, whole": (json.dumps(choice(message={"content": None})).encode(), SILENT),
    "reasoning alone": (
        sse(choice(delta={"reasoning_content": "Hm."}), choice(delta={}, finish_reason="length")),
        f"{SILENT} (finish_reason: length); it only reasoned.",
    ),
    "reasoning alone, whole": (
        json.dumps(choice(message={"content": "", "reasoning": "Hm."})).encode(),
        f"{SILENT}; it only reasoned.",
    ),
    "reasoning in details alone": (
        sse(choice(delta={"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}), STOP),
        "it only reasoned",
    ),
    "thinking in blocks alone": (
        sse(choice(delta={"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]}), STOP),
        "it only reasoned",
    ),
    "think without an end": (
        sse(said("<think>Hm. Hm."), choice(delta={}, finish_reason="length")),
        "it only reasoned",
    ),
    "think and nothing": (sse(said("<think>Hm.</think>\n"), STOP), "it only reasoned"),
    "thinking parts alone": (sse(said([THINKING]), STOP), "it only reasoned"),
    "tools alone": (
        sse(
            choice(delta={"content": None, "tool_calls": [{}]}), choice(delta={}, finish_reason="tool_calls")
        ),
        f"{SILENT} (finish_reason: tool_calls); it only called tools.",
    ),
    "a function alone, whole": (
        json.dumps(choice(message={"content": None, "function_call": {"name": "f"}})).encode(),
        "it only called tools",
    ),
    "filtered": (sse(choice(delta={}, finish_reason="content_filter")), "(finish_reason: content_filter)"),
    "pictures alone": (sse(said([{"type": "image_url"}]), STOP), SILENT),
    # F2: content that is neither a text nor parts
    "a number": (sse(said(5), STOP), OTHER),
    "an object": (sse(said({"a": 1}), STOP), OTHER),
    "a truth": (sse(said(True), STOP), OTHER),
    "a number among parts": (sse(said([1]), STOP), OTHER),
    "a part without a kind": (sse(said([{"a": 1}]), STOP), OTHER),
    "a part whose text is none": (sse(said([{"type": "text", "text": 5}]), STOP), OTHER),
    "a number, whole": (json.dumps(choice(message={"content": 5})).encode(), OTHER),
    # no answers at all
    "nothing": (b"", NOTHING),
    "comments": (b": a\n\n: b\n\n", NOTHING),
    "a page": (b"<!doctype html><title>Sign in</title>", NOTHING),
    "words": (b"upstream connect error", NOTHING),
    "other JSON": (b'{"hello":1}', NOTHING),
    "choices empty, whole": (b'{"id":"c","choices":[]}', NOTHING),
    "a list": (b"[]", NOTHING),
    "a kind that is no text": (b'{"type":[]}', NOTHING),
    "no JSON in the stream": (CUT + b"data: {not json}\n\n", NOT_JSON),
    "no JSON": (b"{not json}", NOT_JSON),
    "half of a JSON text": (b'{"choices":[{"message":', BROKE_OFF),
    "half of a whole answer": (json.dumps(choice(message={"content": "Hello"})).encode()[:-20], BROKE_OFF),
    "half within its text": (b'{"choices":[{"message":{"content":"Hel', BROKE_OFF),
    "half of a whole answer in lines": (json.dumps(STOP, indent=1).encode()[:-9], BROKE_OFF),
    "deep": (b"[" * 20_000, NOT_JSON),  # newer Pythons go deeper than 10,000
}


@pytest.mark.parametrize("size", [0, 1])
def test_what_is_no_answer_is_a_failure_that_says_why(size: int) -> None:
    """No half, no silence and no error is taken for an answer; each has its own sentence."""
    wrong = {}
    for name, (sent, why) in BROKEN.items():
        message = str(failure(sent, size=size))
        if why not in message:
            wrong[name] = message
    assert wrong == {}


def test_what_the_server_said_of_its_error_is_kept_for_the_log() -> None:
    """Its words, with kind and code; whatever the shape."""
    errors = {
        "boom": {"error": "boom"},
        "boom (server_error, 500)": {"error": {"message": "boom", "type": "server_error", "code": 500}},
        "inner": {"error": {"error": {"message": "inner"}}},
        "field required": {"detail": [{"msg": "field required", "loc": ["a"]}]},
        "so (400)": {"error": True, "message": "so", "code": 400},
        "too long": {"error": "Bad Request", "message": "too long"},
        "no more": {"success": False, "reason": "no more"},
        "Provider returned error: busy (429)": {
            "error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "busy"}}
        },
        "Provider returned error: asleep": {
            "error": {
                "message": "Provider returned error",
                "metadata": {"raw": '{"error":{"message":"asleep"}}'},
            }
        },
        '{"type": "overloaded_error"}': {"type": "error", "error": {"type": "overloaded_error"}},
    }
    assert {words: failure(sse(error)).reason for words, error in errors.items()} == {w: w for w in errors}


FINISHES = {
    "stop": "stop", "length": "length", "max_tokens": "length", "MAX_TOKENS": "length",
    "model_length": "length",
    "content_filter": "content_filter", "SAFETY": "content_filter", "eos": "stop", "end_turn": "stop",
    "STOP": "stop", "tool_calls": "tool_calls", "function_call": "tool_calls",
    "something new": "something new",
    5: "5", True: "stop",
}  # fmt: skip


def test_how_an_answer_ended_is_told_in_openais_words() -> None:
    """Other words for the same are translated, unknown ones handed on."""
    found = {word: read(sse(HELLO, choice(delta={}, finish_reason=word))).finish for word in FINISHES}
    assert found == FINISHES
    assert read(sse(HELLO, choice(delta={}, finish_reason={"type": "length"}))).finish == "length"
    assert read(sse(HELLO, b"[DONE]")).finish is None


def test_pieces_are_handed_on_as_they_come() -> None:
    """Nothing waits for what comes later, but what may be half of something."""
    assert read(sse(said("one"), said(" two"), said(" three"), STOP)).pieces == ["one", " two", " three"]
    assert read(sse(said(" one"), STOP)).pieces == [" one"]


HALVES = {
    "Hi 😀 there": ["Hi \ud83d", "\ude00 there"],
    "😀😀": ["\ud83d", "\ude00\ud83d", "\ude00"],
    "a�b": ["a\ud83d", "b"],
    "a�": ["a\ud83d"],
    "�b": ["\ude00b"],
    "é": ["é"],
    "�😀": ["\ud83d\ud83d", "\ude00"],
    "x😀": ["x\ud83d", "", "\ude00"],
}


@pytest.mark.parametrize("size", [0, 1])
def test_halves_of_a_character_wait_for_each_other(size: int) -> None:
    """A half that stays alone is U+FFFD; bytes of one character may come apart, too."""
    for text, pieces in HALVES.items():
        assert read(sse(*map(said, pieces), STOP), size=size).text == text
    raw = json.dumps(said("ö😀"), ensure_ascii=False).encode()
    assert read(sse(raw, STOP), size=size).text == "ö😀"
    assert read(json.dumps(choice(message={"content": "\ud83d"})).encode()).text == "�"


def test_bytes_that_are_no_utf8_are_read_as_the_server_says() -> None:
    """A character set that is named is used where UTF-8 fails; without one the byte is U+FFFD."""
    sent = sse(said("Gruss")).replace(b"ss", b"\xdf") + sse(STOP)
    for charset, text in [("iso-8859-1", "Gruß"), (None, "Gru�"), ("no-such-set", "Gru�")]:
        reply = Reply(100, "hidden")
        reply.says(charset)
        reply.feed(sent)
        reply.finish()
        assert reply.text == text


def test_an_answer_is_bounded() -> None:
    """So is what is thought before it; each alone."""
    assert "longer than 5 characters" in str(failure(sse(said("far too"), STOP), limit=5))
    thought = sse(choice(delta={"reasoning": "far too"}), said("ok"), STOP)
    assert "longer than 5 characters" in str(failure(thought, limit=5))
    assert read(sse(choice(delta={"reasoning": "12345"}), said("12345"), STOP), limit=5).text == "12345"


THOUGHTS = sse(
    choice(delta={"reasoning_content": "Let me"}), choice(delta={"reasoning_content": " see."}), HELLO, STOP
)


@pytest.mark.parametrize("sent", [THOUGHTS, sse(said("<think>\nLet me see.</think>Hello"), STOP)])
@pytest.mark.parametrize(
    ("reasoning", "text", "kept"),
    [
        ("hidden", "Hello", "Let me see."),
        ("dropped", "Hello", ""),
        ("shown", "<think>\nLet me see.\n</think>\n\nHello", "Let me see."),
    ],
)
def test_what_is_thought_is_hidden_shown_or_dropped(
    sent: bytes, reasoning: str, text: str, kept: str
) -> None:
    """Whichever way the model sends it."""
    for size in (0, 1):
        found = read(sent, reasoning=reasoning, size=size)
        assert (found.text, found.thoughts) == (text, kept)


def test_every_failure_is_for_people() -> None:
    """The sentence says nothing that the server wrote: that is for the log."""
    for name, (sent, _) in BROKEN.items():
        message = str(failure(sent))
        assert re.fullmatch(r"the (model|server)[\w' ,:;()]+\.", message), name
        assert "boom" not in message, name


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7}, (5, 7)),
        ({"prompt_tokens": 5}, (5, 0)),
        ({"prompt_tokens": -5, "completion_tokens": 1.5}, (0, 0)),
        ({"prompt_tokens": 10**30, "completion_tokens": True}, (0, 0)),
        ([5, 7], (0, 0)),
        (None, (0, 0)),
    ],
)
def test_what_the_server_says_of_tokens_is_read_where_it_is_a_number(usage: Any, expected: Any) -> None:
    """In a record of its own behind the answer, as OpenAI sends it, or in the last; in a whole answer too."""
    behind = sse(
        said("a"), choice(delta={}, finish_reason="stop"), {"choices": [], "usage": usage}, b"[DONE]"
    )
    within = sse(said("a"), {**choice(delta={}, finish_reason="stop"), "usage": usage}, b"[DONE]")
    whole = json.dumps({**choice(message={"content": "a"}, finish_reason="stop"), "usage": usage}).encode()
    for sent in (behind, within, whole):
        reply = Reply(100, "hidden")
        reply.feed(sent)
        reply.finish()
        assert (reply.text, reply.tokens) == ("a", expected)
