"""What a server tells OpenTelemetry: a span for each request, and for each call of a model within it."""
