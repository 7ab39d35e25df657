"""Prompts for a teacher that is a model, in wording for chat models: one template per language.

    ask("What is 4 + 5?", "en")              ->  "What is 4 + 5?\\n\\nPlease reason step by step, …\\\\boxed{}."
    ask_with_reference("…", "4 + 5 = 9", "en")   shows a solution and asks for one in the teacher's own words

The answer depends on the prompt, so `words_key` of the prompt is part of a stored answer's key (teachers/store.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """The two prompts of one language, with the fields {question} and {reference}."""

    alone: str
    with_reference: str


TEMPLATES = {
    "en": Template(
        alone="{question}\n\nPlease reason step by step, and put your final answer within \\boxed{{}}.",
        with_reference="{question}\n\nHere is a solution, for you to check yours against:\n{reference}\n\n"
        "Solve the problem in your own words, as if you had not seen this solution. Please reason step by step, show "
        "every computation with its result, and put your final answer within \\boxed{{}}.",
    ),
    "pt": Template(
        alone="{question}\n\nRaciocine passo a passo e coloque a resposta final em \\boxed{{}}.",
        with_reference="{question}\n\nAqui está uma solução, para você conferir a sua:\n{reference}\n\n"
        "Resolva o problema com suas próprias palavras, como se não tivesse visto essa solução. Raciocine passo a "
        "passo, mostre cada conta com o seu resultado e coloque a resposta final em \\boxed{{}}.",
    ),
    "vi": Template(
        alone="{question}\n\nHãy suy luận từng bước và đặt đáp án cuối cùng trong \\boxed{{}}.",
        with_reference="{question}\n\nĐây là một lời giải để bạn đối chiếu:\n{reference}\n\n"
        "Hãy giải bài toán bằng lời của bạn, như thể bạn chưa thấy lời giải này. Hãy suy luận từng bước, viết rõ từng "
        "phép tính cùng kết quả và đặt đáp án cuối cùng trong \\boxed{{}}.",
    ),
}


def ask(question: str, language: str) -> str:
    """The message that asks for a solution; it is in English if the language has no template."""
    return TEMPLATES.get(language, TEMPLATES["en"]).alone.format(question=question)


def ask_with_reference(question: str, reference: str, language: str) -> str:
    """The message that shows a solution and asks for one in other words."""
    template = TEMPLATES.get(language, TEMPLATES["en"])
    return template.with_reference.format(question=question, reference=reference)


def words_key(message: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the message."""
    return hashlib.sha256(message.encode("utf-8", "surrogatepass")).hexdigest()[:16]
