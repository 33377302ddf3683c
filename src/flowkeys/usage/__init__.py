"""What verification leaves behind: buffered in memory, flushed by one writer."""
