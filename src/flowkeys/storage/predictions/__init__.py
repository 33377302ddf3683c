"""What was said, in tables: messages and conversations."""
