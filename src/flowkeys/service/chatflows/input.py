"""What callers may say about a chatflow, checked before anything is changed."""

from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.chatflows.nesting import too_deep
from flowkeys.domain.chatflows.visitors import read_rules
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import clean_name
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.predictions.executed import FIELD, ExecutedData

NAME_LENGTH: Final = 255
CATEGORY_LENGTH: Final = 255
KEPT: Final = ("deployed", "analytic", "speechToText", "textToSpeech", "followUpPrompts", "mcpServerConfig")
"""Flowise's columns that are stored as given and returned, and mean nothing here."""
EXTRAS: Final = (*KEPT, FIELD)
"""Those, and what callers see of a run."""

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
    rate_limits: tuple[RateLimit, ...] | msgspec.UnsetType = msgspec.UNSET
    """How often all its callers together may call it, as `read_limits` returns it."""
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
    seen = patch.extras.get(FIELD)
    if seen is not None and seen not in tuple(ExecutedData):
        errors.append(FieldError(FIELD, f"Give one of {', '.join(ExecutedData)}, or null."))
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(patch, name=name)


def not_understood(chatflow: Chatflow) -> list[FieldError]:
    """Return what a chatflow's configuration asks of its callers and cannot be enforced.

    A chatflow with any of it cannot be public: it would be more open than its owner believes.
    """
    found = []
    for field, texts in (
        ("apiConfig", (chatflow.api_config, None)),
        ("chatbotConfig", (None, chatflow.chatbot_config)),
    ):
        try:
            read_rules(*texts)
        except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors
            found.append(FieldError(field, str(error).removeprefix(f"{field}: ")))
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
