"""Triggers that fetch what starts executions: queues and polls."""
