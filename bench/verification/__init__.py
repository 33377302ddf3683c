"""Verification, beside an empty application, a bare protocol, what people write by hand, and packages."""
