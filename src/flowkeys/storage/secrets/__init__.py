"""What is kept under the secrets of the server, and the file of these."""
