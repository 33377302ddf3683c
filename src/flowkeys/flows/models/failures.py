"""Why a model did not answer: in a sentence for the caller, and in the server's words for the log."""

import html
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

REASON_CHARACTERS: Final = 500
MOST_SECONDS: Final = 86_400
"""The longest wait that is handed on."""

_HINTS: Final = {
    401: " It did not accept the credential.",
    403: " It did not accept the credential.",
    404: " The model or the base URL is not known to it.",
    413: " What it was asked is too long for it.",
    429: " It limits calls at present.",
    503: " It is overloaded or down.",
    529: " It is overloaded or down.",
}
_PASSING: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""After such an answer the call is made again, as OpenAI's own clients do."""
_CODES: Final = {
    "context_length_exceeded": " The conversation is too long for the model.",
    "insufficient_quota": " The quota of the server's credential is used up.",
    "model_not_found": " The model is not known to it.",
    "content_filter": " Its content filter refused the question.",
}
_SECONDS: Final = re.compile(r"\+?([0-9]{1,30}(?:\.[0-9]{0,30})?)(?: ?s| ?sec(?:ond)?s?)?", re.IGNORECASE)
_SECRET: Final = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[^\s'\",}]+|\b(?:(?:sk|pk|rk|gsk|csk|xai|hf|ghp|nvapi|pplx)[-_]|AIza)[\w*•.-]{6,}"
)
_GRAM: Final = 6
"""As many characters of the key that was sent, one after the other, are a part of it, and no chance."""
_TAG: Final = re.compile(
    r"<(?:style|script)\b.*?(?:</(?:style|script)>|\Z)|<[^<>]{0,500}>", re.IGNORECASE | re.DOTALL
)


class ModelError(Exception):
    """There is no answer. The message is the end of a sentence for the caller."""

    def __init__(
        self,
        what: str,
        *,
        reason: str | None = None,
        retry_after_seconds: int | None = None,
        may_pass: bool = False,
    ) -> None:
        self.may_pass = may_pass
        """The same call may succeed in a moment, and was not worked on."""
        self.reason = reason
        """What the server said, or the connection: for the log alone."""
        self.retry_after_seconds = retry_after_seconds
        super().__init__(what)


def refused(
    status: int, code: str, headers: Mapping[str, str], reason: str, wait: str | None = None
) -> ModelError:
    """Return the failure of a call that was answered with another status than 200.

    `wait` is what its body says where the headers lack ``Retry-After``.
    """
    if wait and not headers.get("Retry-After"):
        headers = {"Retry-After": wait}
    hint = _CODES.get(code) or _HINTS.get(status, "")
    if 300 <= status < 400:  # noqa: PLR2004  # the class of redirects
        hint = " Redirects are not followed."
    seconds = read_retry_after(headers) if status == 429 or status >= 500 else None  # noqa: PLR2004
    if seconds is not None:
        hint += f" Try again in {seconds} second{'' if seconds == 1 else 's'}."
    return ModelError(
        f"the model's endpoint answered {status}.{hint}",
        reason=reason or None,
        retry_after_seconds=seconds,
        may_pass=status in _PASSING and code not in _CODES,
    )


def silent(finish_reason: str | None, *, called_tools: bool, thought: bool) -> ModelError:
    """Return the failure of an answer in which there is no text."""
    finish = f" (finish_reason: {finish_reason})" if finish_reason is not None else ""
    why = "; it only called tools" if called_tools else "; it only reasoned" if thought else ""
    return ModelError(f"the model answered without any text{finish}{why}.")


def in_stream(code: str, reason: str) -> ModelError:
    """Return the failure that a server reports inside an answer that had begun with the status 200."""
    return ModelError(
        f"the model's endpoint reported an error inside its answer.{_CODES.get(code, '')}", reason=reason
    )


def read_retry_after(headers: Mapping[str, str]) -> int | None:
    """Return the whole seconds that ``Retry-After`` asks to wait (RFC 9110 section 10.2.3), 1 to a day.

    A date is compared with the answer's own ``Date``, so that two clocks need not agree. Azure and
    OpenAI send ``retry-after-ms`` beside it, or instead; some servers write the unit, or dates of ISO 8601.
    """
    value = headers.get("Retry-After", "").strip()
    milliseconds = headers.get("retry-after-ms", "").strip()
    if not value and not _SECONDS.fullmatch(milliseconds):
        return None
    if not value:
        seconds = float(milliseconds) / 1000
    elif (found := _SECONDS.fullmatch(value)) is not None:
        seconds = float(found[1])
    else:
        until = _moment(value)
        if until is None:
            return None
        now = _moment(headers.get("Date", "")) or datetime.now(UTC)
        seconds = (until - now).total_seconds()
    return min(MOST_SECONDS, max(1, math.ceil(seconds)))


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def loggable(text: str, key: str | None) -> str:
    """Return what a server said in one short line, without the key that it was sent, or parts of it.

    Servers quote keys: whole, cut off, with stars in the middle, in capitals.
    """
    if "<" in text:
        text = html.unescape(_TAG.sub(" ", text[: 20 * REASON_CHARACTERS]))
    text = text[: 4 * REASON_CHARACTERS]
    if key:
        for form in (key, quote(key, safe="")):
            text = _without(text, form)
    text = _SECRET.sub("…", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= REASON_CHARACTERS else f"{text[: REASON_CHARACTERS - 1]}…"


def _without(text: str, key: str) -> str:
    low, secret = text.lower(), key.lower()
    if len(low) != len(text):  # a few letters change their number: then nothing lines up
        low = text
    size = min(_GRAM, len(secret))
    grams = {secret[start : start + size] for start in range(len(secret) - size + 1)}
    hidden = bytearray(len(text))
    for start in range(len(text) - size + 1):
        if low[start : start + size] in grams:
            hidden[start : start + size] = b"\x01" * size
    shown = "".join("\0" if hide else c for c, hide in zip(text, hidden, strict=True))
    return re.sub("\0+", "…", shown)
