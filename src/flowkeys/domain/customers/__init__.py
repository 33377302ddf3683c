"""Customers: whom keys belong to."""
