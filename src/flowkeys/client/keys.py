"""Calls about keys."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, id_of, path, query
from flowkeys.client.limits import QuotaList, RateLimits, wire_limits, wire_quotas
from flowkeys.client.models import BulkResult, Explanation, Key, NewKey, Page, Verification


class _Affected(msgspec.Struct):
    affected: int


class _Results(msgspec.Struct):
    results: list[Verification]


_KEY: Final = as_type(Key)
_NEW_KEY: Final = as_type(NewKey)
_KEYS: Final = as_listing(list[Key])
_PAGE: Final = as_type(Page[Key])
_VERIFICATION: Final = as_type(Verification)
_EXPLANATION: Final = as_type(Explanation)
_BULK: Final = as_type(BulkResult)
_AFFECTED: Final = as_type(_Affected)
_RESULTS: Final = as_type(_Results)


def create(
    key_name: str,
    *,
    chatflow_ids: Iterable[Ref] | UnsetType = UNSET,
    permissions: Iterable[str] | UnsetType = UNSET,
    expires_at: date | UnsetType | None = UNSET,
    expires_in: timedelta | str | UnsetType = UNSET,
    note: str | UnsetType | None = UNSET,
    allowed_ips: Iterable[str] | UnsetType | None = UNSET,
    customer_id: Ref | UnsetType | None = UNSET,
    rate_limits: RateLimits | UnsetType | None = UNSET,
    quotas: QuotaList | UnsetType | None = UNSET,
) -> Call[NewKey]:
    """Create a key. Its `token` is in the result and can never be read again.

    `allowed_ips` are the addresses and networks (CIDR) that calls may come from; none: from anywhere.
    `customer_id` is the customer that it belongs to, or its id.
    `rate_limits` say how often it may call: ``["10/second", "1000/day"]``; `quotas` how much it may use:
    ``["1000/month", "50000 tokens/30d"]``.
    """
    body = _body(key_name, chatflow_ids, permissions, expires_at, expires_in, note, allowed_ips)
    body |= _of_customer(customer_id) | _limited(rate_limits, quotas)
    return Call(method="POST", path=path("apikey"), body=body, decode=_NEW_KEY, repeatable=False)


def every(
    *,
    search: str | None = None,
    status: str | None = None,
    chatflow_id: Ref | None = None,
    created_by: Ref | None = None,
    customer_id: Ref | None = None,
    expires_within: timedelta | str | None = None,
) -> Call[Listing[Key]]:
    """Iterate over all keys that match, newest first; revoked ones only with `status` revoked or all.

    `created_by` is the person or key that made them, or its id. `expires_within`, such as ``14d``, leaves
    those that live and end so soon.
    """
    params = _filter(search, status, chatflow_id, created_by, customer_id, expires_within)
    return Call(method="GET", path=path("apikey"), params=params, decode=_KEYS)


def page(
    *,
    search: str | None = None,
    status: str | None = None,
    chatflow_id: Ref | None = None,
    created_by: Ref | None = None,
    customer_id: Ref | None = None,
    expires_within: timedelta | str | None = None,
    sort: str | None = None,
    page: int = 1,
    limit: int = 20,
) -> Call[Page[Key]]:
    """Return one page of the keys that match, and how many match in all.

    `sort` is a member's name, ``-`` before it for descending: ``-createdAt`` unless given.
    """
    params = _filter(search, status, chatflow_id, created_by, customer_id, expires_within) | query(
        sort=sort, page=page, limit=limit
    )
    return Call(method="GET", path=path("apikey"), params=params, decode=_PAGE)


def get(key: Ref) -> Call[Key]:
    """Return one key."""
    return Call(method="GET", path=path("apikey", key), decode=_KEY)


def update(
    key: Ref,
    *,
    key_name: str | UnsetType = UNSET,
    chatflow_ids: Iterable[Ref] | UnsetType = UNSET,
    permissions: Iterable[str] | UnsetType = UNSET,
    expires_at: date | UnsetType | None = UNSET,
    expires_in: timedelta | str | UnsetType = UNSET,
    note: str | UnsetType | None = UNSET,
    allowed_ips: Iterable[str] | UnsetType | None = UNSET,
    customer_id: Ref | UnsetType | None = UNSET,
    rate_limits: RateLimits | UnsetType | None = UNSET,
    quotas: QuotaList | UnsetType | None = UNSET,
) -> Call[Key]:
    """Change what is given and leave the rest.

    ``expires_at=None`` removes the expiry, ``allowed_ips=None`` lets calls come from anywhere, and
    ``customer_id=None`` takes the key away from its customer.
    ``rate_limits=None`` and ``quotas=None`` take all of its own away.
    """
    body = _body(key_name, chatflow_ids, permissions, expires_at, expires_in, note, allowed_ips)
    body |= _of_customer(customer_id) | _limited(rate_limits, quotas)
    return Call(method="PUT", path=path("apikey", key), body=body, decode=_KEY)


def disable(key: Ref) -> Call[Key]:
    """Refuse the key until it is enabled again."""
    return Call(method="POST", path=path("apikey", key, "disable"), decode=_KEY)


def enable(key: Ref) -> Call[Key]:
    """Accept a disabled key again."""
    return Call(method="POST", path=path("apikey", key, "enable"), decode=_KEY)


def revoke(key: Ref) -> Call[bool]:
    """Refuse the key for ever. False means that it was revoked already, be it by an attempt of this call."""
    return Call(
        method="DELETE", path=path("apikey", key), decode=lambda response: _AFFECTED(response).affected > 0
    )


def disable_many(keys: Iterable[Ref]) -> Call[BulkResult]:
    """Refuse up to 1,000 keys until they are enabled again: all of them, or none."""
    return _bulk("disable", keys)


def enable_many(keys: Iterable[Ref]) -> Call[BulkResult]:
    """Accept up to 1,000 disabled keys again: all of them, or none."""
    return _bulk("enable", keys)


def revoke_many(keys: Iterable[Ref]) -> Call[BulkResult]:
    """Refuse up to 1,000 keys for ever: all of them, or none."""
    return _bulk("revoke", keys)


def set_chatflows(key: Ref, chatflow_ids: Iterable[Ref] | Mapping[str, RateLimits | None]) -> Call[Key]:
    """Let the key open exactly these chatflows.

    Limits of the key on them stay as they are; a mapping from ids to limits sets them, None being none.
    """
    body: object = (
        [{"id": id_of(ref), "rateLimits": wire_limits(limits)} for ref, limits in chatflow_ids.items()]
        if isinstance(chatflow_ids, Mapping)
        else {"chatflowIds": [id_of(chatflow) for chatflow in chatflow_ids]}
    )
    return Call(method="PUT", path=path("apikey", key, "chatflows"), body=body, decode=_KEY)


def verify(
    token: str | UnsetType | None = UNSET,
    *,
    chatflow_id: Ref | None = None,
    permission: str | None = None,
    address: str | None = None,
    count: bool = False,
) -> Call[Verification]:
    """Tell whether a token is good, for a chatflow, a permission or an address if one is named.

    `address` is where the call comes from that is asked about: without it a token is refused that is bound
    to networks. With `count` what is allowed is a call, which counts against the limits of the key; the
    answer says in `limits_left` what is left of them.

    Without `token` the client asks about its own key; then a refusal is raised, not returned. None and ""
    are nobody's tokens, and refused: what a visitor did not send is never taken for the client's own key.
    """
    body = _question(chatflow_id, permission, address, count=count)
    if not isinstance(token, UnsetType):
        body |= {"token": str(token or "")}
    return Call(method="POST", path=path("apikey", "verify"), body=body, decode=_VERIFICATION)


def verify_many(
    tokens: Iterable[str],
    *,
    chatflow_id: Ref | None = None,
    permission: str | None = None,
    address: str | None = None,
    count: bool = False,
) -> Call[list[Verification]]:
    """Tell of up to 100 tokens whether they are good, in the order given."""
    body = _question(chatflow_id, permission, address, count=count) | {
        "tokens": [str(token) for token in tokens]
    }
    return Call(
        method="POST",
        path=path("apikey", "verify"),
        body=body,
        decode=lambda response: _RESULTS(response).results,
    )


def explain(
    token: str,
    *,
    chatflow_id: Ref | None = None,
    permission: str | None = None,
    address: str | None = None,
) -> Call[Explanation]:
    """Tell step by step why a token is good or refused. It does not count as use."""
    body = _question(chatflow_id, permission, address) | {"token": str(token or "")}
    return Call(method="POST", path=path("apikey", "explain"), body=body, decode=_EXPLANATION)


def _body(
    key_name: str | UnsetType,
    chatflow_ids: Iterable[Ref] | UnsetType,
    permissions: Iterable[str] | UnsetType,
    expires_at: date | UnsetType | None,
    expires_in: timedelta | str | UnsetType,
    note: str | UnsetType | None,
    allowed_ips: Iterable[str] | UnsetType | None,
) -> dict[str, object]:
    return given(
        keyName=key_name,
        chatflowIds=UNSET if isinstance(chatflow_ids, UnsetType) else [id_of(c) for c in chatflow_ids],
        permissions=UNSET if isinstance(permissions, UnsetType) else list(permissions),
        expiresAt=expires_at,
        expiresIn=_seconds(expires_in) if isinstance(expires_in, timedelta) else expires_in,
        note=note,
        allowedIps=allowed_ips if isinstance(allowed_ips, UnsetType) else list(allowed_ips or ()),
    )


def _bulk(action: str, keys: Iterable[Ref]) -> Call[BulkResult]:
    body = {"ids": [id_of(key) for key in keys]}
    return Call(method="POST", path=path("apikey", "bulk", action), body=body, decode=_BULK)


def _seconds(duration: timedelta) -> str:
    return f"{int(duration.total_seconds())}s"


def _of_customer(customer_id: Ref | UnsetType | None) -> dict[str, object]:
    if customer_id is None or isinstance(customer_id, UnsetType):
        return given(customerId=customer_id)
    return given(customerId=id_of(customer_id))


def _filter(
    search: str | None,
    status: str | None,
    chatflow_id: Ref | None,
    created_by: Ref | None,
    customer_id: Ref | None,
    expires_within: timedelta | str | None,
) -> dict[str, str]:
    of = {"chatflowId": chatflow_id, "createdBy": created_by, "customerId": customer_id}
    ids = {name: None if ref is None else id_of(ref) for name, ref in of.items()}
    within = _seconds(expires_within) if isinstance(expires_within, timedelta) else expires_within
    return query(search=search, status=status, expiresWithin=within, **ids)


def _question(
    chatflow_id: Ref | None, permission: str | None, address: str | None, *, count: bool = False
) -> dict[str, object]:
    return given(
        chatflowId=UNSET if chatflow_id is None else id_of(chatflow_id),
        permission=UNSET if permission is None else permission,
        address=UNSET if address is None else address,
        count=True if count else UNSET,
    )


def _limited(
    limits: RateLimits | UnsetType | None, quotas: QuotaList | UnsetType | None
) -> dict[str, object]:
    return given(rateLimits=wire_limits(limits), quotas=wire_quotas(quotas))
