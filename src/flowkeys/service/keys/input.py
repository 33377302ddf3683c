"""What callers may say about a key, checked before anything is changed."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from flowkeys.domain import permissions as known_permissions
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import NOTE_LENGTH, read_name
from flowkeys.domain.keys.networks import MAX_NETWORKS, KnownClient, clean_networks, is_address
from flowkeys.domain.keys.token import PATTERN
from flowkeys.domain.limits.quota import Quota
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.permissions import PermissionSet
from flowkeys.domain.times import MAXIMUM, end_from_iso, lacks_zone, parse_duration

MAX_CHATFLOWS: Final = 1000
"""Chatflows that one request may name."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be made. With a name alone it opens nothing."""

    name: str
    permissions: PermissionSet = frozenset()
    chatflow_ids: tuple[str, ...] = ()
    expires_at: int | None = None
    note: str | None = None
    allowed_ips: tuple[str, ...] = ()
    """Addresses and networks that it may be used from; none: from anywhere."""
    customer_id: str | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    """How often it may call, as `read_limits` returns it."""
    quotas: tuple[Quota, ...] = ()
    """How much it may use in a period, as `read_quotas` returns it."""

    def as_patch(self) -> "KeyPatch":
        """Return it as a change of all that it says, to be checked."""
        return KeyPatch(
            name=self.name,
            permissions=self.permissions,
            chatflow_ids=self.chatflow_ids,
            expires_at=self.expires_at if self.expires_at is not None else msgspec.UNSET,
            note=self.note,
            allowed_ips=self.allowed_ips,
        )


class KeyPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of a key; what is not given stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    permissions: PermissionSet | msgspec.UnsetType = msgspec.UNSET
    chatflow_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    expires_at: int | msgspec.UnsetType | None = msgspec.UNSET
    note: str | msgspec.UnsetType | None = msgspec.UNSET
    allowed_ips: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    customer_id: str | msgspec.UnsetType | None = msgspec.UNSET
    rate_limits: tuple[RateLimit, ...] | msgspec.UnsetType = msgspec.UNSET
    """How often it may call, as `read_limits` returns it."""
    quotas: tuple[Quota, ...] | msgspec.UnsetType = msgspec.UNSET
    """How much it may use in a period, as `read_quotas` returns it."""
    binding_limits: Mapping[str, tuple[RateLimit, ...]] | msgspec.UnsetType = msgspec.UNSET
    """How often it may call chatflows, by their ids; what is not named stays."""


def checked(patch: KeyPatch, now: int) -> KeyPatch:
    """Return the patch with its name trimmed and its networks in the form in which they are stored.

    Raises:
        InvalidInput: naming every field that is wrong.
    """
    errors: list[FieldError] = []
    name = patch.name
    if isinstance(name, str):
        name, errors = read_name(name, "keyName")
    if isinstance(patch.permissions, frozenset):
        errors += _permission_errors(patch.permissions)
    if isinstance(patch.chatflow_ids, tuple) and len(patch.chatflow_ids) > MAX_CHATFLOWS:
        errors.append(FieldError("chatflowIds", f"Name at most {MAX_CHATFLOWS} chatflows."))
    if isinstance(patch.expires_at, int) and not now < patch.expires_at <= MAXIMUM:
        errors.append(FieldError("expiresAt", "Give a time in the future, before the year 9999."))
    if isinstance(patch.note, str) and not _fit(patch.note):
        message = f"A note has at most {NOTE_LENGTH} characters, no control characters and no key in it."
        errors.append(FieldError("note", message))
    allowed_ips = patch.allowed_ips
    try:
        allowed_ips = read_networks(allowed_ips) if isinstance(allowed_ips, tuple) else allowed_ips
    except InvalidInput as refused:
        errors += refused.errors
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(patch, name=name, allowed_ips=allowed_ips)


def read_within(text: str, now: int) -> int:
    """Return the time that lies a duration ahead.

    Raises:
        InvalidInput: naming ``expiresWithin``.
    """
    duration = parse_duration(text)
    if duration is None:
        raise InvalidInput.of("expiresWithin", 'Give a duration such as "14d", "12h" or "2w".')
    return now + duration


def client_of(address: str) -> KnownClient:
    """Return the client that is asked about.

    Raises:
        InvalidInput: naming ``address``: it is none.
    """
    if not is_address(address):
        raise InvalidInput.of(
            "address", "Give an address such as 203.0.113.7 or 2001:db8::1, or leave it out."
        )
    return KnownClient(address)


def read_networks(texts: Sequence[str]) -> tuple[str, ...]:
    """Return addresses and networks as they are stored: canonical, each once.

    Raises:
        InvalidInput: naming ``allowedIps``: one is no network, or there are too many.
    """
    if len(texts) > MAX_NETWORKS:
        raise InvalidInput.of("allowedIps", f"Give at most {MAX_NETWORKS} addresses and networks.")
    try:
        return clean_networks(texts)
    except ValueError as error:
        raise InvalidInput.of("allowedIps", str(error)) from None


def read_expiry(expires_at: str | None, expires_in: str | None, now: int) -> int | None:
    """Return the time that a key is to end at, given as a date, a time or a duration from `now`.

    Raises:
        InvalidInput: naming ``expiresAt`` or ``expiresIn``.
    """
    if expires_in is not None:
        duration = parse_duration(expires_in)
        if duration is None:
            raise InvalidInput.of("expiresIn", 'Give a duration such as "90d", "12h" or "30m".')
        return (now + duration) // 1000 * 1000
    if expires_at is None:
        return None
    moment = end_from_iso(expires_at)
    if moment is None and lacks_zone(expires_at):
        message = 'A time needs its zone, "Z" for UTC or an offset: for example "2027-01-31T09:00:00+01:00".'
        raise InvalidInput.of("expiresAt", message)
    if moment is None:
        message = (
            'Give a date such as "2027-01-31", whose end is meant (UTC), or a time with its zone such as '
        )
        raise InvalidInput.of("expiresAt", f'{message}"2027-01-31T09:00:00Z".')
    return moment


def _fit(note: str) -> bool:
    allowed = {"\n", "\t", "\r"}
    clean = all(c in allowed or unicodedata.category(c) not in {"Cc", "Cs"} for c in note)
    return clean and len(note) <= NOTE_LENGTH and not PATTERN.search(note)


def _permission_errors(names: Iterable[str]) -> list[FieldError]:
    unknown = known_permissions.unknown(names)
    if not unknown:
        return []
    return [FieldError("permissions", f"There is no permission named {', '.join(map(repr, unknown[:5]))}.")]
