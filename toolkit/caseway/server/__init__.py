"""The HTTP server: routes, hooks and who may pass. No rule of the platform is decided here."""
