"""The schema of a recipe, its files, and its error messages."""
