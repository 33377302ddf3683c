"""Limits on calls: how many, in which time, and what is left of them."""
