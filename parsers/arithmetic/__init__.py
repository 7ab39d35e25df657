"""Numbers, expressions, equations and their re-computation."""
