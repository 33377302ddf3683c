"""What a server tells who runs it: logs, and metrics for those who ask for them."""
