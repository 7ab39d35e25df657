"""Text before it is arithmetic: language, masks, segments, notes, prompts."""
