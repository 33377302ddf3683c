"""Calls with keys that have limits: let in, and over one of them, whoever's it is."""

import json
from typing import Any, Final

from tests.verification.case import ASK, FORWARD, PREDICTION, VERIFY, Case, Line

YEAR: Final = [{"limit": 1, "windowSeconds": 31_536_000, "name": "year"}]
"""One call, after which it is over for longer than a test runs."""
PLENTY: Final = [{"limit": 1_000_000, "windowSeconds": 86_400}, {"limit": 9_000, "windowSeconds": 1}]
_AUTH: Final = b"Authorization"
_QUESTION: Final = b'{"question": "Hello"}'
_PLENTY_POLICY: Final = '"day";q=1000000;w=86400, "second";q=9000;w=1'
# Who is over a limit: the key's name, the chatflow that it calls, and what the limit is called.
SPENT: Final = (
    (b"spent", b"chatflow", "year"),
    (b"shared", b"chatflow", "customer-year"),
    (b"unlimited", b"spent_chatflow", "chatflow-year"),
    (b"bound_once", b"chatflow", "binding-year"),
)


def _bearer(name: bytes) -> Line:
    return _AUTH, b"Bearer <%b>" % name


def _case(name: str, method: str, target: bytes, key: bytes, body: Any, status: int, code: str | None,
          headers: dict[str, str | None], members: dict[str, Any] | None = None) -> Case:  # fmt: skip
    text = json.dumps(body).encode() if body is not None else None
    lines = (_bearer(key), *((ASK,) if body is not None else ()))
    every = {"cache-control": "no-store", **headers}
    return Case(f"limits: {name}", method, target, lines, text, status, code, tuple(every.items()), members)


def _over(name: str) -> dict[str, str | None]:
    return {"ratelimit-policy": f'"{name}";q=1;w=31536000', "x-should-retry": "false"}


_LEFT: Final[dict[str, str | None]] = {"ratelimit-policy": _PLENTY_POLICY, "retry-after": None}
_NOTHING: Final[dict[str, str | None]] = {"ratelimit-policy": None, "ratelimit": None, "retry-after": None}
_ASKED: Final = {"question": "Hello"}

LIMITED: Final[list[Case]] = [
    _case("forward-auth, let in", "GET", FORWARD, b"plenty", None, 200, None, _LEFT),
    _case("forward-auth of a chatflow", "GET", FORWARD + b"/chatflow/<chatflow>", b"plenty", None, 200, None,
          _LEFT),
    _case("forward-auth, HEAD", "HEAD", FORWARD, b"spent", None, 429, "rate_limited", _over("year")),
    _case("forward-auth for another reason costs nothing and says nothing", "GET",
          FORWARD + b"/chatflow/<elsewhere>", b"plenty", None, 403, "chatflow_not_allowed", _NOTHING),
    _case("forward-auth, nginx", "GET", FORWARD + b"?mode=nginx", b"spent", None, 403, "rate_limited",
          {**_over("year"), "x-auth-status": "429", "x-auth-code": "rate_limited", "x-auth-key-id": ""}),
    *(
        _case(f"forward-auth, {limit}", "GET", FORWARD + b"/chatflow/<%b>" % chatflow, key, None, 429,
              "rate_limited", {**_over(limit), "x-auth-key-id": "", "x-auth-customer-id": ""})
        for key, chatflow, limit in SPENT
    ),
    *(
        _case(f"prediction, {limit}", "POST", PREDICTION + b"<%b>" % chatflow, key, _ASKED, 429,
              "rate_limited", _over(limit))
        for key, chatflow, limit in SPENT
    ),
    _case("prediction, let in", "POST", PREDICTION + b"<chatflow>", b"plenty", _ASKED, 200, None, _LEFT,
          {"text": "You said: Hello"}),
    _case("prediction with a body that is refused has been counted", "POST", PREDICTION + b"<chatflow>",
          b"plenty", {"question": "x", "form": {"a": "b"}}, 422, "validation_failed", _LEFT),
    _case("verify does not count", "POST", VERIFY, b"spent", {}, 200, None, _NOTHING,
          {"valid": True, "limitsLeft": None}),
    _case("verify that counts, let in", "POST", VERIFY, b"plenty", {"count": True}, 200, None, _LEFT,
          {"valid": True}),
    _case("verify that counts, over it", "POST", VERIFY, b"spent", {"count": True}, 429, "rate_limited",
          _over("year")),
    _case("verify of a token in the body, over it", "POST", VERIFY, b"viewer",
          {"token": "<spent>", "count": True}, 200, "rate_limited",
          {"ratelimit-policy": '"year";q=1;w=31536000', "retry-after": None},
          {"valid": False, "code": "rate_limited"}),
    _case("verify of a token in the body, not counted", "POST", VERIFY, b"viewer", {"token": "<spent>"},
          200, None, _NOTHING, {"valid": True}),
    _case("verify of several that count", "POST", VERIFY, b"viewer",
          {"tokens": ["<spent>", "<shared>", "<plenty>"], "count": True}, 200, None, _NOTHING,
          {"results": ["rate_limited", "rate_limited", "valid"]}),
]  # fmt: skip
