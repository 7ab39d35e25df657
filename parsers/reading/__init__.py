"""Statements of a solution: stage, value, and what each one depends on."""
