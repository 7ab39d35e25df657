"""Computes metrics.json from a set of outputs of any model.

    metrics, rows = score_outputs([Output("What is 4 + 5?", "…</THINK><ANS>9</ANS>", gold="9", task="arithmetic")])
    metrics["accuracy"]["strict"]["accuracy"]  ->  1.0

`metrics` has the shape of metrics.json, `rows` that of samples.jsonl. A measure that cannot be computed is None, and
`metrics["notes"]` says why; no value is ever guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distill.evaluation.accuracy import accuracy, asks_for_order, grade, summarize
from distill.evaluation.example import choose_example
from distill.evaluation.formatting import SHARES, check_form
from distill.evaluation.published import PUBLISHED, PUBLISHED_FORMAT, TALK, table_of
from distill.evaluation.rfs import rfs, rfs_strict
from distill.evaluation.scored import Output, Scored
from distill.evaluation.svr import read_verification, svr
from parsers import ReasoningGraph, Stage, parse
from parsers.arithmetic.numbers import find_givens
from parsers.reading.coverage import FREE_FORMATS, share_read

MIN_SHARE_READ = 0.5
"""Of the computing statements of a free text, the share that must be read for RFS, else words alone score 0."""
MAX_GRAPH_CHARACTERS = 100_000  # a longer output is a loop: its graph is read from this much of its start


def score_outputs(
    outputs: Sequence[Output], *, teachers: Mapping[str, ReasoningGraph] | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, one row for each output). `teachers` maps a question to the teacher's graph of it, for RFS."""
    scored = [score_output(output, (teachers or {}).get(output.question)) for output in outputs]
    return summarize_scored(scored, has_teacher=teachers is not None), [one.to_row() for one in scored]


def score_output(output: Output, teacher: ReasoningGraph | None = None) -> Scored:
    """All measures of one output that its gold answer and its teacher allow."""
    text = output.text
    graph = parse(text[:MAX_GRAPH_CHARACTERS], question=output.question, language=output.language)
    verdict = check = None
    if output.gold is not None:
        ordered = asks_for_order(output.question) or None
        verdict = grade(text, gold=output.gold, language=graph.language, ordered=ordered)
        check = read_verification(graph, gold=output.gold, teacher=teacher) if has_marked_stages(graph) else None
    scores = None, None
    if teacher is not None and is_read(graph):
        scores = rfs(graph, teacher), rfs_strict(graph, teacher)
    return Scored(output, check_form(text), graph, verdict, *scores, check, teacher)


def has_marked_stages(graph: ReasoningGraph) -> bool:
    """Whether stages are marked. Free text has no SVR, because flags of errors in it are not validated."""
    return graph.format not in FREE_FORMATS


def is_read(graph: ReasoningGraph) -> bool:
    """Whether the parser read enough of the output for RFS."""
    share = share_read(graph) if graph.format in FREE_FORMATS else None
    return share is None or share >= MIN_SHARE_READ


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
    elif (missing := sum(one.teacher is None for one in scored)) > 0:
        notes.append(f"{missing} of {len(scored)} outputs have no teacher trace: no RFS for them")
    if has_teacher and (missed := sum(one.teacher is not None and one.rfs is None for one in scored)):
        notes.append(f"{missed} of {len(scored)} outputs compute in words or code that was not read: no RFS for them")
    free = sum(not has_marked_stages(one.graph) for one in graded)
    if free:
        notes.append(f"{free} of {len(graded)} outputs are free text, where flags of errors are not validated: no SVR")
    if len(checks) + free < len(graded):
        notes.append(f"outputs without an EXECUTE step, which SVR leaves out: {len(graded) - len(checks) - free}")
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
    """Counts of wrong outputs by the stage of their first error; `answer` is the part after the stages."""
    places = dict.fromkeys((*(stage.name.lower() for stage in Stage), "answer"), 0)
    for one in graded:
        if one.grade is not None and not one.grade.strict:
            places[_error_place(one)] += 1
    return places


def _error_place(one: Scored) -> str:
    """The stage of the first error: where nrm steps differ from the teacher's, or else where re-computed steps fail."""
    if not one.grade or not one.grade.prediction:
        return "answer"
    if one.teacher is not None and one.graph.format == one.teacher.format == "nrm":
        for stage in Stage:
            own, taught = ([s.text for s in g.steps if s.stage is stage] for g in (one.graph, one.teacher))
            if own != taught:
                return stage.name.lower()
        return "answer"
    if _misreads(one.graph):
        return "understand"
    if one.verification and not one.verification.wrong:
        return "verify"
    has_slip = any(step.correct is False for step in one.graph.steps if step.stage is Stage.EXECUTE)
    return "execute" if has_slip else "plan"


def _misreads(graph: ReasoningGraph) -> bool:
    """Whether UNDERSTAND states a number that the question does not."""
    given = {given.value for given in graph.givens}
    texts = [step.text for step in graph.steps if step.stage is Stage.UNDERSTAND]
    return bool(given) and any(n.value not in given for text in texts for n in find_givens(text, graph.language))


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
    """Mean accuracy of the tasks with equal weights, without talk; and the published mean if all its tasks are here."""
    shares = {name: task["accuracy"] for name, task in tasks.items() if name.rpartition("/")[2] not in TALK}
    if not shares:
        return None
    published = {name: share for name, share in PUBLISHED.get(table or "", {}).items() if name not in TALK}
    is_whole = bool(published) and set(published) == set(shares)
    return {"accuracy": _mean(shares.values()), "published": _mean(published.values()) if is_whole else None}


def _format(scored: Sequence[Scored], table: str | None) -> dict[str, Any]:
    """Format shares over all outputs; those about all four stages leave out talk."""
    staged = [one for one in scored if one.output.task not in TALK]
    shares = {
        name: _mean(
            getattr(one.form, name) for one in (staged if name in ("stage_completeness", "well_formed") else scored)
        )
        for name in SHARES
    }
    return {"n": len(scored), **shares, "published": PUBLISHED_FORMAT.get(table or "")}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
