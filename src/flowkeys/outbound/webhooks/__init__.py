"""Sending to webhooks: one call for each try, and the worker that makes them."""
