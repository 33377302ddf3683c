"""``flowkeys keys``."""
