"""``/webhooks``: where events are announced, and what was sent there."""
