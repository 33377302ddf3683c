"""``flowkeys ask``."""
