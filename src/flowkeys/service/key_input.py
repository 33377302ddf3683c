"""What callers may say about a key, checked before anything is changed."""

from collections.abc import Iterable
from typing import Final

import msgspec

from flowkeys.domain import permissions as known_permissions
from flowkeys.domain.api_key import NAME_LENGTH, NOTE_LENGTH, clean_name
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.permissions import PermissionSet
from flowkeys.domain.times import MAXIMUM

MAX_CHATFLOWS: Final = 1000
"""Chatflows that one request may name."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be made. With a name alone it opens nothing."""

    name: str
    permissions: PermissionSet = frozenset()
    chatflow_ids: tuple[str, ...] = ()
    expires_at: int | None = None
    note: str | None = None


class KeyPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of a key; what is not given stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    permissions: PermissionSet | msgspec.UnsetType = msgspec.UNSET
    chatflow_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    expires_at: int | msgspec.UnsetType | None = msgspec.UNSET
    note: str | msgspec.UnsetType | None = msgspec.UNSET


def checked(patch: KeyPatch, now: int) -> KeyPatch:
    """Return the patch with its name trimmed.

    Raises:
        InvalidInput: naming every field that is wrong.
    """
    errors: list[FieldError] = []
    name = patch.name
    if isinstance(name, str):
        cleaned = clean_name(name)
        if cleaned is None:
            message = f"Give a name of 1 to {NAME_LENGTH} characters, without control characters."
            errors.append(FieldError("keyName", message))
        name = cleaned or name
    if isinstance(patch.permissions, frozenset):
        errors += _permission_errors(patch.permissions)
    if isinstance(patch.chatflow_ids, tuple) and len(patch.chatflow_ids) > MAX_CHATFLOWS:
        errors.append(FieldError("chatflowIds", f"Name at most {MAX_CHATFLOWS} chatflows."))
    if isinstance(patch.expires_at, int) and not now < patch.expires_at <= MAXIMUM:
        errors.append(FieldError("expiresAt", "Give a time in the future, before the year 9999."))
    if isinstance(patch.note, str) and (len(patch.note) > NOTE_LENGTH or "\0" in patch.note):
        errors.append(FieldError("note", f"A note has at most {NOTE_LENGTH} characters, and no NUL."))
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(patch, name=name)


def _permission_errors(names: Iterable[str]) -> list[FieldError]:
    unknown = known_permissions.unknown(names)
    if not unknown:
        return []
    return [FieldError("permissions", f"There is no permission named {', '.join(map(repr, unknown[:5]))}.")]
