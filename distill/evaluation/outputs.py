"""From outputs to metrics: every measure over one set of outputs, whoever wrote them.

    metrics, rows = score_outputs([Output("What is 4 + 5?", "…</THINK><ANS>9</ANS>", gold="9", task="arithmetic")])
    metrics["accuracy"]["strict"]["accuracy"]  ->  1.0

`metrics` has the shape of metrics.json, `rows` that of samples.jsonl. What cannot be measured is None and has its
reason in `metrics["notes"]`; no measure is ever filled with a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.evaluation.accuracy import Gold, Grade, accuracy, grade, summarize
from distill.evaluation.example import choose_example
from distill.evaluation.formatting import SHARES, Form, check_form
from distill.evaluation.published import PUBLISHED, PUBLISHED_FORMAT, TALK, table_of
from distill.evaluation.rfs import rfs, rfs_strict
from distill.evaluation.svr import VerificationRecord, read_verification, svr
from parsers import ReasoningGraph, Stage, parse

MAX_GRAPH_CHARACTERS = 100_000  # a longer output is a loop: its graph is read from this much of its start


@dataclass(frozen=True, slots=True)
class Output:
    """What was written for one question, and the gold answer where it is known. `finished`: it ended by itself."""

    question: str
    text: str
    gold: Gold | None = None
    task: str = ""
    language: str = "auto"
    finished: bool | None = None
    num_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One output with everything that was measured on it."""

    output: Output
    form: Form
    graph: ReasoningGraph
    grade: Grade | None = None
    rfs: float | None = None
    rfs_strict: float | None = None
    verification: VerificationRecord | None = None
    teacher: ReasoningGraph | None = None

    def to_row(self) -> dict[str, Any]:
        """Its line of samples.jsonl."""
        output, grade, check = self.output, self.grade, self.verification
        return {
            "task": output.task,
            "language": output.language,
            "question": output.question,
            "gold": output.gold,
            "output": output.text,
            "prediction": grade and grade.prediction,
            "strict": grade and grade.strict,
            "lenient": grade and grade.lenient,
            "timed_out": grade and grade.timed_out,
            "well_formed": self.form.well_formed,
            **{name: getattr(self.form, name) for name in SHARES if name != "well_formed"},
            "execute_wrong": check and check.wrong,
            "flagged": check and check.flagged,
            "rfs": self.rfs,
            "rfs_strict": self.rfs_strict,
            "finished": output.finished,
            "num_tokens": output.num_tokens,
        }


def score_outputs(
    outputs: Sequence[Output], *, teachers: Mapping[str, ReasoningGraph] | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, one row for each output). `teachers` maps a question to the teacher's graph of it, for RFS."""
    scored = [score_output(output, (teachers or {}).get(output.question)) for output in outputs]
    return summarize_scored(scored, has_teacher=teachers is not None), [one.to_row() for one in scored]


def score_output(output: Output, teacher: ReasoningGraph | None = None) -> Scored:
    """One output under every measure that its gold answer and its teacher allow."""
    text = output.text
    graph = parse(text[:MAX_GRAPH_CHARACTERS], question=output.question, language=output.language)
    verdict = check = None
    if output.gold is not None:
        verdict = grade(text, gold=output.gold, language=graph.language)
        check = read_verification(graph, gold=output.gold, teacher=teacher)
    scores = (None, None) if teacher is None else (rfs(graph, teacher), rfs_strict(graph, teacher))
    return Scored(output, check_form(text), graph, verdict, *scores, check, teacher)


def summarize_scored(scored: Sequence[Scored], *, has_teacher: bool) -> dict[str, Any]:
    """metrics.json of these outputs."""
    graded = [one for one in scored if one.grade is not None]
    joined = [one for one in scored if one.rfs is not None]
    checks = [one.verification for one in scored if one.verification is not None]
    notes = []
    if len(graded) < len(scored):
        missing = len(scored) - len(graded)
        notes.append(f"{missing} of {len(scored)} outputs have no gold answer: no accuracy and no SVR for them")
    if not has_teacher:
        notes.append("no teacher traces were given: no RFS")
    elif len(joined) < len(scored):
        notes.append(f"{len(scored) - len(joined)} of {len(scored)} outputs have no teacher trace: no RFS for them")
    if len(checks) < len(graded):
        notes.append(f"outputs without an EXECUTE step, which are no part of SVR: {len(graded) - len(checks)}")
    if any(one.output.task in TALK for one in scored):
        notes.append(f"talk ({', '.join(sorted(TALK))}) is not in the average, nor in all four stages and well formed")
    by_language = _by_language(graded)
    tables = {language: _tasks(ones, language) for language, ones in by_language.items()}
    tasks = _joined({language: found for language, (_, found) in tables.items()})
    table = next(iter(tables.values()))[0] if len(tables) == 1 else None
    return {
        "n": len(scored),
        "accuracy": summarize([one.grade for one in graded if one.grade]) if graded else None,
        "average": _average(tasks, table),
        "table": table,
        "tasks": tasks,
        "languages": {
            language: {"table": name, "average": _average(found, name)} for language, (name, found) in tables.items()
        },
        "errors": _error_places(graded),
        "format": _format(scored, table),
        "rfs": _mean(one.rfs for one in joined),
        "rfs_strict": _mean(one.rfs_strict for one in joined),
        "num_rfs": len(joined),
        "svr": {"own": svr(checks).to_json() if checks else None, "injected": None},
        "perturbation": None,
        "unfinished": sum(one.output.finished is False for one in scored),
        "unread": sum(bool(one.graph.problems) for one in scored),
        "example": choose_example(scored),
        "notes": notes,
    }


def _error_places(graded: Sequence[Scored]) -> dict[str, int]:
    """How many wrong outputs went wrong in which stage first; `answer` is what follows the stages."""
    places = dict.fromkeys((*(stage.name.lower() for stage in Stage), "answer"), 0)
    for one in graded:
        if one.grade is not None and not one.grade.strict:
            places[_error_place(one)] += 1
    return places


def _error_place(one: Scored) -> str:
    """The first stage that is not the teacher's, where both write in the steps of nrm; else what the steps tell."""
    if not one.grade or not one.grade.prediction:
        return "answer"
    if one.teacher is not None and one.graph.format == one.teacher.format == "nrm":
        for stage in Stage:
            own, taught = ([s.text for s in g.steps if s.stage is stage] for g in (one.graph, one.teacher))
            if own != taught:
                return stage.name.lower()
        return "answer"
    if one.verification and not one.verification.wrong:
        return "verify"
    has_slip = any(step.correct is False for step in one.graph.steps if step.stage is Stage.EXECUTE)
    return "execute" if has_slip else "plan"


def _by_language(graded: Sequence[Scored]) -> dict[str, list[Scored]]:
    """The outputs that have a task, by the language that they were asked in."""
    found: dict[str, list[Scored]] = {}
    for one in graded:
        if one.output.task:
            found.setdefault(one.output.language, []).append(one)
    return found


def _joined(tasks: Mapping[str, Mapping[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The tasks of all languages by name; of several languages as `pt/comparison`."""
    several = len(tasks) > 1
    return {
        f"{language}/{name}" if several else name: task
        for language, found in tasks.items()
        for name, task in found.items()
    }


def _tasks(graded: Sequence[Scored], language: str) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """The published table that these tasks belong to, and what was measured on each."""
    names = dict.fromkeys(one.output.task for one in graded)
    table = table_of(set(names), language)
    published = PUBLISHED.get(table or "", {})
    found = {}
    for name in names:
        grades = [one.grade for one in graded if one.grade and one.output.task == name]
        lenient = sum(grade.lenient for grade in grades) / len(grades)
        counts = accuracy(sum(grade.strict for grade in grades), len(grades))
        found[name] = {**counts, "lenient": lenient, "published": published.get(name)}
    return table, found


def _average(tasks: Mapping[str, Mapping[str, Any]], table: str | None) -> dict[str, float | None] | None:
    """Mean of the tasks' accuracies, every task alike, talk apart; the published one where all its tasks are here."""
    shares = {name: task["accuracy"] for name, task in tasks.items() if name.rpartition("/")[2] not in TALK}
    if not shares:
        return None
    published = {name: share for name, share in PUBLISHED.get(table or "", {}).items() if name not in TALK}
    is_whole = bool(published) and set(published) == set(shares)
    return {"accuracy": _mean(shares.values()), "published": _mean(published.values()) if is_whole else None}


def _format(scored: Sequence[Scored], table: str | None) -> dict[str, Any]:
    """Shares of all outputs; those that ask for all four stages, of all but talk."""
    staged = [one for one in scored if one.output.task not in TALK]
    shares = {
        name: _mean(
            getattr(one.form, name) for one in (staged if name in ("stage_completeness", "well_formed") else scored)
        )
        for name in SHARES
    }
    return {"n": len(scored), **shares, "published": PUBLISHED_FORMAT.get(table or "")}


def _mean(values: Any) -> float | None:
    values = [float(value) for value in values]
    return sum(values) / len(values) if values else None
