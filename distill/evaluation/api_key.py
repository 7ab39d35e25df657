"""Reads the key of an endpoint, and masks it in all outputs."""

from __future__ import annotations

import base64
import os
import re

from distill.errors import UserError

KEY_VARIABLE = "OPENAI_API_KEY"
SHORTEST_SECRET = 8
"""Letters of a key that is masked; servers without keys are given words such as "none", which answers may hold."""


def api_key() -> str:
    """The key in the environment; empty if there is none.

    Raises:
        UserError: it the key has characters that no key may have; set it again.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"{KEY_VARIABLE}: the key has characters that no key may have; set it again")
    return key


def masked(text: str) -> str:
    """The text with *** for the key, which servers repeat: plain, split by spaces, escaped as in JSON, or in base64."""
    key = api_key()
    if len(key) < SHORTEST_SECRET:
        return text
    plain = r"\s*".join(rf"(?:{re.escape(letter)}|\\u{ord(letter):04x})" for letter in key)
    encoded = [base64.b64encode(part.encode()).decode().rstrip("=") for part in (key, f"Bearer {key}", f":{key}")]
    return re.sub("|".join([plain, *map(re.escape, encoded)]), "***", text, flags=re.IGNORECASE)
