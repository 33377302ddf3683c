"""What callers may say about a chatflow, checked before anything is changed."""

from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.chatflows.nesting import too_deep
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import clean_name

NAME_LENGTH: Final = 255
CATEGORY_LENGTH: Final = 255
EXTRAS: Final = ("deployed", "analytic", "speechToText", "textToSpeech", "followUpPrompts", "mcpServerConfig")
"""Flowise's columns that are stored as given and returned, and mean nothing here."""

EMPTY_FLOW: Final = '{"nodes":[],"edges":[]}'


class ChatflowPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of a chatflow; what is not given stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    type: ChatflowType | msgspec.UnsetType = msgspec.UNSET
    flow_data: str | msgspec.UnsetType = msgspec.UNSET
    is_public: bool | msgspec.UnsetType = msgspec.UNSET
    chatbot_config: str | msgspec.UnsetType | None = msgspec.UNSET
    api_config: str | msgspec.UnsetType | None = msgspec.UNSET
    category: str | msgspec.UnsetType | None = msgspec.UNSET
    extras: dict[str, Any] = {}
    """Only the extras to change."""
    credentials: dict[str, str | None] | msgspec.UnsetType = msgspec.UNSET
    """The whole naming of credentials: by node id, label, or ``*`` for all others; None names none."""
    key_id: str | msgspec.UnsetType | None = msgspec.UNSET
    """``apikeyid``: makes this key the only one bound; None unbinds all."""
    key_ids: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """``apiKeyIds``: the whole set of bound keys."""


def checked(patch: ChatflowPatch) -> ChatflowPatch:
    """Return the patch with its name trimmed.

    Raises:
        InvalidInput: naming every field that is wrong.
    """
    errors: list[FieldError] = []
    name = patch.name
    if isinstance(name, str):
        cleaned = clean_name(name, NAME_LENGTH)
        if cleaned is None:
            message = f"Give a name of 1 to {NAME_LENGTH} characters, without control characters."
            errors.append(FieldError("name", message))
        name = cleaned or name
    if isinstance(patch.flow_data, str) and (problem := _flow_data_problem(patch.flow_data)):
        errors.append(FieldError("flowData", problem))
    for field, text in (("chatbotConfig", patch.chatbot_config), ("apiConfig", patch.api_config)):
        if isinstance(text, str) and text and not isinstance(_json(text), dict):
            errors.append(FieldError(field, "Give a JSON object as a string, as Flowise does, or null."))
    if isinstance(patch.category, str) and (len(patch.category) > CATEGORY_LENGTH or "\0" in patch.category):
        errors.append(FieldError("category", f"Give at most {CATEGORY_LENGTH} characters."))
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(patch, name=name)


def unenforced(chatflow: Chatflow) -> list[FieldError]:
    """Return the limits that a chatflow's configuration asks for and that this server does not enforce.

    A chatflow with any of them cannot be public: it would be more open than its owner believes.
    """
    found = []
    api_config = _json(chatflow.api_config)
    rate_limit = api_config.get("rateLimit") if isinstance(api_config, dict) else None
    if isinstance(rate_limit, dict) and rate_limit.get("status") is True:
        found.append(FieldError("apiConfig", "The rate limit in apiConfig is stored, but not enforced yet."))
    chatbot_config = _json(chatflow.chatbot_config)
    if isinstance(chatbot_config, dict) and any(chatbot_config.get("allowedOrigins") or []):
        message = "The allowed origins in chatbotConfig are stored, but not enforced yet."
        found.append(FieldError("chatbotConfig", message))
    return found


def wanted_keys(chatflow: Chatflow, patch: ChatflowPatch) -> tuple[tuple[str, ...] | None, str]:
    """Return the keys to be bound, or None when that does not change, and the field that says so."""
    key_ids = patch.key_ids
    if isinstance(key_ids, tuple) and set(key_ids) == set(chatflow.key_ids):
        key_ids = msgspec.UNSET
    key_id = patch.key_id
    shown = chatflow.key_ids[0] if chatflow.key_ids else None
    if isinstance(key_id, msgspec.UnsetType) or (key_id or None) == shown:
        return (tuple(dict.fromkeys(key_ids)), "apiKeyIds") if isinstance(key_ids, tuple) else (None, "")
    only = (key_id,) if key_id else ()
    if isinstance(key_ids, tuple) and set(key_ids) != set(only):
        raise InvalidInput.of("apiKeyIds", "apikeyid and apiKeyIds say different things; send one of them.")
    return only, "apikeyid"


def _flow_data_problem(text: str) -> str | None:
    flow = _json(text)
    if not isinstance(flow, dict):
        return "Give the chatflow's JSON object as a string, as Flowise exports it."
    if not isinstance(flow.get("nodes"), list) or not isinstance(flow.get("edges"), list):
        return "The JSON object needs the lists nodes and edges, as Flowise exports them."
    return None


def _json(text: str | None) -> Any:
    if not text:
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return None if too_deep(text, value) else value
