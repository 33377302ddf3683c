"""The audit log: its chain, and what people ask of it."""
