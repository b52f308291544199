"""Caseway: a git repository as the source of truth for automations."""

__version__ = "0.1.0"
