"""Values and rules: standard library and msgspec only, no I/O, no clock, no async."""
