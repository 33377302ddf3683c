"""A module for each kind of file: its bytes or text into sections."""
