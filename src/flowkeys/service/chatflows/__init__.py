"""Chatflows: making, reading, changing and exporting them, and who may call them."""
