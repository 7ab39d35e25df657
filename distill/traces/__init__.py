"""Teachers that are models: asking them, verifying their solutions, and rows to learn from."""
