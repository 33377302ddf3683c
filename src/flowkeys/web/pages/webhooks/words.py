"""What events and deliveries are called on the pages."""

from typing import Final

EVENTS: Final = {
    "key.created": "a key was created",
    "key.rotated": "a key was rotated",
    "key.expiring": "a key expires soon",
    "key.expired": "a key has expired",
    "key.disabled": "a key was disabled",
    "key.enabled": "a key was enabled",
    "key.revoked": "a key was revoked",
    "quota.threshold": "a quota runs out",
    "policy.broken": "a key does not keep to the policy",
    "webhook.test": "a test",
}
OUTCOMES: Final = {"": "All", "pending": "Pending", "delivered": "Delivered", "failed": "Failed"}
