"""Every number that the parsers promise, measured on real data and printed as one table.

    python -m benchmarks.bench_parsers [--shared ../shared] [--mutations 20000]

`shared` holds `data/` (GSM8K, MATH, VNHSGE, model traces) and `gold/` (hand-labelled graphs), see their README files.
Exit code 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.gold_scores import rows, score_gold
from benchmarks.round_trips import failures, random_graphs
from parsers import ReasoningGraph, parse, structure
from parsers.answers import Verdict, answers_equal
from parsers.choices import split_options
from parsers.computations import MARK, is_worth
from parsers.expressions import evaluate, operands
from parsers.parse import FORMATS

YEARS = (2019, 2020, 2021, 2022)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table; `good` is None where nothing is promised."""

    name: str
    value: str
    promised: str
    good: bool | None = None
    rest: tuple[str, ...] = ()


def share(name: str, right: int, total: int, least: float, rest: Iterable[str] = ()) -> Measurement:
    """A share of cases against the least that is promised."""
    reached = right / total if total else 0.0
    return Measurement(name, f"{right:,} of {total:,} = {reached:.2%}", f"≥ {least:.1%}", reached >= least, tuple(rest))


def gsm8k_answers(data: Path) -> Iterator[Measurement]:
    """Gold answers, and the verdicts on model solutions."""
    right = total = 0
    for name in ("train", "test"):
        for row in rows(data / f"gsm8k/{name}.jsonl"):
            total += 1
            right += (
                parse(row["answer"], question=row["question"], format="gsm8k").answer
                == row["answer"].rpartition("####")[2].strip()
            )
    yield share("GSM8K gold answers", right, total, 1.0)
    right, total, rest = 0, 0, []
    for number, row in enumerate(rows(data / "gsm8k/model_solutions.jsonl")):
        gold = row["ground_truth"].rpartition("A:")[2].strip()
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            answer = parse(row[model]["solution"], question=row["question"], format="gsm8k").answer
            verdict = answer is not None and answers_equal(gold=gold, prediction=answer) is Verdict.EQUAL
            total += 1
            right += verdict == row[model]["is_correct"]
            if verdict != row[model]["is_correct"]:
                rest.append(f"row {number} {model}: {answer!r} against {gold!r}")
    yield share("GSM8K model solutions: verdicts", right, total, 0.99, rest)


def trace_answers(data: Path) -> Iterator[Measurement]:
    """The answers of model traces against the source's judgement, which ignores minus signs."""
    right, total, rest = 0, 0, []
    for path in sorted((data / "traces").rglob("*.jsonl")):
        for number, row in enumerate(rows(path)):
            answer = parse(row["trace"], question=row["question"], format="freeform").answer
            verdict = answer is not None and answers_equal(gold=row["reference"], prediction=answer) is Verdict.EQUAL
            judged = row["correct"] and not _only_signs_agree(row)
            total += 1
            right += verdict == judged
            if verdict != judged:
                rest.append(
                    f"{path.name} row {number}: {answer!r} against {row['reference']!r}, judged {row['correct']}"
                )
    yield share("model traces: answers as judged, signs respected", right, total, 0.99, rest)


def _only_signs_agree(row: dict[str, Any]) -> bool:
    gold, got = row["reference"].strip(), row["prediction"].strip()
    return (gold.startswith("-") or got.startswith("-")) and gold.lstrip("-") == got.lstrip("-") and gold != got


def math_answers(data: Path) -> Iterator[Measurement]:
    """Boxed answers of MATH, faulty rows left out."""
    from teachers.datasets import KNOWN_FAULTS, fingerprint

    for name in ("train", "test"):
        right, total, rest = 0, 0, []
        for number, row in enumerate(rows(data / f"math/{name}.jsonl")):
            if fingerprint(row["problem"]) in KNOWN_FAULTS:
                continue
            answer = parse(row["solution"], question=row["problem"], format="math").answer
            total += 1
            right += answer == row["answer"].strip()
            if answer != row["answer"].strip():
                rest.append(f"row {number}: {answer!r} against {row['answer']!r}")
        yield share(f"MATH {name}: boxed answers", right, total, 1.0, rest)


def vnhsge_options(data: Path) -> Iterator[Measurement]:
    """Options decided from explanations, over questions that need no image."""
    right, decided, total, rest = 0, 0, 0, []
    for year in YEARS:
        for row in rows(data / f"vnhsge/MET_Math_IE_{year}.json"):
            if row["Image_Question"].strip():
                continue
            answer = parse(row["Explanation"], question=row["Question"], format="vnhsge").answer
            total += 1
            if answer in split_options(row["Question"])[1]:
                decided += 1
                right += answer == row["Choice"]
                if answer != row["Choice"]:
                    rest.append(f"{row['ID']}: {answer} against {row['Choice']}")
    yield share("VNHSGE: option decided", decided, total, 0.85)
    yield share("VNHSGE: right where decided", right, decided, 0.97, rest)


def gsm8k_marks(data: Path) -> Iterator[Measurement]:
    """Calculator marks re-computed, and their operands traced to givens and earlier values."""
    right, total, rest = 0, 0, []
    resolved = num_operands = 0
    for name in ("train", "test"):
        for number, row in enumerate(rows(data / f"gsm8k/{name}.jsonl")):
            graph = parse(row["answer"], question=row["question"], format="gsm8k")
            known: set[Fraction] = {given.value for given in graph.givens}
            for step in graph.steps:
                values = {value for given in step.depends_on for value in _values(graph, given)}
                for mark in MARK.findall(step.text):
                    expression, _, shown = mark.rpartition("=")
                    value = evaluate(shown)
                    holds = None if value is None else is_worth(expression, value, shown)
                    total += 1
                    right += bool(holds)
                    if not holds:
                        rest.append(f"{name} row {number}: <<{mark}>>")
                    for operand in operands(expression):
                        num_operands += 1
                        resolved += (
                            bool(values & _forms(operand.value))
                            or bool(known & _forms(operand.value))
                            or _is_language(operand.value)
                        )
                    if value is not None:
                        known.add(value)
    yield share("GSM8K: operands of marks traced", resolved, num_operands, 0.98)
    yield share("GSM8K: marks re-computed to their value", right, total, 0.995, rest)


def _values(graph: ReasoningGraph, source: int | str) -> Iterator[Fraction]:
    if isinstance(source, str):
        yield from (given.value for given in graph.givens if given.name == source)
    else:
        yield from (step.value for step in graph.steps if step.id == source and isinstance(step.value, Fraction))


def _forms(value: Fraction) -> set[Fraction]:
    """The number itself, its opposite, and what a per cent or a fraction turns into."""
    forms = {
        value,
        -value,
        value * 100,
        value / 100,
        1 - value,
        1 + value,
        100 - value,
        (1 - value) * 100,
        value - 1,
        (value - 1) * 100,
    }
    return forms | ({1 / value} if value else set())


def _is_language(value: Fraction) -> bool:
    from parsers.dependencies import CONSTANTS

    return value in CONSTANTS or value in (1, 2)


def gold_scores(shared: Path) -> Iterator[Measurement]:
    """The hand-labelled graphs."""
    scores = score_gold(shared)
    yield Measurement("hand-labelled: stage macro-F1", f"{scores.macro_f1:.3f}", "≥ 0.92", scores.macro_f1 >= 0.92)
    yield Measurement("hand-labelled: dependency F1", f"{scores.edge_f1:.3f}", "≥ 0.90", scores.edge_f1 >= 0.90)
    accuracy = scores.values_right / max(1, scores.values)
    rest = tuple(error for error in scores.errors if error.startswith("VALUE"))
    yield Measurement(
        "hand-labelled: values",
        f"{scores.values_right} of {scores.values} = {accuracy:.3f}",
        "≥ 0.95",
        accuracy >= 0.95,
        rest,
    )


def reference_solutions(data: Path) -> list[tuple[str, str, str]]:
    """Solution, question and format of every row of GSM8K, MATH and VNHSGE."""
    parts = ("train", "test")
    gsm8k = [row for name in parts for row in rows(data / f"gsm8k/{name}.jsonl")]
    math = [row for name in parts for row in rows(data / f"math/{name}.jsonl")]
    vnhsge = [row for year in YEARS for row in rows(data / f"vnhsge/MET_Math_IE_{year}.json")]
    return [
        *((row["answer"], row["question"], "gsm8k") for row in gsm8k),
        *((row["solution"], row["problem"], "math") for row in math),
        *((row["Explanation"], row["Question"], "vnhsge") for row in vnhsge),
    ]


def round_trips(data: Path, num_graphs: int) -> Iterator[Measurement]:
    """parse(render(graph)) of every structured solution and of random graphs, in both formats of students."""
    real = (structure(parse(text, question=q, format=format)) for text, q, format in reference_solutions(data))
    for name, graphs in (("structured solutions", real), (f"{num_graphs:,} random graphs", random_graphs(num_graphs))):
        total, changed = failures(graphs, show=lambda graph: repr(graph.question))
        yield share(f"{name}: read back equal", total - len(changed), total, 1.0, changed)


def speed(data: Path) -> Iterator[Measurement]:
    """All reference solutions parsed and structured on one core, and a text of one megabyte."""
    work = reference_solutions(data)
    begin = time.process_time()
    for text, question, format in work:
        structure(parse(text, question=question, format=format))
    seconds = time.process_time() - begin
    yield Measurement(f"parse and structure {len(work):,} solutions", f"{seconds:.1f} s", "< 20 s", seconds < 20)
    traces = [row["trace"] for row in rows(data / "traces/gsm8k/Qwen2.5-0.5B-Instruct.jsonl")]
    long = {"traces in a row": "\n\n".join(traces)[:1_000_000]}
    long |= {name: (piece * (1_000_000 // len(piece) + 1))[:1_000_000] for name, piece in _HOSTILE.items()}
    slowest = max(((_seconds_of(text), name) for name, text in long.items()), default=(0.0, ""))
    yield Measurement(
        "1 MB of text, slowest of all formats", f"{slowest[0]:.2f} s ({slowest[1]})", "< 1 s", slowest[0] < 1
    )


_HOSTILE = {
    "one letter": "a", "digits": "7", "blanks": " ", "line feeds": "\n", "opened displays": "\\[ 1 + ",
    "dollars": "$ ", "brackets": "(((", "equals": "1 = ", "list marks": "- 1\n", "headings": "**Step 1:**\n",
    "marks": "<<1+1=", "braces": "\\frac{1}{", "words": "so we have ",
}  # fmt: skip


def _seconds_of(text: str) -> float:
    slowest = 0.0
    for format in FORMATS:
        begin = time.process_time()
        parse(text, question="There are 3 cups and 4 more. How many?", format=format)
        slowest = max(slowest, time.process_time() - begin)
    return slowest


def fuzz(data: Path, num_mutations: int, *, seed: int = 0) -> Iterator[Measurement]:
    """Mutated real texts, each in a random format: nothing may be raised."""
    texts = _real_texts(data)
    draw = random.Random(seed)
    failures: list[str] = []
    slowest = 0.0
    for number in range(num_mutations):
        text, question = draw.choice(texts)
        format = draw.choice(("auto", *FORMATS))
        mutated = mutate(text, draw)
        begin = time.process_time()
        try:
            parse(mutated, question=draw.choice((question, "", mutate(question, draw))), format=format)
        except Exception as error:
            failures.append(f"mutation {number} as {format}: {type(error).__name__}: {error}"[:200])
        slowest = max(slowest, time.process_time() - begin)
    raised = Measurement(
        f"{num_mutations:,} mutated texts: exceptions", str(len(failures)), "0", not failures, tuple(failures)
    )
    yield raised
    yield Measurement("slowest of them", f"{slowest:.2f} s", "")


def _real_texts(data: Path) -> list[tuple[str, str]]:
    texts = [(row["answer"], row["question"]) for row in rows(data / "gsm8k/test_socratic.jsonl")[:300]]
    texts += [(row["solution"], row["problem"]) for row in rows(data / "math/test.jsonl")]
    texts += [
        (row["Explanation"], row["Question"]) for y in YEARS for row in rows(data / f"vnhsge/MET_Math_IE_{y}.json")
    ]
    for path in sorted((data / "traces").rglob("*.jsonl")):
        texts += [(row["trace"][:4000], row["question"]) for row in rows(path)[:60]]
    return texts


_SPLINTERS = (
    "\\[", "\\]", "$", "$$", "\\(", "**", "<<", ">>", "\\boxed{", "\\frac{", "{", "}", "####",
    "<think>", "</think>", "[VERIFY]", "<STEP>", "\x00", "\u200b", "\ud83d\ude00",
    "\u2028", "١٢٣", "½", "²", "٪", "−", "1e999", "9" * 80, "= = =", "1/0",
    "\\begin{align*}", "\\end{align*}", "\r\n", "\ufeff", "é́́", "(1", "x^{", "0,5", "1.000,5", "- ", "1. ",
)  # fmt: skip


def mutate(text: str, draw: random.Random) -> str:
    """The text cut, shuffled, doubled, garbled or with splinters of markup in it, one to four times."""
    for _ in range(draw.randint(1, 4)):
        text = draw.choice(_MUTATIONS)(text, draw)[:20_000]
    return text


def _cut(text: str, draw: random.Random) -> str:
    a, b = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
    return draw.choice((text[:a], text[a:], text[:a] + text[b:], text[a:b]))


def _shuffle(text: str, draw: random.Random) -> str:
    separator = draw.choice(("\n", " ", "."))
    parts = text.split(separator)
    draw.shuffle(parts)
    return separator.join(parts)


def _double(text: str, draw: random.Random) -> str:
    a, b = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
    return text[:b] + text[a:b] * draw.randint(1, 6) + text[b:]


def _garble(text: str, draw: random.Random) -> str:
    letters = list(text)
    for _ in range(max(1, len(letters) // 50)):
        if letters:
            letters[draw.randrange(len(letters))] = chr(
                draw.choice((draw.randrange(32, 127), draw.randrange(0x80, 0xD7FF), draw.randrange(0, 32)))
            )
    return "".join(letters)


def _splinter(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(1, 5)):
        a = draw.randint(0, len(text))
        text = text[:a] + draw.choice(_SPLINTERS) + text[a:]
    return text


def _unclose(text: str, draw: random.Random) -> str:
    return re.sub(draw.choice((r"\\\]", r"\}", r"\$", r">>", r"\)", r"</\w+>", r"\n")), "", text)


_MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (_cut, _shuffle, _double, _garble, _splinter, _unclose)


def measure(shared: Path, num_mutations: int, num_graphs: int) -> Iterator[Measurement]:
    """All measurements, in order."""
    data = shared / "data"
    for part in (gsm8k_answers, trace_answers, math_answers, vnhsge_options, gsm8k_marks):
        yield from part(data)
    yield from gold_scores(shared)
    yield from speed(data)
    yield from round_trips(data, num_graphs)
    yield from fuzz(data, num_mutations)


def main() -> int:
    """Prints the table; 1 where a promise is broken."""
    from rich.console import Console
    from rich.table import Table

    arguments = argparse.ArgumentParser(description="Every number that the parsers promise.")
    arguments.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    arguments.add_argument("--mutations", type=int, default=20_000)
    arguments.add_argument("--graphs", type=int, default=100_000, help="random graphs rendered and read back")
    arguments.add_argument("--rest", type=int, default=12, help="cases shown of each measurement that is not perfect")
    options = arguments.parse_args()
    console, table = Console(), Table("measured", "value", "promised", "")
    found = []
    for measurement in measure(options.shared, options.mutations, options.graphs):
        found.append(measurement)
        mark = {None: "", True: "[green]✓", False: "[red]✗"}[measurement.good]
        table.add_row(measurement.name, measurement.value, measurement.promised, mark)
        print(f"{measurement.name}: {measurement.value}", file=sys.stderr)
    console.print(table)
    for measurement in found:
        if measurement.rest:
            console.print(f"\n{measurement.name}: {len(measurement.rest)} remain")
            for line in measurement.rest[: options.rest]:
                console.print(f"  {line}", markup=False)
    return int(any(measurement.good is False for measurement in found))


if __name__ == "__main__":
    sys.exit(main())
