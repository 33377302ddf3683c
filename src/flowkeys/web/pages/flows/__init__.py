"""Pages of what chatflows use and share, and of their runs."""
