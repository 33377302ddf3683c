"""Lists of keys on PostgreSQL: sets that are brought up to date behind writes, and pages found with them."""
