"""Models behind OpenAI-compatible chat endpoints: which a flow may use, asking, reading answers."""
