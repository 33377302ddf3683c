"""``/chatflows``."""
