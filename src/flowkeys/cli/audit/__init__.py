"""``flowkeys audit``."""
