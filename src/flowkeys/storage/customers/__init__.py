"""Customers, and lists of them."""
