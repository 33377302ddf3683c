"""The applications of others that verification is measured beside, each run in its own environment."""
