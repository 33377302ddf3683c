"""Passwords of people: hashing them slowly, and comparing."""
