"""Forms that are sent: once, and what they ask before."""
