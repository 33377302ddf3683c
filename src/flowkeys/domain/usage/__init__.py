"""Usage: how many calls there were, how they ended, how long they took, how many tokens."""
