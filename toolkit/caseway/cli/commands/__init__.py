"""One command, one file, each with one `command`. Heavy imports happen inside the functions."""
