"""Usage: stored, summed up, and given away."""
