"""Importing documents from a folder of this machine."""
