"""`distill chat`: a page to try students on, and an OpenAI-compatible endpoint, on one server."""
