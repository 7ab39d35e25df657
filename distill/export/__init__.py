"""Writes students in formats that other software loads."""
