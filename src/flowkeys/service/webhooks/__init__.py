"""Use cases of webhooks: where events are announced, and how each gets there."""
