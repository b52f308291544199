"""Lifecycle rules over the database: one module per question."""
