"""The one table of what verification answers, on every path: about 250 requests, to the byte where it matters.

`FORWARD_AUTH` is what a proxy or the library can be asked too.
"""

import json
from typing import Any, Final

from tests.verification.case import ASK, FORWARD, GOOD, PREDICTION, VERIFY, Case, Line

AUTH: Final = b"Authorization"
IDENTITY: Final = (
    ("x-auth-key-id", "<id>"),
    ("x-auth-key-name", "Kettle%20%26%20S%C3%B6hne%20100%25"),
    ("x-auth-workspace-id", "<workspace>"),
)
NOBODY: Final = (("x-auth-key-id", ""), ("x-auth-key-name", ""), ("x-auth-workspace-id", ""))
CODES: Final = {
    "missing_credentials": 401,
    "invalid_request": 400,
    "unknown_key": 401,
    "expired_key": 401,
    "revoked_key": 401,
    "disabled_key": 401,
    "chatflow_not_allowed": 403,
    "permission_missing": 403,
    "headers_too_large": 431,
    "not_found": 404,
    "validation_failed": 422,
    "invalid_json": 400,
    "too_large": 413,
}

# What the Authorization header may hold (RFC 6750 section 2.1), with the code of the refusal.
VALUES: Final[list[tuple[str, bytes, str | None]]] = [
    ("as in RFC 6750", b"Bearer <good>", None),
    ("scheme in lower case", b"bearer <good>", None),
    ("scheme in upper case", b"BEARER <good>", None),
    ("scheme in mixed case", b"bEaReR <good>", None),
    ("several spaces", b"Bearer     <good>", None),
    ("white space around", b" \tBearer <good> \t ", None),
    ("empty", b"", "invalid_request"),
    ("only spaces", b"   ", "invalid_request"),
    ("a bare token", b"<good>", "invalid_request"),
    ("the scheme alone", b"Bearer", "invalid_request"),
    ("no space", b"Bearer<good>", "invalid_request"),
    ("a tab between", b"Bearer\t<good>", "invalid_request"),
    ("a space and a tab between", b"Bearer \t<good>", "invalid_request"),
    ("a colon", b"Bearer: <good>", "invalid_request"),
    ("the scheme twice", b"Bearer Bearer <good>", "invalid_request"),
    ("another scheme", b"Token <good>", "invalid_request"),
    ("Basic", b"Basic <good>", "invalid_request"),
    ("a scheme that starts alike", b"BearerX <good>", "invalid_request"),
    ("two tokens", b"Bearer <good> <good>", "invalid_request"),
    ("a comma behind", b"Bearer <good>,", "invalid_request"),
    ("a comma and another", b"Bearer <good>,Bearer <good>", "invalid_request"),
    ("two schemes in one header", b"Basic eDp5, Bearer <good>", "invalid_request"),
    ("quotes", b'Bearer "<good>"', "invalid_request"),
    ("a semicolon", b"Bearer <good>; charset=utf-8", "invalid_request"),
    ("a parameter", b'Bearer token="<good>"', "invalid_request"),
    ("letters outside ASCII", b"Bearer <good>\xc3\xa9", "invalid_request"),
    ("bytes that are no UTF-8", b"Bearer \xff\xfe<good>", "invalid_request"),
    ("a no-break space", b"Bearer\xa0<good>", "invalid_request"),
    ("a full-width scheme", "\uff22earer <good>".encode(), "invalid_request"),
    ("percent signs", b"Bearer <token_encoded>", "invalid_request"),
    ("a masked token of bullets", "Bearer fl-••••••••••••••••••<hint>".encode(), "invalid_request"),
    ("the stored form with its tag", b"Bearer <stored>", "invalid_request"),
    ("an equals sign behind", b"Bearer <good>=", "unknown_key"),
    ("one character less", b"Bearer <shorter>", "unknown_key"),
    ("one character more", b"Bearer <good>0", "unknown_key"),
    ("without its prefix", b"Bearer <bare>", "unknown_key"),
    ("in another case", b"Bearer <swapped>", "unknown_key"),
    ("the word null", b"Bearer null", "unknown_key"),
    ("the prefix alone", b"Bearer fl-", "unknown_key"),
    ("a token that nobody has", b"Bearer <unknown>", "unknown_key"),
    ("a wrong checksum", b"Bearer <mistyped>", "unknown_key"),
    ("the same first 25 characters", b"Bearer <sharing>", "unknown_key"),
    ("the stored digest", b"Bearer <digest>", "unknown_key"),
    ("a masked token of dots", b"Bearer <masked>", "unknown_key"),
    ("the hint", b"Bearer <hint>", "unknown_key"),
    ("the id", b"Bearer <id>", "unknown_key"),
    ("300 characters", b"Bearer " + b"a" * 300, "unknown_key"),
    ("60,000 characters", b"Bearer " + b"a" * 60_000, "unknown_key"),
    ("expired", b"Bearer <expired>", "expired_key"),
    ("disabled", b"Bearer <disabled>", "disabled_key"),
    ("revoked", b"Bearer <revoked>", "revoked_key"),
]
# Header lines that are more than one value.
LINES: Final[list[tuple[str, tuple[Line, ...], str | None]]] = [
    ("no header", (), "missing_credentials"),
    ("the same header twice", (GOOD, GOOD), "invalid_request"),
    ("two, the second empty", (GOOD, (b"authorization", b"")), "invalid_request"),
    ("two, the first Basic", ((AUTH, b"Basic eDp5"), GOOD), "invalid_request"),
    ("three", (GOOD, GOOD, GOOD), "invalid_request"),
    ("name in upper case", ((b"AUTHORIZATION", b"Bearer <good>"),), None),
    ("name in lower case", ((b"authorization", b"Bearer <good>"),), None),
    ("Proxy-Authorization", ((b"Proxy-Authorization", b"Bearer <good>"),), "missing_credentials"),
    ("X-Api-Key", ((b"X-Api-Key", b"<good>"),), "missing_credentials"),
    ("a cookie", ((b"Cookie", b"session=<good>; flowkeys=<good>"),), "missing_credentials"),
    ("150 more headers", (GOOD, *((b"X-%d" % n, b"y") for n in range(150))), None),
    ("250 more headers", (GOOD, *((b"X-%d" % n, b"y") for n in range(250))), "headers_too_large"),
    ("a header of 1 MB", (GOOD, (b"X-Long", b"y" * 1_000_000)), "headers_too_large"),
    ("a token of 1 MB", ((AUTH, b"Bearer " + b"a" * 1_000_000),), "headers_too_large"),
    ("70,000 bytes in ten headers", (GOOD, *((b"X-%d" % n, b"y" * 7_000) for n in range(10))),
     "headers_too_large"),
]  # fmt: skip
# Headers that others trust; here they change nothing, with a credential or without.
SPOOFED: Final[list[Line]] = [
    (b"X-Auth-Key-Id", b"<id>"),
    (b"X-Auth-Status", b"200"),
    (b"X-Auth-Workspace-Id", b"<workspace>"),
    (b"X-Forwarded-For", b"127.0.0.1"),
    (b"X-Forwarded-Uri", b"/api/v1/ping"),
    (b"X-Original-URI", b"/api/v1/auth/verify/chatflow/<chatflow>"),
    (b"x-request-from", b"internal"),
    (b"X-HTTP-Method-Override", b"OPTIONS"),
    (b"X-Forwarded-User", b"admin"),
]
# What stands behind /auth/verify, for the key that is bound to <chatflow> and holds no permission.
PATHS: Final[list[tuple[bytes, str | None]]] = [
    (b"/", None),
    (b"/x", None),
    (b"/x/y/z", None),
    (b"//", None),
    (b"/./", None),
    (b"/..", None),
    (b"/%2f", None),
    (b"/;x", None),
    (b"/index.php", None),
    (b"/chatflow/<chatflow>", None),
    (b"/chatflow/<chatflow>/", None),
    (b"/chatflow/<chatflow>/anything/below", None),
    (b"/chatflow/<chatflow>//", None),
    (b"/chatflow/<chatflow>/../../chatflow/<elsewhere>", None),
    (b"/chatflow/<chatflow>/chatflow/<elsewhere>", None),
    (b"/chatflow/<chatflow>?chatflow=<elsewhere>&chatflowId=<elsewhere>", None),
    (b"/chatflow/<public>", None),
    (b"/chatflow", "chatflow_not_allowed"),
    (b"/chatflow/", "chatflow_not_allowed"),
    (b"/chatflow?x=1", "chatflow_not_allowed"),
    (b"/chatflow//<chatflow>", "chatflow_not_allowed"),
    (b"/chatflow/<elsewhere>", "chatflow_not_allowed"),
    (b"/chatflow/<elsewhere>/../<chatflow>", "chatflow_not_allowed"),
    (b"/chatflow/<elsewhere>?chatflow=<chatflow>", "chatflow_not_allowed"),
    (b"/chatflow/<closed>", "chatflow_not_allowed"),
    (b"/chatflow/<nowhere>", "chatflow_not_allowed"),
    (b"/chatflow/x", "chatflow_not_allowed"),
    (b"/chatflow/.", "chatflow_not_allowed"),
    (b"/chatflow/..", "chatflow_not_allowed"),
    (b"/chatflow/./<chatflow>", "chatflow_not_allowed"),
    (b"/chatflow/<chatflow>;x", "chatflow_not_allowed"),
    (b"/chatflow/<chatflow>%2f", "chatflow_not_allowed"),
    (b"/chatflow/<chatflow>%00", "chatflow_not_allowed"),
    (b"/chatflow/<chatflow_encoded>", "chatflow_not_allowed"),
    (b"/chatflow/%2e%2e/<chatflow>", "chatflow_not_allowed"),
    (b"?x=1&y", None),
    (b"?", None),
    (b"?Permission=apikeys:view", None),
    (b"?permissions=apikeys:view", None),
    (b"?x=permission=apikeys:view", None),
    (b"/permission=apikeys:view", None),
    (b"?permission=apikeys:view", "permission_missing"),
    (b"?permission=apikeys%3Aview", "permission_missing"),
    (b"?%70ermission=apikeys:view", "permission_missing"),
    (b"?x&permission=apikeys:view", "permission_missing"),
    (b"?permission=", "permission_missing"),
    (b"?permission", "permission_missing"),
    (b"?permission=nonsense", "permission_missing"),
    (b"?permission=*", "permission_missing"),
    (b"/chatflow/<chatflow>?permission=apikeys:view", "permission_missing"),
    (b"/chatflow/<elsewhere>?permission=apikeys:view", "chatflow_not_allowed"),
    (b"?api_key=x", "invalid_request"),
    (b"?access_token=x", "invalid_request"),
    (b"?x=<good>", "invalid_request"),
    (b"?x=<token_encoded>", "invalid_request"),
    (b"/<good>", "invalid_request"),
    (b"/chatflow/<chatflow>/<good>", "invalid_request"),
]
# The same for the key that holds apikeys:view and chatflows:view.
PERMISSIONS: Final[list[tuple[bytes, str | None]]] = [
    (b"?permission=apikeys:view", None),
    (b"?permission=apikeys%3aview", None),
    (b"?permission=apikeys:view&permission=chatflows:view", None),
    (b"?permission=apikeys:view&permission=apikeys:view", None),
    (b"?permission=apikeys:view&permission=apikeys:delete", "permission_missing"),
    (b"?permission=apikeys:delete&permission=apikeys:view", "permission_missing"),
    (b"?permission=apikeys:view&permission=nonsense", "permission_missing"),
    (b"?permission=apikeys:view,chatflows:view", "permission_missing"),
    (b"?permission=apikeys:view+chatflows:view", "permission_missing"),
    (b"?permission=apikeys:view;permission=x", "permission_missing"),
    (b"?permission=APIKEYS:VIEW", "permission_missing"),
    (b"?permission=apikeys:view%00", "permission_missing"),
    (b"?permission=%ff", "permission_missing"),
]
METHODS: Final = ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE")
# What nginx is told: the status, and X-Auth-Status.
NGINX: Final[list[tuple[bytes, tuple[Line, ...], int, str]]] = [
    (b"?mode=nginx", (), 401, "missing_credentials"),
    (b"?mode=nginx", ((AUTH, b"Basic eDp5"),), 401, "invalid_request"),
    (b"?mode=nginx", ((AUTH, b"Bearer <unknown>"),), 401, "unknown_key"),
    (b"?mode=nginx", ((AUTH, b"Bearer <expired>"),), 401, "expired_key"),
    (b"?mode=nginx&permission=apikeys:view", (GOOD,), 403, "permission_missing"),
    (b"/chatflow/<elsewhere>?mode=nginx", (GOOD,), 403, "chatflow_not_allowed"),
    (b"/chatflow/?x=1&mode=nginx", (GOOD,), 403, "chatflow_not_allowed"),
    (b"?mode=nginx&api_key=x", (GOOD,), 401, "invalid_request"),
    (b"?mode=nginx", (GOOD, (b"X-Long", b"y" * 70_000)), 403, "headers_too_large"),
]
# Bodies of POST /apikey/verify: who sends them, what comes back.
BODIES: Final[list[tuple[str, Any, str | None, dict[str, Any]]]] = [
    ("good", {}, None, {"valid": True, "code": "valid", "id": "<id>", "workspaceId": "<workspace>",
                        "permissions": [], "chatflowIds": ["<chatflow>"], "expiresAt": None}),
    ("good", {"chatflowId": "<chatflow>"}, None, {"valid": True}),
    ("good", {"chatflowId": "<public>"}, None, {"valid": True}),
    ("good", {"chatflowId": "<elsewhere>"}, "chatflow_not_allowed", {}),
    ("good", {"chatflowId": ""}, "chatflow_not_allowed", {}),
    ("good", {"permission": "apikeys:view"}, "permission_missing", {}),
    ("good", {"permission": "nonsense"}, "validation_failed", {}),
    ("good", {"permission": None}, "validation_failed", {}),
    ("good", {"chatflowId": None}, "validation_failed", {}),
    ("good", {"chatflow_id": "<chatflow>"}, "validation_failed", {}),
    ("good", {"unknown": 1}, "validation_failed", {}),
    ("good", [], "validation_failed", {}),
    ("good", None, "validation_failed", {}),
    ("good", "text", "validation_failed", {}),
    ("good", {"token": "<good>"}, "permission_missing", {}),
    ("good", {"tokens": []}, "permission_missing", {}),
    ("unknown", {}, "unknown_key", {}),
    ("expired", {}, "expired_key", {}),
    ("disabled", {"chatflowId": "<chatflow>"}, "disabled_key", {}),
    ("revoked", {"token": "<good>"}, "revoked_key", {}),
    ("unknown", {"unknown": 1}, "unknown_key", {}),
    ("viewer", {"permission": "apikeys:view"}, None, {"valid": True}),
    ("viewer", {"token": "<good>"}, None, {"valid": True, "id": "<id>"}),
    ("viewer", {"token": "<good>", "chatflowId": "<elsewhere>"}, None,
     {"valid": False, "code": "chatflow_not_allowed", "id": "<id>"}),
    ("viewer", {"token": "<good>", "permission": "apikeys:view"}, None, {"code": "permission_missing"}),
    ("viewer", {"token": "<expired>"}, None, {"code": "expired_key", "id": "<expired_id>"}),
    ("viewer", {"token": "<unknown>"}, None, {"code": "unknown_key"}),
    ("viewer", {"token": "<other>"}, None, {"code": "unknown_key"}),
    ("other_owner", {"token": "<good>"}, None, {"code": "unknown_key"}),
    ("viewer", {"token": ""}, None, {"code": "unknown_key"}),
    ("viewer", {"token": "ключ"}, None, {"code": "unknown_key"}),
    ("viewer", {"token": "é" * 35}, None, {"code": "unknown_key"}),
    ("viewer", {"token": "x" * 1024}, None, {"code": "unknown_key"}),
    ("viewer", {"token": "x" * 1025}, "validation_failed", {}),
    ("viewer", {"token": None}, "validation_failed", {}),
    ("viewer", {"token": 1}, "validation_failed", {}),
    ("viewer", {"token": "<good>", "tokens": ["<good>"]}, "validation_failed", {}),
    ("viewer", {"tokens": []}, None, {"results": []}),
    ("viewer", {"tokens": ["<good>", "<expired>", "x", "<other>", "<good>"]}, None,
     {"results": ["valid", "expired_key", "unknown_key", "unknown_key", "valid"]}),
    ("viewer", {"tokens": ["<good>"] * 100}, None, {"results": ["valid"] * 100}),
    ("viewer", {"tokens": ["x"] * 101}, "validation_failed", {}),
    ("viewer", {"tokens": ["<good>", None]}, "validation_failed", {}),
    ("viewer", {"tokens": "<good>"}, "validation_failed", {}),
    ("owner", {"permission": "*", "token": "<viewer>"}, None, {"code": "permission_missing"}),
]  # fmt: skip
# Bodies that are not written by a JSON encoder, and the Content-Type that they come with.
RAW_BODIES: Final[list[tuple[str, bytes, bytes | None, str | None]]] = [
    ("no body", b"", ASK[1], "invalid_json"),
    ("not JSON", b"{", ASK[1], "invalid_json"),
    ("behind the JSON", b"{}x", ASK[1], "invalid_json"),
    ("no UTF-8", b'{"chatflowId": "\xff"}', ASK[1], "invalid_json"),
    ("a lone surrogate", b'{"chatflowId": "\\ud800"}', ASK[1], "invalid_json"),
    ("a form", b"token=x", b"application/x-www-form-urlencoded", "invalid_json"),
    ("no type", b"{}", None, "invalid_json"),
    ("another type of JSON", b"{}", b"application/vnd.api+json", None),
    ("a type in capitals", b"{}", b"Application/JSON; Charset=UTF-8", None),
    ("white space", b" \n{ } \t", ASK[1], None),
    ("a member twice", b'{"chatflowId": "x", "chatflowId": "<chatflow>"}', ASK[1], None),
    ("70,000 bytes", b"{" + b" " * 70_000 + b"}", ASK[1], None),
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
    headers += NOBODY if code else IDENTITY if who else ()
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
    Case("forward-auth: a body is not looked at", "POST", FORWARD, (GOOD,), b"x" * 100_000, 200, None, IDENTITY),
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

CASES: Final = FORWARD_AUTH + VERIFICATIONS + PREDICTIONS
