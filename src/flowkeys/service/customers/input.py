"""What callers may say about a customer, checked before anything is changed."""

from typing import Any

import msgspec

from flowkeys.domain.chatflows.nesting import MAX_DEPTH, too_deep
from flowkeys.domain.customers.customer import EXTERNAL_ID_LENGTH, META_BYTES
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import clean_name, read_name
from flowkeys.domain.keys.token import PATTERN
from flowkeys.domain.limits.quota import Quota
from flowkeys.domain.limits.rate import RateLimit


class NewCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer to be made."""

    name: str
    external_id: str | None = None
    meta: dict[str, Any] | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    """How often all of its keys together may call, as `read_limits` returns it."""
    quotas: tuple[Quota, ...] = ()
    """How much all of its keys together may use in a period, as `read_quotas` returns it."""


class CustomerPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of a customer; what is not given stays. `meta` is replaced as a whole."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    external_id: str | msgspec.UnsetType | None = msgspec.UNSET
    meta: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    rate_limits: tuple[RateLimit, ...] | msgspec.UnsetType = msgspec.UNSET
    """How often all of its keys together may call, as `read_limits` returns it."""
    quotas: tuple[Quota, ...] | msgspec.UnsetType = msgspec.UNSET
    """How much all of its keys together may use in a period, as `read_quotas` returns it."""


def checked(patch: CustomerPatch) -> CustomerPatch:
    """Return the patch with name and external id trimmed; an empty external id is none.

    Raises:
        InvalidInput: naming every field that is wrong.
    """
    errors: list[FieldError] = []
    name = patch.name
    if isinstance(name, str):
        name, errors = read_name(name, "name")
    external_id = patch.external_id
    if isinstance(external_id, str) and (external_id := external_id.strip() or None) is not None:
        cleaned = clean_name(external_id, EXTERNAL_ID_LENGTH)
        if cleaned is None:
            most = EXTERNAL_ID_LENGTH
            message = f"Give at most {most} characters, no control characters and no key in it."
            errors.append(FieldError("externalId", message))
    meta = patch.meta
    if isinstance(meta, dict):
        mistake = _mistake(meta)
        if mistake is not None:
            errors.append(FieldError("meta", mistake))
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(
        patch, name=name, external_id=external_id, meta={} if meta is None else meta
    )


def _mistake(meta: dict[str, Any]) -> str | None:
    try:
        written = msgspec.json.encode(meta)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return "Give a JSON object."
    if len(written) > META_BYTES:
        return f"A customer's own data has at most {META_BYTES} bytes as JSON; this has {len(written)}."
    if too_deep(written, meta):
        return f"A customer's own data is nested at most {MAX_DEPTH} levels deep."
    if PATTERN.search(written.decode()):
        return "This has a key in it, which everyone who sees the customer could use."
    return None
