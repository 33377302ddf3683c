"""The version of flowkeys: the same as in pyproject.toml, held by a test."""

VERSION = "0.1.0"
