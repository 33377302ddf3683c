"""Passages of documents: the terms they are found by, and the search."""
