"""flowData for chatflows that people make by filling in a short form."""
