"""The commands for customers."""
