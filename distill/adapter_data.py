"""Reference solutions to what an adapter student learns: verified, kept apart from the tests, counted.

    {"question": "…", "answer": "… <<48/2=24>>24 … #### 72"}   ─parse─ structure─ render▶   [UNDERSTAND]\\nGiven: 48 …

graphs.jsonl, one row a solution: `unused` says why a solution is not learnt from, if so; `wrong` are the characters of
a step that is wrong on purpose.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import track

from distill.adapter_errors import with_error
from distill.evaluation.evaluate import prompt
from distill.recipe import Recipe, ReferenceTeacher
from distill.reference import load_sources, load_test_problems, load_test_traces
from distill.runs import Run, read_jsonl, write_jsonl
from parsers import ReasoningGraph, Stage, render, structure
from parsers.answers import Verdict, answers_equal
from parsers.render import Span
from teachers.problems import Problem, Trace, is_test_side, parse_trace

MAX_SHARED_WORDS = 12
"""A question that shares more words in a row than this with a test question is not trained on (13-grams, as in
arXiv 2005.14165, appendix C)."""

MARKER = re.compile(r"\[(?:" + "|".join(stage.name for stage in Stage) + r"|ANSWER)\]")


def write_adapter_graphs(run: Run, console: Console | None = None) -> dict[str, Any]:
    """Write traces.jsonl and graphs.jsonl of every data set of the recipe; the counts, for run.json."""
    recipe = run.recipe
    is_silent = console is None or not console.is_terminal
    test = HeldOut(problem.question for problem in load_test_problems(recipe))
    traces: list[Trace] = []
    rows: list[dict[str, Any]] = []
    for traces_of_one, limit in load_sources(recipe):
        order = Random(f"order/{recipe.seed}").sample(traces_of_one, len(traces_of_one))
        num_used = 0
        for trace in track(order, "parsing", console=console, transient=True, disable=is_silent):
            if limit is not None and num_used >= limit:
                break
            row = learnable(trace, recipe, test)
            num_used += row["unused"] is None and row["side"] == "training"
            rows.append(row)
            traces.append(trace)
    write_jsonl(run.path / "traces.jsonl", map(asdict, traces))
    write_jsonl(run.graphs, rows)
    return count_rows(rows)


def learnable(trace: Trace, recipe: Recipe, test: HeldOut) -> dict[str, Any]:
    """The row of graphs.jsonl of one solution."""
    teacher, problem = recipe.teacher, trace.problem
    assert isinstance(teacher, ReferenceTeacher)
    random = Random(f"error/{recipe.seed}/{problem.question}")
    changed = with_error(trace, random) if random.random() < teacher.error_rate else None
    graph = changed or structure(parse_trace(trace))
    text = render(graph, format="staged", exact=False)
    mistaken = {step.id for step in graph.steps if step.stage is Stage.EXECUTE and step.correct is False}
    return {
        "side": "validation" if is_test_side(problem.question) else "training",
        "unused": _why_unused(graph, problem, test),
        "dataset": trace.format,
        "question": problem.question,
        "text": str(text),
        "wrong": [[span.start, span.end] for span in text.spans if span.step_id in mistaken],
        "injected": changed is not None,
        "graph": graph.to_json(),
    }


def count_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many rows were read, used on each side, left out and why; learnt from and changed on purpose by data set."""
    used = [row for row in rows if row["unused"] is None]
    training = [row for row in used if row["side"] == "training"]
    return {
        "read": len(rows),
        **Counter(row["side"] for row in used),
        "datasets": dict(Counter(row["dataset"] for row in training)),
        "injected_errors": dict(Counter(row["dataset"] for row in training if row["injected"])),
        "unused": dict(Counter(row["unused"] for row in rows if row["unused"])),
    }


def read_examples(graphs: Path, side: str, tokenizer: Any) -> Iterator[Any]:
    """The Example of every used row of one side, in order."""
    for row in read_jsonl(graphs):
        if row["side"] == side and not row["unused"]:
            yield encode_staged(row["question"], row["text"], tokenizer, wrong=row["wrong"])


def encode_staged(question: str, text: str, tokenizer: Any, *, wrong: Iterable[Sequence[int]] = ()) -> Any:
    """The Example of a staged text behind the base's chat prompt; learnt is the text but its wrong steps, and EOS."""
    from students.encoding import encode

    asked = prompt(tokenizer, question)
    start = len(asked)
    spans = [Span(start + s.start, start + s.end, s.stage, None) for s in staged_spans(text)]
    ignored = [(start + begin, start + end) for begin, end in wrong]
    return encode(asked + text + tokenizer.eos_token, spans, tokenizer, supervised_from=start, ignored=ignored)


def staged_spans(text: str) -> list[Span]:
    """The stages of a staged text; a marker belongs to the stage that it opens, the answer to none."""
    markers = list(MARKER.finditer(text))
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    return [
        Span(marker.start(), end, Stage[marker[0][1:-1]], None)
        for marker, end in zip(markers, ends, strict=True)
        if marker[0] != "[ANSWER]"
    ]


def reference_graphs(recipe: Recipe) -> dict[str, ReasoningGraph]:
    """Question -> structured reference solution of the test questions, for RFS."""
    return {trace.problem.question: structure(parse_trace(trace)) for trace in load_test_traces(recipe)}


class HeldOut:
    """Test questions, and whether another question is one of them or shares a long run of words with one."""

    def __init__(self, questions: Iterable[str]) -> None:
        self.runs = {run for question in questions for run in _word_runs(question)}

    def hold(self, question: str) -> bool:
        """Whether the question is one of them, or shares a long run of words with one."""
        return any(run in self.runs for run in _word_runs(question))


def _word_runs(question: str) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", question.lower())
    size = MAX_SHARED_WORDS + 1
    return [tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1))]


def _why_unused(graph: ReasoningGraph, problem: Problem, test: HeldOut) -> str | None:
    if test.hold(problem.question):
        return "shares its words with a test question"
    if graph.answer is None:
        return "no answer was found"
    if not _is_right(graph, problem):
        return "the structured answer is not the gold answer"
    return None


def _is_right(graph: ReasoningGraph, problem: Problem) -> bool:
    if graph.answer is None:
        return False
    verdict = answers_equal(gold=problem.answer, prediction=graph.answer, language=problem.language)
    return verdict is Verdict.EQUAL
