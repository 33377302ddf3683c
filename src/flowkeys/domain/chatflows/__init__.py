"""Chatflows: what keys open."""
