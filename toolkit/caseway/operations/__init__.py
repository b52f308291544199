"""What one can ask of a platform: every operation once, called here or over HTTP alike."""
