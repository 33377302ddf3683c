"""What the life of a key costs its calls: limits, a quota, a customer, usage, against keys without them."""
