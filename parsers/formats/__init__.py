"""One module a format, each with one function: text, question and language in, ReasoningGraph out."""
