"""Measurements of this server on this machine: ``python -m bench``."""
