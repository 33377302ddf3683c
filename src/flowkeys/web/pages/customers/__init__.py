"""Pages of customers: the list, one customer, its fields, and its end."""
