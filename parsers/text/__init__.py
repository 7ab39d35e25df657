"""Reads text before its arithmetic: language, masks, segments, notes, prompts."""
