"""People: who signs in, and the secrets that their browsers and links hold."""
