"""What chatflows use and share: credentials, variables, tools; and their runs."""
