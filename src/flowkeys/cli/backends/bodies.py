"""What is sent to a server for what commands work with, by the names of the wire."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UnsetType

from flowkeys.cli.backends.backend import Asked, Json
from flowkeys.domain.limits.quota_fields import quota_json
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import KeyPatch

_KEY_MEMBERS: Final = {
    "name": "keyName",
    "chatflow_ids": "chatflowIds",
    "allowed_ips": "allowedIps",
    "customer_id": "customerId",
    "rate_limits": "rateLimits",
}
_CHATFLOW_MEMBERS: Final = {
    "flow_data": "flowData",
    "is_public": "isPublic",
    "chatbot_config": "chatbotConfig",
    "api_config": "apiConfig",
    "key_id": "apikeyid",
    "key_ids": "apiKeyIds",
    "rate_limits": "rateLimits",
}


def key_body(patch: KeyPatch) -> Json:
    """Return what a patch sets of a key."""
    body = _given(patch, _KEY_MEMBERS)
    if not isinstance(patch.quotas, UnsetType):
        body["quotas"] = [quota_json(quota) for quota in patch.quotas]
    return body


def question_body(asked: Asked) -> Json:
    """Return the body of a question about a token."""
    body = {
        "token": asked.token,
        "chatflowId": asked.chatflow_id,
        "permission": asked.permission,
        "address": asked.address,
    }
    return {name: value for name, value in body.items() if value is not None}


def chatflow_body(patch: ChatflowPatch) -> Json:
    """Return what a patch sets of a chatflow."""
    body = _given(patch, _CHATFLOW_MEMBERS)
    return {**body.pop("extras"), **body}


def _given(patch: msgspec.Struct, members: Mapping[str, str]) -> Json:
    """Return what a patch sets, by the names of the wire."""
    values = {name: getattr(patch, name) for name in patch.__struct_fields__}
    return {
        members.get(name, name): list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if not isinstance(value, UnsetType)
    }
