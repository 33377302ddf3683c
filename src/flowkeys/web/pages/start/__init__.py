"""Where people begin, and the files that every page loads."""
