"""``/apikey``: the life of a key."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query, Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.listing import KeyQuery, KeySort
from flowkeys.domain.times import SECOND, from_iso
from flowkeys.service.keys.input import KeyPatch, NewKey, read_expiry, read_within
from flowkeys.service.limits import read_limits, read_quotas
from flowkeys.web import render
from flowkeys.web.api import key_rotations
from flowkeys.web.api.lists import Before, PageLimit, PageNumber, SearchText, Slice, list_response
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.keys import (
    AffectedOut,
    KeyChatflow,
    KeyChatflows,
    KeyCreate,
    KeyFields,
    KeyOut,
    KeyPageOut,
    KeyUpdate,
    MadeKeyOut,
)
from flowkeys.web.schemas.limits import quotas_of
from flowkeys.web.services import Call

router = GuardedRouter(tags=["API keys"])

_WRITABLE = frozenset(KeyFields.model_fields)
_BODY = ("validation_failed", "policy_violated", "invalid_json", "too_large")
_SORTS = tuple(f"{sign}{name}" for name in KeySort.__args__ for sign in ("", "-"))  # type: ignore[attr-defined]


@router.on("POST", "/apikey", needs="apikeys:create", answers=MadeKeyOut, status=201, errors=_BODY)
async def create_key(body: KeyCreate, call: Call) -> Response:
    """Make a key. The answer holds its token, which is shown this once."""
    now = call.services.clock()
    if body.expires_in is not None and body.expires_at is not None:
        raise InvalidInput.of("expiresIn", "Send expiresAt or expiresIn, not both.")
    fields = _fields(body, now)
    made = await call.services.keyring.create(
        call.caller,
        NewKey(
            name=body.key_name,
            permissions=fields.get("permissions", frozenset()),
            chatflow_ids=fields.get("chatflow_ids", ()),
            expires_at=fields.get("expires_at"),
            note=fields.get("note"),
            allowed_ips=fields.get("allowed_ips", ()),
            customer_id=fields.get("customer_id"),
            rate_limits=fields.get("rate_limits", ()),
            quotas=fields.get("quotas", ()),
        ),
    )
    location = {"Location": f"/api/v1/apikey/{made.key.id}"}
    return json_response(render.made_key(made, now), 201, location)


@router.on(
    "GET", "/apikey", needs="apikeys:view", answers=list[KeyOut] | KeyPageOut, errors=("validation_failed",)
)
async def list_keys(
    call: Call,
    search: SearchText = "",
    status: Annotated[
        Literal["active", "disabled", "expired", "revoked", "all"] | None,
        Query(description="Without it, every key but the revoked ones."),
    ] = None,
    chatflow_id: Annotated[str | None, Query(alias="chatflowId", max_length=64)] = None,
    created_by: Annotated[
        str | None,
        Query(alias="createdBy", max_length=64, description="The id of the person or key that made them."),
    ] = None,
    customer_id: Annotated[str | None, Query(alias="customerId", max_length=64)] = None,
    expires_within: Annotated[
        str | None,
        Query(
            alias="expiresWithin", max_length=32, description="Those that live and end so soon: `14d`, `12h`."
        ),
    ] = None,
    sort: Annotated[Literal[_SORTS], Query(description="`-` is descending.")] = "-createdAt",  # type: ignore[valid-type]
    page: PageNumber = None,
    limit: PageLimit = None,
    before: Before = None,
) -> Response:
    """List keys, masked: an array, or with `page` one page and the number of all that match."""
    part = Slice.of(page, limit)
    ahead = None if expires_within is None else read_within(expires_within, call.services.clock())
    query = KeyQuery(
        workspace_id=call.caller.workspace_id,
        search=search,
        status="all" if status == "all" else Status(status) if status else None,
        chatflow_id=chatflow_id,
        created_by_id=created_by,
        customer_id=customer_id,
        expires_by=ahead,
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        limit=part.limit,
        offset=part.offset,
        before=before,
    )
    found = await call.services.keyring.page(call.caller, query)
    now = call.services.clock()
    items = [render.key(item, now) for item in found.items]
    return list_response(call, part, items, found.total, linked=sort == "-createdAt")


@router.on("GET", "/apikey/{key_id}", needs="apikeys:view", answers=KeyOut, errors=("not_found",))
async def get_key(key_id: str, call: Call) -> Response:
    """Return a key, masked."""
    key = await call.services.keyring.get(call.caller, key_id)
    return json_response(render.key(key, call.services.clock()))


@router.on("PUT", "/apikey/{key_id}", needs="apikeys:update", answers=KeyOut, errors=("not_found", *_BODY))
async def update_key(key_id: str, body: KeyUpdate, call: Call) -> Response:
    """Change what is sent of a key; the whole key may be put back with some of it changed."""
    now = call.services.clock()
    patch = KeyPatch(**_fields(body, now))
    if _sent(body, "key_name"):
        patch = msgspec.structs.replace(patch, name=body.key_name)
    read_only = body.model_dump(by_alias=True, include=body.model_fields_set - _WRITABLE)
    if body.expires_in is not None and _sent(body, "expires_at"):
        read_only["expiresAt"] = body.expires_at  # a duration replaces it; it must be the one that stands

    def expect(current: ApiKey) -> None:
        tolerated = {
            "lastUsedAt": _earlier,
            "lastAddress": _whatever,
            "lastUserAgent": _whatever,
            "rotation": key_rotations.is_earlier,
            "customer": _whatever,
            "unusedPermissions": _whatever,
        }
        require_unchanged(read_only, render.key(current, now), tolerated)

    key = await call.services.keyring.update(call.caller, key_id, patch, expect)
    return json_response(render.key(key, now))


@router.on(
    "PUT", "/apikey/{key_id}/chatflows", needs="apikeys:update", answers=KeyOut, errors=("not_found", *_BODY)
)
async def set_chatflows(key_id: str, body: KeyChatflows | list[KeyChatflow], call: Call) -> Response:
    """Make these the whole set of chatflows that the key opens. Needs `chatflows:update` as well.

    The body is `{"chatflowIds": […]}`, which leaves limits as they are, or a list of chatflows, each with its
    `rateLimits`, those of the key on that chatflow; without them it has none.
    """
    if isinstance(body, list):
        limits = {
            each.id: read_limits([one.as_given() for one in each.rate_limits or ()], f"{at}.rateLimits")
            for at, each in enumerate(body)
        }
        patch = KeyPatch(chatflow_ids=tuple(limits), binding_limits=limits)
    else:
        patch = KeyPatch(chatflow_ids=tuple(body.chatflow_ids))
    key = await call.services.keyring.update(call.caller, key_id, patch)
    return json_response(render.key(key, call.services.clock()))


@router.on(
    "POST",
    "/apikey/{key_id}/disable",
    needs="apikeys:update",
    answers=KeyOut,
    errors=("not_found", "validation_failed"),
)
async def disable_key(key_id: str, call: Call) -> Response:
    """Refuse the key until it is enabled again."""
    key = await call.services.keyring.disable(call.caller, key_id)
    return json_response(render.key(key, call.services.clock()))


@router.on(
    "POST",
    "/apikey/{key_id}/enable",
    needs="apikeys:update",
    answers=KeyOut,
    errors=("not_found", "validation_failed", "policy_violated"),
)
async def enable_key(key_id: str, call: Call) -> Response:
    """Accept a disabled key again."""
    key = await call.services.keyring.enable(call.caller, key_id)
    return json_response(render.key(key, call.services.clock()))


@router.on("DELETE", "/apikey/{key_id}", needs="apikeys:delete", answers=AffectedOut, errors=("not_found",))
async def revoke_key(key_id: str, call: Call) -> Response:
    """Revoke a key for good. Its name and history stay; what it opened stays closed."""
    revoked = await call.services.keyring.revoke(call.caller, key_id)
    return json_response({"raw": [], "affected": int(revoked)})


def _sent(body: KeyFields, name: str) -> bool:
    return name in body.model_fields_set


def _fields(body: KeyFields, now: int) -> dict[str, Any]:
    """Return what was sent of a key, but its name, as values.

    Raises:
        InvalidInput: a time or a duration cannot be read.
    """
    values: dict[str, Any] = {}
    if _sent(body, "permissions"):
        values["permissions"] = frozenset(body.permissions)
    if _sent(body, "chatflow_ids"):
        values["chatflow_ids"] = tuple(body.chatflow_ids)
    if _sent(body, "note"):
        values["note"] = body.note
    if _sent(body, "allowed_ips"):
        values["allowed_ips"] = tuple(body.allowed_ips or ())
    if _sent(body, "customer_id"):
        values["customer_id"] = body.customer_id or None
    if _sent(body, "rate_limits"):
        values["rate_limits"] = read_limits([each.as_given() for each in body.rate_limits or ()])
    if _sent(body, "quotas"):
        values["quotas"] = read_quotas(quotas_of(body.quotas))
    if body.expires_in is not None or _sent(body, "expires_at"):
        values["expires_at"] = read_expiry(body.expires_at, body.expires_in, now)
    return values


def _whatever(_sent: Any, _now: Any) -> bool:
    """Tell that any earlier reading will do; `customer` says of another thing what `customerId` names."""
    return True


def _earlier(sent: Any, now: Any) -> bool:
    """Tell whether a sent `lastUsedAt` is an earlier reading of one that moved on since."""
    if sent is None:
        return True
    then = from_iso(sent) if isinstance(sent, str) else None
    latest = from_iso(now) if isinstance(now, str) else None
    return then is not None and latest is not None and then <= latest + SECOND
