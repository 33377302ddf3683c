"""People in tables: with their sign-ins and links."""
