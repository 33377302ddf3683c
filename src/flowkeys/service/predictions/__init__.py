"""Predictions: from an allowed call to an answer that is stored."""
