"""What may be written of a webhook, and whether it is right."""

import unicodedata
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import NOTE_LENGTH
from flowkeys.domain.keys.token import PATTERN
from flowkeys.domain.webhooks.webhook import EVENTS, URL_LENGTH
from flowkeys.service.ports.webhooks import Sender

GRACE_SECONDS: Final = 24 * 3600
"""How long a replaced secret goes on signing, unless another time is asked for."""
LONGEST_GRACE_SECONDS: Final = 30 * 24 * 3600


class WebhookPatch(msgspec.Struct, frozen=True, kw_only=True):
    """The members that a change names."""

    url: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    note: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


def checked(patch: WebhookPatch, sender: Sender) -> WebhookPatch:
    """Return the patch cleaned.

    Raises:
        InvalidInput: naming each field that is wrong.
    """
    errors = []
    if not isinstance(patch.url, UnsetType):
        patch = msgspec.structs.replace(patch, url=patch.url.strip())
        if why := _wrong_url(str(patch.url), sender):
            errors.append(FieldError("url", why))
    if not isinstance(patch.events, UnsetType):
        if why := _wrong_events(patch.events):
            errors.append(FieldError("events", why))
        patch = msgspec.structs.replace(patch, events=in_order(patch.events))
    if isinstance(patch.note, str):
        patch = msgspec.structs.replace(patch, note=patch.note.strip() or None)
        if patch.note is not None and not _fit(str(patch.note)):
            message = f"A note has at most {NOTE_LENGTH} characters, no control characters and no key in it."
            errors.append(FieldError("note", message))
    if errors:
        raise InvalidInput(*errors)
    return patch


def in_order(events: Iterable[str]) -> tuple[str, ...]:
    """Return events each once, as they are listed."""
    wanted = set(events)
    return tuple(one for one in EVENTS if one in wanted)


def checked_grace(seconds: int) -> int:
    """Return how long a replaced secret goes on signing, in seconds.

    Raises:
        InvalidInput: it is negative or too long.
    """
    if not 0 <= seconds <= LONGEST_GRACE_SECONDS:
        raise InvalidInput.of(
            "graceSeconds", f"From 0 (at once) to {LONGEST_GRACE_SECONDS} seconds, which is 30 days."
        )
    return seconds


def _wrong_url(url: str, sender: Sender) -> str | None:
    if not url:
        return "Say where to send to: https://…"
    if len(url) > URL_LENGTH:
        return f"At most {URL_LENGTH} characters."
    if PATTERN.search(url):
        return "There is a key in this address. Addresses are shown to whoever sees webhooks; leave it out."
    return sender.refusal(url)


def _wrong_events(events: tuple[str, ...]) -> str | None:
    unknown = sorted(set(events) - set(EVENTS))
    known = ", ".join(EVENTS)
    if unknown:
        return f"There is no event {unknown[0][:64]!r}. There are: {known}."
    return None if events else f"Name at least one of: {known}."


def _fit(note: str) -> bool:
    clean = all(c in "\n\t\r" or unicodedata.category(c) not in {"Cc", "Cs"} for c in note)
    return clean and len(note) <= NOTE_LENGTH and not PATTERN.search(note)
