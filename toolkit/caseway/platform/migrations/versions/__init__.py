"""Migrations in order: `NNNN_what.py`."""
