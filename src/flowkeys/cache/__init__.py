"""Copies of what is stored, kept in memory and never trusted beyond the bound of the change feed."""
