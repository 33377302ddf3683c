"""Chatflows and what they use: on this machine, and over HTTP."""
