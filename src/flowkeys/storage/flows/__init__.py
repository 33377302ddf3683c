"""Tables of what chatflows use and share: credentials, variables, tools; and of their runs."""
