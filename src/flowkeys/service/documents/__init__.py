"""Documents: collections, and filling them with files."""
