"""The database engine SQLite: connections, one writer, look-ups, and the feed of changes."""
