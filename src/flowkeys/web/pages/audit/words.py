"""What actions, fields and kinds of things are called on the page."""

import re
from typing import Final

SUBJECTS: Final = {
    "key": "API key",
    "chatflow": "chatflow",
    "person": "person",
    "customer": "customer",
    "policy": "policy",
    "webhook": "webhook",
    "execution": "run",
    "credential": "credential",
    "variable": "variable",
    "collection": "collection",
    "workspace": "workspace",
    "secret": "server secret",
    "code": "code",
    "tool": "tool",
}
ACTORS: Final = {
    "key": "API key",
    "person": "person",
    "operator": "on the server's machine",
    "system": "server",
}
_ACTIONS: Final = {
    "create": "Created",
    "update": "Changed",
    "delete": "Deleted",
    "disable": "Disabled",
    "enable": "Enabled",
    "revoke": "Revoked",
    "rotate": "Rotated",
    "bind": "Bound",
    "unbind": "Unbound",
    "remove": "Removed",
    "sign_in": "Signed in",
    "sign_out": "Signed out",
    "sign_in_failed": "Sign-in failed",
    "change_password": "Changed the password",
    "invite": "Invited",
    "withdraw_invitation": "Withdrew the invitation",
    "join": "Joined",
    "webhook.replace_secret": "Replaced the secret",
    "webhook.resend": "Sent an event again",
    "execution.resume": "Answered",
    "webhook.test": "Sent a test event",
    "audit.begin": "Began the chain of the audit log",
    "audit.older": "Found an older database, and ended again what it brought back",
    "audit.continue": "Continued the audit log under a new secret",
    "secret.verifies_only": "Verifies only",
    "code.approve": "Approved code",
    "code.withdraw": "Approved code no longer",
    "document.add": "Added a document",
    "document.replace": "Replaced a document",
    "document.delete": "Deleted a document",
}
_FIELDS: Final = {
    "keyName": "name",
    "expiresAt": "expiry",
    "allowedIps": "networks",
    "chatflowIds": "chatflows",
    "apiKeyIds": "keys",
    "customerId": "customer",
    "externalId": "external id",
    "meta": "own data",
    "isPublic": "public",
    "rateLimits": "rate limits",
    "quotas": "quotas",
    "addressRateLimits": "rate limit of each address",
    "allowedOrigins": "sites",
    "chatflowRateLimits": "rate limits on chatflows",
    "executedData": "what callers see of a run",
    "flowDataCharacters": "graph (characters)",
    "sha256": "content (SHA-256)",
    "endedSignIns": "ended sign-ins",
}
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|_")


def action(name: str) -> str:
    """Return what an action is called; one that has no words of its own says itself."""
    verb = name.partition(".")[2]
    return _ACTIONS.get(name) or _ACTIONS.get(verb) or _WORDS.sub(" ", verb or name).capitalize()


def field(name: str) -> str:
    """Return what a field is called."""
    return _FIELDS.get(name) or _WORDS.sub(" ", name).lower()
