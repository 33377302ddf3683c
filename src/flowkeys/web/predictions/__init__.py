"""``/prediction``: run while the client is watched, whole or as a stream of events."""
