"""Forecasts parameters, time and memory of a run, and finds problems that would make it fail."""
