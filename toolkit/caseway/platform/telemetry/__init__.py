"""Telemetry of executions: folded from their records once they have ended, kept by its own retention."""
