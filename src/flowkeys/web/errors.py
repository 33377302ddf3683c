"""From decisions and errors to HTTP: the one table of statuses (RFC 9457, RFC 6750)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import (
    AlreadySent,
    Conflict,
    FieldError,
    FlowkeysError,
    FlowNotRunnable,
    Forbidden,
    InvalidInput,
    NotFound,
    PolicyViolated,
    QuotaExceeded,
    RunLimitExceeded,
    TooLarge,
    Unavailable,
    UpstreamFailed,
)
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.keys.token import conceal
from flowkeys.domain.limits.fields import refusal_headers, waiting_headers

CONTENT_TYPE: Final = "application/problem+json"
_REALM: Final = 'Bearer realm="flowkeys"'
_TOKEN: Final = "invalid_token"  # noqa: S105 - the name of an error
_SCOPE: Final = "insufficient_scope"
_REMEMBERED: Final = 1024
"""Denials of which the problem is kept: many calls are refused alike."""
_NOT_QUOTABLE: Final = re.compile(r"[^ !#-\[\]-~]")
"""What RFC 6750 section 3 keeps out of ``error_description``, line ends above all."""

_WAITS: Final = frozenset({Reason.RATE_LIMITED, Reason.QUOTA_EXCEEDED})

Headers = list[tuple[str, str]]


class Kind(msgspec.Struct, frozen=True):
    """What a `code` means on the wire."""

    status: int
    title: str
    detail: str
    bearer_error: str | None = None
    """The ``error`` of RFC 6750 section 3.1 in ``WWW-Authenticate``; "" for the bare challenge."""


KINDS: Final[dict[str, Kind]] = {
    "missing_credentials": Kind(
        401, "No credential", "No credential was sent. Send the key as: Authorization: Bearer fl-…", ""
    ),
    "invalid_request": Kind(400, "Malformed credential", "The credential is malformed.", "invalid_request"),
    "unknown_key": Kind(401, "Unknown key", "This is not a key that works here.", _TOKEN),
    "expired_key": Kind(401, "Expired key", "This key has expired. Ask its owner for a new one.", _TOKEN),
    "revoked_key": Kind(401, "Revoked key", "This key was revoked. Ask its owner for a new one.", _TOKEN),
    "disabled_key": Kind(401, "Disabled key", "This key is disabled. Its owner can enable it.", _TOKEN),
    "ip_not_allowed": Kind(
        403, "Network not allowed", "This key may not be used from this address. Ask its owner."
    ),
    "chatflow_not_allowed": Kind(
        403, "Chatflow not allowed", "This key is not bound to this chatflow.", _SCOPE
    ),
    "permission_missing": Kind(
        403, "Permission missing", "This key lacks a permission that the call needs.", _SCOPE
    ),
    "cross_site": Kind(403, "Not from here", "A call with a cookie must come from a page of this server."),
    "not_found": Kind(404, "Not found", "There is no such thing here."),
    "method_not_allowed": Kind(405, "Method not allowed", "This path does not take that method."),
    "already_sent": Kind(409, "Already sent", "This form was sent already. What it made is there."),
    "rotation_under_way": Kind(409, "Rotation under way", "The key is being rotated. End that first."),
    "no_rotation": Kind(409, "No rotation", "The key is not being rotated."),
    "policy_violated": Kind(
        422, "Policy violated", "A policy of the workspace forbids this; policies names it."
    ),
    "already_resumed": Kind(409, "Answered already", "The run was answered already."),
    "cannot_resume": Kind(410, "Nothing waits", "Nothing waits for this answer, or it expired."),
    "customer_has_keys": Kind(
        409, "Customer has keys", "The customer has keys that are not revoked. Revoke them first."
    ),
    "validation_failed": Kind(422, "Invalid input", "Some fields are wrong; errors names each of them."),
    "invalid_json": Kind(400, "Not JSON", "The body is not valid JSON."),
    "too_large": Kind(413, "Too large", "The request is larger than this server takes."),
    "unsupported_encoding": Kind(415, "Encoded body", "The body is encoded. Send it as it is."),
    "headers_too_large": Kind(
        431, "Headers too large", "The request has too many headers, or too long ones."
    ),
    "rate_limited": Kind(429, "Too many", "Too many calls. Wait as long as Retry-After says."),
    "quota_exceeded": Kind(
        429, "Quota used up", "The quota of this key is used up. Wait as long as Retry-After says."
    ),
    "limits_not_counted": Kind(
        403, "Not counted", "This key has limits, which are not counted here. Ask who runs this service."
    ),
    "origin_not_allowed": Kind(403, "Not from this site", "This chatflow answers pages of other sites only."),
    "flow_not_runnable": Kind(422, "Chatflow not runnable", "This server cannot run the chatflow."),
    "run_limit_exceeded": Kind(422, "Run too long", "The chatflow did more than one run may do here."),
    "upstream_failed": Kind(502, "Upstream failed", "A model or service behind the chatflow failed."),
    "unavailable": Kind(503, "Unavailable", "The store cannot be reached. Try again."),
    "internal_error": Kind(500, "Internal error", "Something went wrong here. The log says more."),
}


class Problem(msgspec.Struct, frozen=True):
    """One refusal or failure, ready to be sent."""

    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: tuple[tuple[str, str], ...] = ()
    extra: dict[str, Any] = {}
    text: str | None = None
    """The whole body, for people who look at a page: Flowise's widget shows it as it is."""

    @property
    def content_type(self) -> str:
        """The type of the body."""
        return CONTENT_TYPE if self.text is None else "text/plain; charset=utf-8"

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return KINDS[self.code].status

    @property
    def title(self) -> str:
        """What the code means, in a few words."""
        return KINDS[self.code].title

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI has them: lower-case names, in bytes."""
        return [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in self.headers]

    def body(self, request_id: str) -> bytes:
        """Return the JSON: RFC 9457's members, ours, and those that Flowise's clients read.

        What the caller sent is quoted in places; a token that was sent where none belongs is not.
        """
        if self.text is not None:
            return conceal(self.text).encode("utf-8", "replace")
        kind = KINDS[self.code]
        detail = conceal(self.detail)
        members: dict[str, Any] = {
            "type": f"urn:flowkeys:problem:{self.code}",
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "code": self.code,
            "requestId": request_id,
            "statusCode": kind.status,
            "success": False,
            "message": detail,
        }
        if self.errors:
            members["errors"] = [FieldError(conceal(e.field), conceal(e.message)) for e in self.errors]
        return msgspec.json.encode({**members, **self.extra})


class Refused(Exception):
    """Carries a problem out of a handler."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.code)


def problem(
    code: str, detail: str | None = None, *errors: FieldError, headers: Headers | None = None
) -> Problem:
    """Return a problem with the detail of its kind unless another is given."""
    return Problem(code, detail or KINDS[code].detail, errors, tuple(headers or ()))


def of_denial(denied: Denied) -> Problem:
    """Return the problem of a refused credential, with its challenge (RFC 6750 section 3) or its wait."""
    if denied.taken is not None or denied.text is not None:
        headers = () if denied.taken is None else tuple(refusal_headers(denied.taken))
        return Problem(
            denied.reason.value,
            denied.detail or KINDS[denied.reason.value].detail,
            headers=headers,
            text=denied.text,
        )
    if denied.reason in _WAITS:
        wait = waiting_headers(max(denied.wait_seconds, 1))
        return problem(denied.reason.value, denied.detail, headers=wait)
    return _of_denial(denied.reason, denied.detail, denied.lacking)


@lru_cache(_REMEMBERED)
def _of_denial(reason: Reason, detail: str | None, lacking: str | None) -> Problem:
    kind = KINDS[reason.value]
    detail = detail or kind.detail
    if lacking is not None:
        detail = f"This needs the permission {lacking}, which the key lacks."
    challenge = _REALM
    if kind.bearer_error:
        description = _NOT_QUOTABLE.sub("?", detail.replace('"', "'").replace("…", "..."))
        challenge += f', error="{kind.bearer_error}", error_description="{description}"'
    return Problem(reason.value, detail, headers=(("WWW-Authenticate", challenge),))


def of_error(error: FlowkeysError) -> Problem:
    """Return the problem of a service's exception."""
    match error:
        case InvalidInput():
            return _of_invalid(error)
        case NotFound():
            return problem("not_found", str(error))
        case Conflict():
            return problem(error.code, str(error))
        case AlreadySent():
            return Problem("already_sent", str(error), extra={"subjectId": error.subject_id})
        case Forbidden():
            denied = Denied(Reason.PERMISSION_MISSING, detail=str(error))
            return of_denial(denied)
        case FlowNotRunnable():
            extra = {"missingNodeKinds": list(error.missing_kinds)}
            return Problem("flow_not_runnable", str(error), extra=extra)
        case QuotaExceeded() | UpstreamFailed() | RunLimitExceeded():
            return _of_run(error)
        case TooLarge():
            return problem("too_large", str(error))
        case Unavailable():
            detail = str(error) if error.is_known else None
            return problem("unavailable", detail, headers=_retry_after(error.retry_after_seconds))
        case _:
            return problem("internal_error")


def _of_run(error: QuotaExceeded | UpstreamFailed | RunLimitExceeded) -> Problem:
    if isinstance(error, RunLimitExceeded):
        return problem("run_limit_exceeded", str(error))
    if isinstance(error, QuotaExceeded):
        return problem("quota_exceeded", str(error), headers=waiting_headers(error.wait_seconds))
    return problem("upstream_failed", str(error), headers=_retry_after(error.retry_after_seconds))


def _of_invalid(error: InvalidInput) -> Problem:
    if isinstance(error, PolicyViolated):
        extra = {"policies": list(error.policies)}
        return Problem("policy_violated", str(error), error.errors, extra=extra)
    return problem("validation_failed", str(error), *error.errors)


def _retry_after(seconds: int | None) -> Headers:
    return [] if seconds is None else [("Retry-After", str(seconds))]
