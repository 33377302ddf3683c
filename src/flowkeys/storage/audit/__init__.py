"""The audit log: its chain, and what it is asked."""
