"""Customers: whom keys belong to, and what is done to all keys of one."""
