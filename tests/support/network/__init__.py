"""Stretches of network on which things go wrong: real sockets, whose bytes are passed on or are not."""
