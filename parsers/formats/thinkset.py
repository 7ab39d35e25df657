"""The THINK-set format: question, free reasoning and answer between tags that close with a backslash.

<USER>How much is 2 + 3?<\\USER> <THINK>Add the two: 2 + 3 = 5.<\\THINK> <ANSWER>5<\\ANSWER>
"""

from __future__ import annotations

from parsers.answers.final import clean_answer
from parsers.graph import ReasoningGraph
from parsers.text.markers import THINKSET_FIELD


def parse_thinkset(text: str, question: str, language: str) -> ReasoningGraph:
    """The graph of the reasoning between the THINK tags, read as free text; spans are offsets in the complete text."""
    from dataclasses import replace

    from parsers.formats.freeform import parse_freeform

    fields: dict[str, tuple[int, str]] = {}
    problems: list[str] = []
    for match in THINKSET_FIELD.finditer(text):
        name = match[1]
        if name in fields:
            problems.append(f"there is more than one <{name}>")
        if not match[3]:
            problems.append(f"<{name}> is not closed")
        fields[name] = (match.start(2), match[2])
    if "USER" in fields:
        question = fields["USER"][1].strip()
    offset, thought = fields.get("THINK", (0, ""))
    graph = parse_freeform(thought, question, language)
    answer = clean_answer(fields["ANSWER"][1]) if "ANSWER" in fields else None
    problems.extend(f"<{name}> is missing" for name in ("THINK", "ANSWER") if name not in fields)
    if "ANSWER" in fields and answer is None:
        problems.append("the answer is empty")
    steps = tuple(replace(step, start=step.start + offset, end=step.end + offset) for step in graph.steps)
    if not steps:
        problems.append("no step was found")
    return replace(graph, steps=steps, answer=answer, format="thinkset", problems=tuple(problems))
