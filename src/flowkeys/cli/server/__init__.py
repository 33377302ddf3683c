"""``flowkeys serve``, and what a start may need."""
