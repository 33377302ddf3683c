"""What a request brings: its address, its path, its origin and its body."""
