"""Accuracy of a nano student with tags on numbers longer than in training, operation by operation.

    python -m benchmarks.bench_digits runs/miniaxion_further-… --extra 1,2,3,4 --questions 200

The report's table has the tasks as they are drawn; a third of its arithmetic are products, and lists are sorted. Here
stand the questions that can be solved digit by digit: no products, no lists. Test side, greedy. For each number of
extra digits it also prints what VERIFY made of right and wrong results.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from itertools import count, islice

from distill.data.prompts import prompt
from distill.evaluation.outputs import score_output
from distill.evaluation.scored import Output
from distill.evaluation.svr import svr
from students.generation import generate, load_student
from teachers.nano_tasks import draw_problem
from teachers.problems import Problem

TASKS = ("arithmetic", "two_step", "pattern", "word_problem", "comparison", "even_odd")
NAMES = ("addition", "subtraction", *TASKS[1:])


def main() -> None:
    """Ask and print a line for each number of extra digits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", help="a run folder or a saved student")
    parser.add_argument("--extra", default="0,1,2,3,4", help="digits more than in training, a list")
    parser.add_argument("--max-digits", type=int, default=6, help="teacher.max_digits of the recipe")
    parser.add_argument("--questions", type=int, default=200, help="of each kind")
    parser.add_argument("--max-new-tokens", type=int, default=1300)
    options = parser.parse_args()
    model, tokenizer = load_student(options.student)
    for extra in map(int, options.extra.split(",")):
        asked = [
            (name, problem)
            for name in NAMES
            for problem in islice(questions(name, extra, options.max_digits), options.questions)
        ]
        prompts = [prompt(tokenizer, problem.question) for _, problem in asked]
        found = generate(model, tokenizer, prompts, max_new_tokens=options.max_new_tokens, batch_size=100)
        shares, records = defaultdict[str, list[bool]](list), []
        for (name, problem), one in zip(asked, found, strict=True):
            scored = score_output(Output(problem.question, one.text, problem.answer, problem.task, "en"))
            shares[name].append(bool(scored.grade and scored.grade.strict))
            records += [scored.verification] if scored.verification else []
        rates = {name: 100 * sum(right) / len(right) for name, right in shares.items()}
        average = sum(rates.values()) / len(rates)
        print(f"+{extra}: average {average:.1f} %", *(f"{name} {rate:.1f}" for name, rate in rates.items()), flush=True)
        print(f"    {svr(records)}")


def questions(name: str, extra: int, max_digits: int) -> Iterator[Problem]:
    """The different questions of a kind, without end."""
    task, seen = name if name in TASKS else "arithmetic", set[str]()
    for index in count():
        problem = draw_problem(task, seed=1, index=index, split="test", extra_digits=extra, max_digits=max_digits)
        if problem.question not in seen and kind(problem) == name:
            seen.add(problem.question)
            yield problem


def kind(problem: Problem) -> str | None:
    """The name under which a problem is counted; None for products, which are not asked."""
    expression = problem.expression or ""
    if "*" in expression:
        return None
    if problem.task == "arithmetic":
        return "addition" if "+" in expression else "subtraction"
    if problem.task == "pattern":
        a, b, c, _ = (int(term) for term in problem.question.partition(":")[2].strip(" ?").split(","))
        return "pattern" if b - a == c - b else None
    return problem.task


if __name__ == "__main__":
    main()
