"""Runs of agentflows: listed, looked at step by step, answered where they wait for a person."""
