"""API keys for chatflows."""

__version__ = "0.1.0"
