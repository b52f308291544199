"""Frozen data and state machines: the words every other room speaks. No effects here."""
