"""Documents: collections, and words that compare equal when people mean the same."""
