"""What is known when Valkey does not answer."""


class Away(Exception):  # a state, as others are named
    """Valkey does not answer, or cannot do what it is asked; `str()` says why."""
