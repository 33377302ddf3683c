"""Predictions: what callers say to a chatflow, and what it answers."""
