"""What a chatflow's configuration asks of its callers, in Flowise's words: a rate, and origins.

Read from the texts that are stored, ``apiConfig`` and ``chatbotConfig``.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from flowkeys.domain.limits.rate import Limits, clean_limits

NAME: Final = "address"
_MESSAGE_LENGTH: Final = 1000
_LIMITED: Final = "You have sent too many messages. Please wait a little and try again."
_ELSEWHERE: Final = "This site is not allowed to access this chatbot"
_PORTS: Final = {"http": 80, "https": 443}


class VisitorRules(msgspec.Struct, frozen=True):
    """What is asked of calls."""

    limits: Limits | None = None
    """How often each address may call."""
    limit_text: str = _LIMITED
    """What whoever calls without a key is told then."""
    origins: frozenset[str] | None = None
    """The sites whose pages may call without a key; None: all, and programs too."""
    origin_text: str = _ELSEWHERE

    def admits(self, origin: str | None) -> bool:
        """Tell whether a call without a key may come from a page of `origin`, None when it names none."""
        return self.origins is None or (origin is not None and canonical_origin(origin) in self.origins)


def canonical_origin(text: str) -> str | None:
    """Return scheme, host and port of an address as browsers write an origin (RFC 6454), or None."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in {None, _PORTS[parts.scheme]} else f":{port}")


def read_rules(api_config: str | None, chatbot_config: str | None) -> VisitorRules | None:
    """Return what the two texts ask of calls, or None when that is nothing.

    Raises:
        ValueError: naming ``apiConfig`` or ``chatbotConfig`` in front: what it asks cannot be understood.
    """
    limits, limit_text = _rate(_object("apiConfig", api_config).get("rateLimit"))
    display = _object("chatbotConfig", chatbot_config)
    origins = _origins(display.get("allowedOrigins"))
    if limits is None and origins is None:
        return None
    error = display.get("allowedOriginsError")
    text = error[:_MESSAGE_LENGTH] if isinstance(error, str) and error.strip() else _ELSEWHERE
    return VisitorRules(limits, limit_text, origins, text)


def _object(name: str, text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    found = msgspec.json.decode(text)
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no JSON object.")  # noqa: TRY004 - of a text, not of an argument
    return found


def _rate(given: Any) -> tuple[Limits | None, str]:
    if not isinstance(given, dict) or given.get("status") is not True:
        return None, _LIMITED
    most, seconds = _whole(given.get("limitMax")), _whole(given.get("limitDuration"))
    if most is None or seconds is None:
        raise ValueError(
            "apiConfig: the rate limit needs limitMax, how many calls, and limitDuration, in how many "
            "seconds: whole numbers from 1."
        )
    try:
        (rate,) = clean_limits([(most, seconds, most, NAME)])
    except ValueError as error:
        raise ValueError(f"apiConfig: {error}") from None
    message = given.get("limitMsg")
    text = message[:_MESSAGE_LENGTH] if isinstance(message, str) and message.strip() else _LIMITED
    return Limits((rate,)), text


def _whole(value: Any) -> int | None:
    """Return a number that Flowise's forms write as one or as text."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value[:12])
    return value if type(value) is int else None


def _origins(given: Any) -> frozenset[str] | None:
    if given is None or given == []:
        return None
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ValueError("chatbotConfig: allowedOrigins is a list of addresses.")
    written = [one for one in given if one.strip()]
    found = [canonical_origin(one) for one in written]
    if None in found:
        shown = written[found.index(None)][:64]
        raise ValueError(
            f"chatbotConfig: allowed origins are written as https://example.com, which {shown!r} is not."
        )
    return frozenset(one for one in found if one) or None
