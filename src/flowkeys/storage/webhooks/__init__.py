"""Statements about webhooks, their secrets, and deliveries."""
