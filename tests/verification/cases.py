"""The one table of what verification answers, on every path: some 330 requests.

`FORWARD_AUTH` is what a proxy or the library can be asked too.
"""

import json
from typing import Final

from tests.verification.bodies import BODIES, RAW_BODIES
from tests.verification.case import ASK, FORWARD, GOOD, PREDICTION, VERIFY, Case, Line
from tests.verification.headers import AUTH, LINES, SPOOFED, VALUES
from tests.verification.limited import LIMITED
from tests.verification.questions import QUESTIONS
from tests.verification.targets import PATHS, PERMISSIONS

IDENTITY: Final = (
    ("x-auth-key-id", "<id>"),
    ("x-auth-key-name", "Kettle%20%26%20S%C3%B6hne%20100%25"),
    ("x-auth-workspace-id", "<workspace>"),
    ("x-auth-customer-id", "<customer>"),
)
OF_NOBODY: Final = (("x-auth-customer-id", ""),)
NOBODY: Final = (
    ("x-auth-key-id", ""),
    ("x-auth-key-name", ""),
    ("x-auth-workspace-id", ""),
    ("x-auth-customer-id", ""),
)
CODES: Final = {
    "missing_credentials": 401,
    "invalid_request": 400,
    "unknown_key": 401,
    "expired_key": 401,
    "revoked_key": 401,
    "disabled_key": 401,
    "ip_not_allowed": 403,
    "chatflow_not_allowed": 403,
    "permission_missing": 403,
    "headers_too_large": 431,
    "not_found": 404,
    "validation_failed": 422,
    "invalid_json": 400,
    "too_large": 413,
}

METHODS: Final = ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE")
# What nginx is told: the status, and X-Auth-Status.
NGINX: Final[list[tuple[bytes, tuple[Line, ...], int, str]]] = [
    (b"?mode=nginx", (), 401, "missing_credentials"),
    (b"?mode=nginx", ((AUTH, b"Basic eDp5"),), 401, "invalid_request"),
    (b"?mode=nginx", ((AUTH, b"Bearer <unknown>"),), 401, "unknown_key"),
    (b"?mode=nginx", ((AUTH, b"Bearer <expired>"),), 401, "expired_key"),
    (b"?mode=nginx&permission=apikeys:view", (GOOD,), 403, "permission_missing"),
    (b"/chatflow/<elsewhere>?mode=nginx", (GOOD,), 403, "chatflow_not_allowed"),
    (b"/chatflow/<elsewhere>?mode=nginx", ((AUTH, b"Bearer <far>"),), 403, "ip_not_allowed"),
    (b"/chatflow/?x=1&mode=nginx", (GOOD,), 403, "chatflow_not_allowed"),
    (b"?mode=nginx&api_key=x", (GOOD,), 401, "invalid_request"),
    (b"?mode=nginx", (GOOD, (b"X-Long", b"y" * 70_000)), 403, "headers_too_large"),
]
# Predictions that are refused: who calls, what.
REFUSED: Final[list[tuple[tuple[Line, ...], bytes, str]]] = [
    ((), b"<chatflow>", "missing_credentials"),
    ((), b"<nowhere>", "missing_credentials"),
    ((), b"x", "missing_credentials"),
    (((AUTH, b"Bearer <unbound>"),), b"<chatflow>", "chatflow_not_allowed"),
    (((AUTH, b"Bearer <owner>"),), b"<chatflow>", "chatflow_not_allowed"),
    (((AUTH, b"Bearer <other>"),), b"<chatflow>", "chatflow_not_allowed"),
    ((GOOD,), b"<elsewhere>", "chatflow_not_allowed"),
    ((GOOD,), b"<nowhere>", "chatflow_not_allowed"),
    ((GOOD,), b"<closed>", "chatflow_not_allowed"),
    ((GOOD,), b"<chatflow_upper>x", "chatflow_not_allowed"),
    (((AUTH, b"Bearer <unknown>"),), b"<public>", "unknown_key"),
    (((AUTH, b"Bearer <other>"),), b"<public>", "chatflow_not_allowed"),
    (((AUTH, b"Bearer <expired>"),), b"<chatflow>", "expired_key"),
    (((AUTH, b"Bearer <far>"),), b"<chatflow>", "ip_not_allowed"),
    (((AUTH, b"Bearer <far>"),), b"<elsewhere>", "ip_not_allowed"),
    (((AUTH, b"Bearer <far>"),), b"<public>", "ip_not_allowed"),
    (((AUTH, b"Bearer <far>"), (b"X-Forwarded-For", b"192.0.2.9")), b"<chatflow>", "ip_not_allowed"),
    (((AUTH, b"Bearer <paused>"),), b"<chatflow>", "disabled_key"),
    (((AUTH, b"Bearer <paused>"),), b"<public>", "disabled_key"),
    (((AUTH, b"Bearer <ended>"),), b"<chatflow>", "revoked_key"),
    (((AUTH, b"Bearer <mistyped>"),), b"<chatflow>", "unknown_key"),
    (((AUTH, b"Token <good>"),), b"<chatflow>", "invalid_request"),
    ((GOOD, GOOD), b"<chatflow>", "invalid_request"),
    ((GOOD,), b"<good>", "invalid_request"),
    ((GOOD,), b"<chatflow>?api_key=x", "invalid_request"),
    ((GOOD,), b"<chatflow>/x", "not_found"),
    ((GOOD,), b"", "not_found"),
    ((GOOD, (b"X-Long", b"y" * 70_000)), b"<chatflow>", "headers_too_large"),
    ((GOOD,), b"<chatflow>", "invalid_json"),
]


def _forward(name: str, lines: tuple[Line, ...], code: str | None, *, path: bytes = b"",
             method: str = "GET", who: bool = True) -> Case:  # fmt: skip
    headers: list[tuple[str, str | None]] = [("cache-control", "no-store")]
    headers += NOBODY if code else IDENTITY if who else OF_NOBODY
    status = CODES[code] if code else 200
    if code is None:
        headers.append(("content-length", "0"))
    return Case(f"forward-auth: {name}", method, FORWARD + path, lines, None, status, code, tuple(headers))


FORWARD_AUTH: Final[list[Case]] = [
    *(_forward(name, ((AUTH, value),), code) for name, value, code in VALUES),
    *(_forward(name, lines, code) for name, lines, code in LINES),
    *(_forward(f"path {path.decode()}", (GOOD,), code, path=path) for path, code in PATHS),
    *(
        _forward(f"viewer {path.decode()}", ((AUTH, b"Bearer <viewer>"),), code, path=path, who=False)
        for path, code in PERMISSIONS
    ),
    *(_forward(method, (GOOD,), None, method=method, path=b"/x") for method in METHODS),
    *(_forward(f"{method} refused", (), "missing_credentials", method=method) for method in METHODS),
    _forward("a key from its network", ((AUTH, b"Bearer <near>"),), None, who=False),
    _forward("a key from elsewhere", ((AUTH, b"Bearer <far>"),), "ip_not_allowed"),
    _forward("a key from elsewhere, and its chatflow", ((AUTH, b"Bearer <far>"),), "ip_not_allowed",
             path=b"/chatflow/<chatflow>"),
    _forward("a header that names its network", ((AUTH, b"Bearer <far>"), (b"X-Forwarded-For", b"192.0.2.9")),
             "ip_not_allowed"),
    _forward("a key of a disabled customer", ((AUTH, b"Bearer <paused>"),), "disabled_key"),
    _forward("a key of a revoked customer", ((AUTH, b"Bearer <ended>"),), "revoked_key"),
    *(_forward(f"{name.decode()} and a key", (GOOD, (name, value)), None) for name, value in SPOOFED),
    _forward("every trusted header and no key", tuple(SPOOFED), "missing_credentials"),
    _forward("the cookie of a person and no key", ((b"Cookie", b"flowkeys_session=x"),),
             "missing_credentials"),
    *(
        Case(f"forward-auth: nginx {code} {path.decode()}", "GET", FORWARD + path, lines, None, status, code,
             (*NOBODY, ("x-auth-status", str(CODES[code]))))
        for path, lines, status, code in NGINX
    ),
    _forward("nginx, allowed", (GOOD,), None, path=b"?mode=nginx"),
    _forward("another mode", (), "missing_credentials", path=b"?mode=Nginx"),
    Case("forward-auth: a body is not looked at", "POST", FORWARD, (GOOD,), b"x" * 100_000, 200, None,
         IDENTITY),
    Case("forward-auth: a longer name", "GET", b"/api/v1/auth/verifyx", (GOOD,), None, 404, "not_found"),
    Case("forward-auth: a parameter", "GET", b"/api/v1/auth/verify;x", (GOOD,), None, 404, "not_found"),
]  # fmt: skip

VERIFICATIONS: Final[list[Case]] = [
    *(
        Case(f"verify: {who} sends {json.dumps(body, ensure_ascii=False)[:60]}", "POST", VERIFY,
             ((AUTH, b"Bearer <%b>" % who.encode()), ASK), json.dumps(body, ensure_ascii=False).encode(),
             CODES[code] if code else 200, code, (("cache-control", "no-store"),), members)
        for who, body, code, members in BODIES
    ),
    *(
        Case(f"verify: {name}", "POST", VERIFY, (GOOD, *(((ASK[0], kind),) if kind else ())), body,
             CODES[code] if code else 200, code)
        for name, body, kind, code in RAW_BODIES
    ),
    *(
        Case(f"verify: header {name}", "POST", VERIFY, ((AUTH, value), ASK), b"{}",
             CODES[code] if code else 200, code)
        for name, value, code in VALUES[::5]
    ),
    *(
        Case(f"verify: {name}", "POST", VERIFY, (*lines, ASK), b"{}", CODES[code] if code else 200, code)
        for name, lines, code in LINES
    ),
    Case("verify: a token in the query", "POST", VERIFY + b"?token=<good>", (GOOD, ASK), b"{}", 400,
         "invalid_request"),
    Case("verify: another query", "POST", VERIFY + b"?x=1", (GOOD, ASK), b"{}", 200, None),
    # A key could have that id, as far as the router knows.
    Case("verify: GET", "GET", VERIFY, (GOOD,), None, 403, "permission_missing"),
]  # fmt: skip

PREDICTIONS: Final[list[Case]] = [
    Case(f"prediction: {number} {code}", "POST", PREDICTION + path, (*lines, ASK),
         b"{" if code == "invalid_json" else b'{"question": "Hello"}', CODES[code], code)
    for number, (lines, path, code) in enumerate(REFUSED)
]  # fmt: skip

CASES: Final = FORWARD_AUTH + VERIFICATIONS + PREDICTIONS + QUESTIONS + LIMITED
