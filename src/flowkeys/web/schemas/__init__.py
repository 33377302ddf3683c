"""What goes in and out, for validation and for the OpenAPI description."""
