"""What services need for keys."""
