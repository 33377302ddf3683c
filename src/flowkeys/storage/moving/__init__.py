"""From one kind of database to the other: every table is copied, in parts, and compared at the end."""
