"""The management API, one module a resource."""
