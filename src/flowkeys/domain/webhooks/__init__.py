"""Webhooks: where events are announced to, what is announced, and how it is signed and tried again."""
