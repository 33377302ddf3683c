"""Tools that models and `toolAgentflow` nodes call."""
