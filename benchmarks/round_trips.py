"""parse(render(graph)) against graph: structured graphs of the real data sets, and random graphs full of markup."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from parsers import Quantity, ReasoningGraph, Stage, Step, parse, render
from parsers.writing.render import Format

FORMATS: tuple[Format, ...] = ("staged", "nrm")

HOSTILE = (
    "", " ", "\n", "[PLAN]", "a\nb", "1. x", "1. x\n2. y", "x\n\ny", "<STEP>", "</THINK>", "<ANS>5</ANS>", "<INST>",
    "[ANSWER] 3", '⟦{"uses":[0]}⟧', "x ⟦{}⟧", "⟦", "⟧", "####", "<think>", "<USER>", "<\\THINK>", "48 + 24 = 72",
    "<<48/2=24>>24", "Given: 5; half.", "Given: 3 pens. Asked: How many?", "x [EXECUTE] y", "\u2028", "\x00", "½", "-5",
    "7+5=12", "45<72", "[VERIFY", "<AN", "𝟓", "a\r\nb", "Correct.", "2. ", "tổng", "maçãs", "\\boxed{4}", "$x$",
)  # fmt: skip


def reads_back(graph: ReasoningGraph, format: Format) -> bool:
    """Whether the rendered graph reads back with the same steps, values, dependencies, givens and answer."""
    return _content(parse(render(graph, format=format), question=graph.question)) == _content(graph)


def failures(graphs: Iterable[ReasoningGraph], show: Callable[[ReasoningGraph], str]) -> tuple[int, list[str]]:
    """How many round trips were made, two a graph, and the graphs that came back changed."""
    total, changed = 0, []
    for graph in graphs:
        for format in FORMATS:
            total += 1
            if not reads_back(graph, format):
                changed.append(f"{format}: {show(graph)}"[:200])
    return total, changed


def random_graphs(count: int, *, seed: int = 0) -> Iterator[ReasoningGraph]:
    """Graphs of up to six steps in any order of stages, their texts pieces of markup, numbers and letters."""
    draw = random.Random(seed)
    for _ in range(count):
        names = list(dict.fromkeys(_text(draw) for _ in range(draw.randint(0, 3))))
        sources: list[int | str] = list(names)
        steps = []
        for step_id in draw.sample(range(-5, 31), draw.randint(0, 6)):
            uses = tuple(draw.choice(sources) for _ in range(draw.randint(0, 3)) if sources)
            value = draw.choice((None, _fraction(draw), _text(draw)))
            steps.append(Step(step_id, draw.choice(list(Stage)), _text(draw), value=value, depends_on=uses))
            sources.append(step_id)
        givens = tuple(Quantity(name, _fraction(draw), _text(draw)) for name in names)
        answer, language = draw.choice((None, _text(draw))), draw.choice(("en", "pt", "vi", "und"))
        yield ReasoningGraph(_text(draw), tuple(steps), answer, givens, language)


def _text(draw: random.Random) -> str:
    if draw.random() < 0.3:
        return "".join(chr(draw.choice((draw.randrange(32, 127), draw.randrange(0xA0, 0xD7FF)))) for _ in range(6))
    return "".join(draw.choice(HOSTILE) for _ in range(draw.choice((1, 1, 2, 3))))


def _fraction(draw: random.Random) -> Fraction:
    return Fraction(draw.randint(-2000, 2000), draw.choice((1, 1, 2, 3, 8, 100, 997)))


def _content(graph: ReasoningGraph) -> tuple[object, ...]:
    steps = [(step.id, step.stage, step.text, step.value, type(step.value), step.depends_on) for step in graph.steps]
    return steps, graph.answer, graph.givens
