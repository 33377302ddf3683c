"""Limits, in memory."""
