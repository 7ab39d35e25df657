"""The run folder, atomic writes, and processes that train together."""
