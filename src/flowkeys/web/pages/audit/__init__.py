"""What was done, as people see it."""
