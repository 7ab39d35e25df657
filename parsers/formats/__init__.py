"""One module for each format; its function `parse_…` turns text, question and language into a ReasoningGraph."""
