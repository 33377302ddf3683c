"""What a server tells Prometheus: read where it is known when somebody asks, and at no other time."""
