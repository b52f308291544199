"""Where workflows go live, behind one small protocol."""
