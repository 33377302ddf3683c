"""The audit log as a chain: how rows are sealed, and how it is found out that one was changed."""
