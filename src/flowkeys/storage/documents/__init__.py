"""Documents in tables: collections and their passages."""
