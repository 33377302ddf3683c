"""Keys: making, changing, revoking, verifying and explaining them."""
