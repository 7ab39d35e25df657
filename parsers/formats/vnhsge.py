"""VNHSGE: Vietnamese multiple-choice problems with an explanation, as text or as one published JSON row.

question "Câu 1) Thể tích khối lập phương cạnh 2a bằng:\\nA. 8a^3. ...", text "... V=(2a)^3=8a^3."  ->  "A"
"""

from __future__ import annotations

import json

from parsers.answers.choices import decide_option, split_options
from parsers.arithmetic.formulas import formula_value
from parsers.arithmetic.numbers import find_givens
from parsers.graph import ReasoningGraph
from parsers.reading.prose import bounded, read_prose
from parsers.text.segment import segment


def parse_vnhsge(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of an explanation; the answer is the letter of the option that it concludes, otherwise its last value.

    The text may be a complete published row (a JSON object with Question and Explanation). Then spans are offsets in
    the explanation, and images of the row are listed as problems.
    """
    problems: list[str] = []
    row = _published_row(text)
    if row is not None:
        text, question = row.get("Explanation", ""), question or row.get("Question", "")
        for field in ("Image_Question", "Image_Answer"):
            names = [name.strip() for name in row.get(field, "").split(";") if name.strip()]
            problems += [f"an image is not read: {name}" for name in names]
    stem, options = split_options(question)
    givens = find_givens(stem, language)
    steps = read_prose(
        text, question, givens, language, segment(bounded(text, problems), dollars=True), problems, mathematical=True
    )
    answer = decide_option(text, options, language)
    if answer is None:
        value = formula_value(text[-2000:], language) if text.strip() else None
        answer = None if value is None else str(value)
        problems.append(
            "the question lists no options A to D" if not options else "the explanation settles on no option"
        )
    return ReasoningGraph(question, steps, answer, givens, language, "vnhsge", tuple(problems))


def _published_row(text: str) -> dict[str, str] | None:
    if not text.lstrip().startswith("{") or '"Explanation"' not in text:
        return None
    try:
        row = json.loads(text)
    except ValueError:
        return None
    return {key: value for key, value in row.items() if isinstance(value, str)} if isinstance(row, dict) else None
