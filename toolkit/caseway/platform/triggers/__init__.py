"""Triggers from outside: who may call, how much, how often, and what is started."""
