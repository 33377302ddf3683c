"""Predictions that are let in, and what comes back: most are answered inside the connection, some are odd."""

import json
from typing import Any, Final

from tests.verification.case import ASK, GOOD, PREDICTION, Case, Line

SESSION: Final = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
_FOR_ALL: Final = (("access-control-allow-origin", "*"),)
_NOT_FOR_ALL: Final = (("access-control-allow-origin", None),)
_ANSWER: Final = (("content-type", "application/json"), ("cache-control", "no-store"))
_PROBLEM: Final = (("content-type", "application/problem+json"), ("cache-control", "no-store"))
LONG: Final = "y" * 60_000

# What is asked: the body, the code of the refusal, members of the answer.
ASKED: Final[list[tuple[Any, str | None, dict[str, Any]]]] = [
    ({"question": "Hello"}, None, {"text": "You said: Hello", "question": "Hello"}),
    ({"question": "Hello", "streaming": False}, None, {"text": "You said: Hello"}),
    ({"question": "Hello", "streaming": None, "history": [], "uploads": None}, None, {}),
    ({"question": "Hello", "chatId": SESSION}, None, {"chatId": SESSION, "sessionId": SESSION}),
    ({"question": "Hello", "chatId": "a", "sessionId": "b"}, None, {"chatId": "a", "sessionId": "b"}),
    ({"question": "x", "chatId": "a", "overrideConfig": {"sessionId": "c"}}, None, {"sessionId": "c"}),
    ({"question": "Hello", "overrideConfig": {"vars": {"a": "b"}, "x": [1]}}, None, {}),
    ({"question": "Hello", "history": [{"role": "userMessage", "content": "Hi"}]}, None, {}),
    ({"question": "Hello", "unknown": {"a": [1, 2]}}, None, {}),
    ({"question": 'data: "\\\n\u2028 \U0001f600 \0 {{ question }}'}, None, {}),
    ({"form": {"a": 1}}, None, {"text": "You said: "}),
    ({"question": LONG}, None, {"question": LONG}),
    ({"question": ""}, None, {"text": "You said: ", "question": ""}),
    ({}, None, {"text": "You said: "}),
    ({"question": 1}, None, {"text": "You said: 1", "question": 1}),
    ({"question": "Hello", "streaming": "yes", "chatId": 1}, None, {"chatId": 1}),
    ({"question": "Hello", "form": {"a": 1}}, "validation_failed", {}),
    ({"question": "Hello", "overrideConfig": [], "history": "x"}, "validation_failed", {}),
    ({"question": "Hello", "chatId": "\n"}, "validation_failed", {}),
    ({"question": "Hello", "sessionId": "s" * 256}, "validation_failed", {}),
    ({"question": "Hello", "uploads": [{}]}, "validation_failed", {}),
    ({"question": "Hello", "humanInput": {}}, "cannot_resume", {}),
    ([], "validation_failed", {}),
    (None, "validation_failed", {}),
    ("Hello", "validation_failed", {}),
]
# Bodies that are not written by a JSON encoder, their headers, and what comes back.
RAW: Final[list[tuple[str, bytes, tuple[Line, ...], str | None]]] = [
    ("no body", b"", (ASK,), "invalid_json"),
    ("not JSON", b'{"question": Hello}', (ASK,), "invalid_json"),
    ("behind the JSON", b'{"question": "Hello"}x', (ASK,), "invalid_json"),
    ("no UTF-8", b'{"question": "\xff"}', (ASK,), "invalid_json"),
    ("a lone surrogate", b'{"question": "\\ud800"}', (ASK,), "invalid_json"),
    ("too deep", b'{"question": "x", "form": ' + b"[" * 2000 + b"]" * 2000 + b"}", (ASK,), "invalid_json"),
    ("a byte order mark", b'\xef\xbb\xbf{"question": "Hello"}', (ASK,), None),
    ("white space", b' \n{ "question" : "Hello" } \t', (ASK,), None),
    ("a member twice", b'{"question": 1, "question": "Hello"}', (ASK,), None),
    ("no type", b'{"question": "Hello"}', (), None),
    ("a form's type", b'{"question": "Hello"}', ((ASK[0], b"text/plain"),), None),
    ("70,000 bytes", b'{"question": "Hello"' + b" " * 70_000 + b"}", (ASK,), None),
    ("compressed", b'{"question": "Hello"}', (ASK, (b"Content-Encoding", b"gzip")), "unsupported_encoding"),
    ("not compressed", b'{"question": "Hello"}', (ASK, (b"Content-Encoding", b"identity")), None),
    ("an id of its own", b'{"question": "Hello"}', (ASK, (b"X-Request-Id", b"number-0123456789")), None),
]
STATUSES: Final = {
    None: 200,
    "validation_failed": 422,
    "cannot_resume": 410,
    "invalid_json": 400,
    "unsupported_encoding": 415,
    "upstream_failed": 502,
    "flow_not_runnable": 422,
}
# Chatflows that wait, that fail at once or later, and that cannot run: all of them public.
OTHERS: Final[list[tuple[bytes, str, str | None]]] = [
    (b"public", "Hello", None),
    (b"waiting", "Hello", None),
    (b"waiting", "", None),
    (b"failing", LONG, "upstream_failed"),
    (b"failing_later", LONG, "upstream_failed"),
    (b"unrunnable", "Hello", "flow_not_runnable"),
]


def _case(name: str, lines: tuple[Line, ...], chatflow: bytes, body: bytes, code: str | None,
          members: dict[str, Any] | None = None, *, is_public: bool = False) -> Case:  # fmt: skip
    headers = (*(_PROBLEM if code else _ANSWER), *(_FOR_ALL if is_public else _NOT_FOR_ALL))
    target = PREDICTION + b"<%b>" % chatflow
    return Case(f"question: {name}", "POST", target, lines, body, STATUSES[code], code, headers, members)


QUESTIONS: Final[list[Case]] = [
    *(
        _case(json.dumps(body)[:60], (GOOD, ASK), b"chatflow", json.dumps(body).encode(), code, members)
        for body, code, members in ASKED
    ),
    *(_case(name, (GOOD, *lines), b"chatflow", body, code) for name, body, lines, code in RAW),
    *(
        _case(f"{who} asks {chatflow.decode()} {question[:5]}", lines, chatflow,
              json.dumps({"question": question}).encode(), code, is_public=True)
        for chatflow, question, code in OTHERS
        for who, lines in (("nobody", (ASK,)), ("a key", (GOOD, ASK)))
    ),
    _case("a key from its network", ((GOOD[0], b"Bearer <near>"), ASK), b"chatflow", b'{"question": "Hello"}',
          None),
]  # fmt: skip
