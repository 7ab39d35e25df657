"""From the problems and traces of a recipe to rows to learn from; question files, bases, prompts."""
