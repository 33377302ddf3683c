"""``flowkeys users``, and the links that people get."""
