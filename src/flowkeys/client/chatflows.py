"""Calls about chatflows."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, id_of, nothing, path, query
from flowkeys.client.limits import RateLimits, wire_limits
from flowkeys.client.models import Chatflow, Message, Page

Json = str | Mapping[str, Any]
"""JSON that the wire holds as text: the text itself, or an object to be made into it."""

_CHATFLOW: Final = as_type(Chatflow)
_CHATFLOWS: Final = as_listing(list[Chatflow])
_PAGE: Final = as_type(Page[Chatflow])
_MESSAGES: Final = as_type(Page[Message])


def create(
    name: str,
    flow_data: Json | UnsetType = UNSET,
    *,
    type: str = "CHATFLOW",  # noqa: A002  # the wire's own word
    is_public: bool = False,
    chatbot_config: Json | UnsetType | None = UNSET,
    api_config: Json | UnsetType | None = UNSET,
    category: str | UnsetType | None = UNSET,
    credentials: Mapping[str, str | None] | UnsetType = UNSET,
    extras: Mapping[str, Any] | None = None,
) -> Call[Chatflow]:
    """Create a chatflow. It answers nobody until a key is bound to it, unless it is public.

    `credentials` names the server's model credentials by node id or label, or ``*`` for all others.
    `extras` are further columns of Flowise's by their wire names (``deployed``, ``analytic``…).
    """
    body = _body(name, flow_data, type, is_public, chatbot_config, api_config, category, credentials, extras)
    return Call(method="POST", path=path("chatflows"), body=body, decode=_CHATFLOW, repeatable=False)


def every(
    *,
    search: str | None = None,
    type: str | None = None,  # noqa: A002
) -> Call[Listing[Chatflow]]:
    """Iterate over all chatflows that match, newest first."""
    params = query(search=search, type=type)
    return Call(method="GET", path=path("chatflows"), params=params, decode=_CHATFLOWS)


def page(
    *,
    search: str | None = None,
    type: str | None = None,  # noqa: A002
    page: int = 1,
    limit: int = 20,
) -> Call[Page[Chatflow]]:
    """Return one page of the chatflows that match, and how many match in all."""
    params = query(search=search, type=type, page=page, limit=limit)
    return Call(method="GET", path=path("chatflows"), params=params, decode=_PAGE)


def get(chatflow: Ref) -> Call[Chatflow]:
    """Return one chatflow."""
    return Call(method="GET", path=path("chatflows", chatflow), decode=_CHATFLOW)


def update(
    chatflow: Ref,
    *,
    name: str | UnsetType = UNSET,
    flow_data: Json | UnsetType = UNSET,
    type: str | UnsetType = UNSET,  # noqa: A002
    is_public: bool | UnsetType = UNSET,
    chatbot_config: Json | UnsetType | None = UNSET,
    api_config: Json | UnsetType | None = UNSET,
    category: str | UnsetType | None = UNSET,
    credentials: Mapping[str, str | None] | UnsetType = UNSET,
    extras: Mapping[str, Any] | None = None,
    rate_limits: RateLimits | UnsetType | None = UNSET,
) -> Call[Chatflow]:
    """Change what is given and leave the rest.

    `rate_limits` hold for all its callers together: ``["100/second"]``; None takes them away.
    """
    body = _body(name, flow_data, type, is_public, chatbot_config, api_config, category, credentials, extras)
    body |= given(rateLimits=wire_limits(rate_limits))
    return Call(method="PUT", path=path("chatflows", chatflow), body=body, decode=_CHATFLOW)


def delete(chatflow: Ref) -> Call[None]:
    """Delete a chatflow."""
    return Call(method="DELETE", path=path("chatflows", chatflow), decode=nothing)


def bind(chatflow: Ref, key: Ref) -> Call[Chatflow]:
    """Protect a chatflow with this key alone: other keys no longer open it. `set_keys` binds several."""
    return _protect(chatflow, {"apikeyid": id_of(key)})


def set_keys(chatflow: Ref, keys: Iterable[Ref]) -> Call[Chatflow]:
    """Let exactly these keys open a chatflow."""
    return _protect(chatflow, {"apiKeyIds": [id_of(key) for key in keys]})


def unbind(chatflow: Ref) -> Call[Chatflow]:
    """Take every key away from a chatflow. It is closed then, not open."""
    return _protect(chatflow, {"apikeyid": None})


def add_key(chatflow: Ref, key: Ref) -> Call[Chatflow]:
    """Let one key more open a chatflow, and leave the others as they are."""
    return Call(method="PUT", path=path("chatflows", chatflow, "keys", key), decode=_CHATFLOW)


def remove_key(chatflow: Ref, key: Ref) -> Call[Chatflow]:
    """Take a chatflow away from one key, and leave the others as they are."""
    return Call(method="DELETE", path=path("chatflows", chatflow, "keys", key), decode=_CHATFLOW)


def messages(
    chatflow: Ref,
    *,
    session_id: str | None = None,
    key_id: Ref | None = None,
    page: int = 1,
    limit: int = 100,
) -> Call[Page[Message]]:
    """Return one page of a chatflow's stored messages."""
    key = None if key_id is None else id_of(key_id)
    params = query(page=page, limit=limit, sessionId=session_id, keyId=key)
    return Call(method="GET", path=path("chatflows", chatflow, "messages"), params=params, decode=_MESSAGES)


def _protect(chatflow: Ref, body: dict[str, Any]) -> Call[Chatflow]:
    return Call(method="PUT", path=path("chatflows", chatflow), body=body, decode=_CHATFLOW)


def _body(
    name: str | UnsetType,
    flow_data: Json | UnsetType,
    kind: str | UnsetType,
    is_public: bool | UnsetType,
    chatbot_config: Json | UnsetType | None,
    api_config: Json | UnsetType | None,
    category: str | UnsetType | None,
    credentials: Mapping[str, str | None] | UnsetType,
    extras: Mapping[str, Any] | None,
) -> dict[str, Any]:
    named = given(
        name=name,
        flowData=_text(flow_data),
        type=kind,
        isPublic=is_public,
        chatbotConfig=_text(chatbot_config),
        apiConfig=_text(api_config),
        category=category,
        credentials=credentials,
    )
    return dict(extras or {}) | named


def _text(value: Json | UnsetType | None) -> str | UnsetType | None:
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping) else value
