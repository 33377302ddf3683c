"""Limits in forms and in words: rates and quotas."""
