"""Usage in tables: by the hour, and by the day when it is old."""
