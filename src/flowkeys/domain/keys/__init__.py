"""API keys: the token, what is stored of it, how it is presented, and the decision about a call."""
