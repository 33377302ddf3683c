"""People: sign-ins, links, passwords, and who is in a workspace."""
