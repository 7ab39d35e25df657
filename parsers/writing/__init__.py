"""Graphs written out: missing stages derived, and text rendered."""
