"""Diff, version, plan: pure functions over plain data."""
