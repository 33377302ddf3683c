"""Trying a chatflow, and reading what was said to it."""
