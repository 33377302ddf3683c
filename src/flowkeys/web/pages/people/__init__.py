"""``/people``, ``/account``, signing in and one-time links."""
