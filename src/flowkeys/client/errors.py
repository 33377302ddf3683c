"""What the SDK raises. Every one carries what the server said, and none ever holds the key.

FlowkeysApiError
├── ConnectionFailed         no answer: not reached, timed out, or broken off half-way
├── UnexpectedAnswer         an answer that is not flowkeys' own: a redirect, a login page, a wrong address
├── InvalidRequestError      400, 413, 422 and other 4xx; `errors` names the fields
├── AuthenticationError      401
├── PermissionDenied         403
├── NotFoundError            404
├── RateLimited              429; `retry_after` says when
└── ServerError              500 and other 5xx
    ├── Unavailable          503, 504: an outage, try again
    └── UpstreamError        502: the model or service behind a flow failed
        └── StreamFailed     the same after a stream had begun: its `error` event

Before any call: ClientConfigurationError, which is a ConfigurationError as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

from flowkeys.domain.errors import ConfigurationError, FieldError, FlowkeysError
from flowkeys.domain.keys.token import PATTERN


class FlowkeysApiError(FlowkeysError):
    """A call that did not succeed. `code` is the contract's name for the reason, made for programs."""

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail
        self.code = code
        self.status = status
        self.errors = tuple(errors)
        self.request_id = request_id
        """Also in the server's log."""
        self.retry_after = retry_after
        """Seconds until it is worth trying again, when the server said so."""
        self.proxy: str | None = None
        """The variable by which the call went through a proxy, where that may be why it failed."""
        super().__init__(self._message())

    def _message(self) -> str:
        label = " ".join(str(part) for part in (self.status, self.code) if part is not None)
        fields = "; ".join(f"{e.field}: {e.message}" for e in self.errors)
        text = f"{label}: {self.detail}" if label else self.detail
        if fields and fields not in text:
            text = f"{text} ({fields})"
        return f"{text} [request {self.request_id}]" if self.request_id else text


class ClientConfigurationError(ConfigurationError, FlowkeysApiError):
    """An argument or a variable cannot be right; the message names it. Nothing was sent."""


class ConnectionFailed(FlowkeysApiError):
    """There was no answer, or only a part of one. The detail says whether the call may have taken effect."""


class UnexpectedAnswer(FlowkeysApiError):
    """The answer does not follow flowkeys' contract. Often the address is not that of a flowkeys server."""


class InvalidRequestError(FlowkeysApiError):
    """The server refused the request as it was written; nothing was changed."""


class AuthenticationError(FlowkeysApiError):
    """No key, or one that is unknown, expired, disabled or revoked: `code` says which."""


class PermissionDenied(FlowkeysApiError):
    """The key is good, but not for this chatflow, permission or network."""


class NotFoundError(FlowkeysApiError):
    """There is no such thing in the key's workspace."""


class RateLimited(FlowkeysApiError):
    """The key's rate limit or quota is used up."""


class ServerError(FlowkeysApiError):
    """The server failed; `request_id` finds the cause in its log."""


class Unavailable(ServerError):
    """An outage, never a denial: the same call may succeed later."""


class UpstreamError(ServerError):
    """The model or service behind a node of the flow failed."""


class StreamFailed(UpstreamError):
    """The flow failed after its stream had begun."""


_BY_STATUS: Final[Mapping[int, type[FlowkeysApiError]]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFoundError,
    429: RateLimited,
    502: UpstreamError,
    503: Unavailable,
    504: Unavailable,
}
_BAD_REQUEST: Final = 400
_SERVER_ERROR: Final = 500


class _Problem(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of an ``application/problem+json`` body (RFC 9457)."""

    code: str | None = None
    detail: str | None = None
    title: str | None = None
    message: str | None = None
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None


def from_answer(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secrets: Iterable[str] = (),
    note: str = "",
) -> FlowkeysApiError:
    """Return the error for an answer that is not a success. `secrets` are kept out of every text of it.

    `note` is said too when the answer is not flowkeys' own.
    """
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.MsgspecError:  # a proxy's page, which says nothing that a program could use
        problem = _Problem()
    detail = problem.detail or problem.message or problem.title or _phrase(status)
    if problem.code is None:
        detail += note
    return _class_for(status)(
        scrub(detail, secrets),
        code=problem.code,
        status=status,
        errors=[FieldError(e.field, scrub(e.message, secrets)) for e in problem.errors],
        request_id=problem.request_id or headers.get("x-request-id"),
        retry_after=read_retry_after(headers.get("retry-after")),
    )


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without anything that looks like a token, and without `secrets`."""
    for secret in secrets:
        text = text.replace(secret, "(key)")
    return PATTERN.sub("fl-…", text)


def read_retry_after(value: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, given as seconds or as a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _class_for(status: int) -> type[FlowkeysApiError]:
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status < _BAD_REQUEST:
        return UnexpectedAnswer
    return InvalidRequestError if status < _SERVER_ERROR else ServerError


def _phrase(status: int) -> str:
    try:
        return f"The server answered {HTTPStatus(status).phrase}."
    except ValueError:
        return "The server answered with an unknown status."
