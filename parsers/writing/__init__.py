"""Writes graphs as text, and derives missing stages."""
