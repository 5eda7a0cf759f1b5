"""Stage functions: what the rules of the geometry call."""
