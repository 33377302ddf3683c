"""Keys in tables: each one, and pages of them."""
