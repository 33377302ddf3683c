"""What is sent to a server for what commands work with, by the names of the wire."""

from typing import Final

from msgspec import UnsetType

from flowkeys.cli.backends.backend import Asked, Json
from flowkeys.cli.backends.part import given
from flowkeys.domain.limits.quota_fields import quota_json
from flowkeys.service.keys.input import KeyPatch

_KEY_MEMBERS: Final = {
    "name": "keyName",
    "chatflow_ids": "chatflowIds",
    "allowed_ips": "allowedIps",
    "customer_id": "customerId",
    "rate_limits": "rateLimits",
}


def key_body(patch: KeyPatch) -> Json:
    """Return what a patch sets of a key."""
    body = given(patch, _KEY_MEMBERS)
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
