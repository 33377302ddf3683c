"""``flowkeys flows``."""
