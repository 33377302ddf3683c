"""What may be written of a credential, and whether it is right."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.domain.chatflows.credential import INSTANCE, KINDS, NAME_LENGTH, VALUE_LENGTH, CredentialKind
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import clean_name
from flowkeys.domain.keys.token import PATTERN

CheckUrl = Callable[[str], tuple[str, str | None]]
"""Takes a base URL and returns it in its usual spelling, and why it may not be used, if it may not."""


class CredentialPatch(msgspec.Struct, frozen=True, kw_only=True):
    """The members that a change names."""

    name: str | UnsetType = UNSET
    base_url: str | UnsetType = UNSET
    values: Mapping[str, Any] | UnsetType = UNSET
    """What it holds: all of it, by Flowise's names."""

    def __repr__(self) -> str:
        return f"CredentialPatch(name={self.name!r}, base_url={self.base_url!r}, values=…)"


def checked(patch: CredentialPatch, kind_name: str, check_url: CheckUrl) -> CredentialPatch:
    """Return the patch cleaned, for a credential of this kind.

    Raises:
        InvalidInput: naming each field that is wrong; nothing of what it holds is repeated.
    """
    errors: list[FieldError] = []
    kind = KINDS.get(kind_name)
    if kind is None:
        message = f"There is no such kind. There are: {', '.join(KINDS)}."
        raise InvalidInput.of("credentialName", message)
    if isinstance(patch.name, str):
        name = clean_name(patch.name, NAME_LENGTH)
        if name is None or PATTERN.search(name):
            message = f"Give a name of 1 to {NAME_LENGTH} characters, without control characters or a key."
            errors.append(FieldError("name", message))
        patch = msgspec.structs.replace(patch, name=name or patch.name)
    if isinstance(patch.base_url, str):
        url, why = _base_url(patch.base_url or _of_instance(patch), kind, check_url)
        if why is not None:
            errors.append(FieldError("baseUrl", why))
        patch = msgspec.structs.replace(patch, base_url=url)
    if not isinstance(patch.values, UnsetType):
        values = dict(patch.values)
        errors += _wrong_values(values, kind)
        patch = msgspec.structs.replace(patch, values=values)
    if errors:
        raise InvalidInput(*errors)
    return patch


def _of_instance(patch: CredentialPatch) -> str:
    """Return where an instance of Azure's is, which Flowise names by its name alone."""
    values = {} if isinstance(patch.values, UnsetType) else patch.values
    name = values.get(INSTANCE)
    named = isinstance(name, str) and name.isascii() and name.replace("-", "").isalnum()
    return f"https://{name}.openai.azure.com/openai/v1" if named else ""


def _base_url(text: str, kind: CredentialKind, check_url: CheckUrl) -> tuple[str, str | None]:
    text = text.strip() or kind.base_url
    if kind.anywhere:
        return "", "A credential of this kind is sent nowhere: leave it out." if text else None
    if not text:
        return "", "Say where it may be sent to: https://… It is sent nowhere else."
    if PATTERN.search(text):
        return "", "There is a key in this address; leave it out."
    return check_url(text)


def _wrong_values(values: dict[str, Any], kind: CredentialKind) -> list[FieldError]:
    errors = [
        FieldError(f"plainDataObj.{name}", "Give a text that is not empty.")
        for name in kind.secrets
        if not values.get(name)
    ]
    known = {*kind.secrets, *kind.optional}
    for name, value in values.items():
        if name not in known:
            message = f"A credential of this kind has no such member; it has: {', '.join(sorted(known))}."
            errors.append(FieldError(f"plainDataObj.{name[:64]}", message))
        elif value and not _fit(value):
            message = f"Give a text of one line, of at most {VALUE_LENGTH} characters."
            errors.append(FieldError(f"plainDataObj.{name}", message))
    return errors


def _fit(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= VALUE_LENGTH
        and all(unicodedata.category(c) not in {"Cc", "Cs"} for c in value)
    )
