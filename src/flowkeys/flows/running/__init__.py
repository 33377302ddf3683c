"""A plan is run: step by step, and in rounds."""
