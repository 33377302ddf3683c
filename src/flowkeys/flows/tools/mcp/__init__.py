"""Tools of MCP servers, over streamable HTTP (docs/adr/0061-mcp-tools.md)."""
