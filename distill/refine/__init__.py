"""Rounds in which a student learns from its own solutions."""
