"""Reads the statements of a solution: the stage, value and dependencies of each."""
