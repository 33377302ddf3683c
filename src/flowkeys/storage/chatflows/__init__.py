"""Chatflows in tables: each one, and lists of them."""
