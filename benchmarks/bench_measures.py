"""What the measures measure, on real outputs, and how fast batched decoding is.

    python benchmarks/bench_measures.py --data ../shared/data          faithfulness on GSM8K outputs of four models
    python benchmarks/bench_measures.py --decode                       200 questions batched and one by one

For every output the score is taken against the reference graph of its own problem and of another one. AUC is the
chance that the first of a random pair scores higher: own problem against another, right solution against wrong. The
naive baseline beside it is the overlap (F1) of the sets of numbers in the two texts.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.evaluation import grade, rfs, rfs_strict
from distill.evaluation.statistics import area_under_curve
from distill.runs.folder import commit
from parsers import ReasoningGraph, Stage, parse
from parsers.arithmetic.numbers import find_numbers

SEED = 0
NUM_QUESTIONS = 200
MAX_REWIRED = 3
NUM_SINGLE = 10  # questions decoded one by one, to know the time of all
MIN_TARGETS = {"own against other": 0.99, "right against wrong": 0.80}


def main() -> None:
    """Run what the command line asks for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with gsm8k/ and traces/gsm8k/"
    )
    parser.add_argument("--limit", type=int, default=800, help="outputs of each model")
    parser.add_argument("--decode", action="store_true", help="measure decoding instead")
    arguments = parser.parse_args()
    print(f"commit {commit()}, python {platform.python_version()}, seed {SEED}")
    if arguments.decode:
        bench_decoding()
    else:
        bench_faithfulness(arguments.data, arguments.limit)


def bench_faithfulness(data: Path, limit: int) -> None:
    """AUC of each score for each model, then how RFS falls as dependencies are rewired."""
    draw = random.Random(SEED)
    references = read(data / "gsm8k" / "test.jsonl")[:limit]
    teachers = [parse(r["answer"], question=r["question"], format="gsm8k", language="en") for r in references]
    numbers = [numbers_of(r["answer"]) for r in references]
    pooled: dict[str, dict[str, list[float]]] = {}
    print("\n| outputs | score | own against other | right against wrong | mean own | mean other |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for path in sorted((data / "traces" / "gsm8k").glob("*.jsonl")):
        found: dict[str, dict[str, list[float]]] = {}
        for i, row in enumerate(read(path)[:limit]):
            graph = parse(row["trace"], question=row["question"], language="en")
            own_numbers = numbers_of(row["trace"])
            is_right = grade(row["trace"], gold=row["reference"]).lenient
            other = draw.choice([k for k in range(len(teachers)) if k != i])
            scores: dict[str, Callable[[int], float]] = {
                "RFS": lambda k, graph=graph: rfs(graph, teachers[k]),
                "RFS strict": lambda k, graph=graph: rfs_strict(graph, teachers[k]),
                "numbers (naive)": lambda k, own=own_numbers: overlap(own, numbers[k]),
            }
            for name, score in scores.items():
                own, another = score(i), score(other)
                for into in (found, pooled):
                    kinds = into.setdefault(name, {"own": [], "other": [], "right": [], "wrong": []})
                    kinds["own"].append(own)
                    kinds["other"].append(another)
                    kinds["right" if is_right else "wrong"].append(own)
        show(path.stem, found)
    show("all", pooled)
    show_verdict(pooled)
    show_rewiring(teachers, draw)


def show(outputs: str, found: dict[str, dict[str, list[float]]]) -> None:
    """One line of the table for each score."""
    for name, kinds in found.items():
        own_other = area_under_curve(kinds["own"], kinds["other"])
        right_wrong = area_under_curve(kinds["right"], kinds["wrong"])
        means = (sum(kinds[kind]) / len(kinds[kind]) for kind in ("own", "other"))
        print(
            f"| {outputs} | {name} | {own_other:.4f} | {right_wrong:.4f} | "
            + " | ".join(f"{m:.3f}" for m in means)
            + " |"
        )


def show_verdict(pooled: dict[str, dict[str, list[float]]]) -> None:
    """The pooled figures against what RFS is meant to reach."""
    score, naive = (
        {
            "own against other": area_under_curve(pooled[name]["own"], pooled[name]["other"]),
            "right against wrong": area_under_curve(pooled[name]["right"], pooled[name]["wrong"]),
        }
        for name in ("RFS", "numbers (naive)")
    )
    print()
    for pair, target in MIN_TARGETS.items():
        verdict = "reached" if score[pair] >= target else "missed"
        print(f"{pair}: {score[pair]:.4f}, the target is {target} or more: {verdict}; naive {naive[pair]:.4f}")


def show_rewiring(teachers: list[ReasoningGraph], draw: random.Random) -> None:
    """Mean scores of reference graphs against themselves with 0 to 3 dependencies of the answer pointed elsewhere."""
    print("\n| rewired dependencies | graphs | RFS | RFS strict |")
    print("| ---: | ---: | ---: | ---: |")
    for count in range(MAX_REWIRED + 1):
        pairs = [(rewired(graph, count, draw), graph) for graph in teachers]
        pairs = [(changed, graph) for changed, graph in pairs if changed is not None]
        means = [sum(score(a, b) for a, b in pairs) / len(pairs) for score in (rfs, rfs_strict)]
        print(f"| {count} | {len(pairs)} | {means[0]:.3f} | {means[1]:.3f} |")


def rewired(graph: ReasoningGraph, count: int, draw: random.Random) -> ReasoningGraph | None:
    """The graph with `count` dependencies of computing steps pointed to something else; None where it has too few."""
    computing = [step for step in graph.steps if step.stage is Stage.EXECUTE and step.value is not None]
    names = [given.name for given in graph.givens]
    options = [
        (step.id, old, new)
        for step in computing
        for old in step.depends_on
        for new in [*names, *(other.id for other in computing if other.id < step.id)]
        if new not in step.depends_on
    ]
    draw.shuffle(options)
    chosen: dict[tuple[int, int | str], int | str] = {}
    for step, old, new in options:
        is_free = (step, old) not in chosen and (step, new) not in {
            (other, value) for (other, _), value in chosen.items()
        }
        if is_free and len(chosen) < MAX_REWIRED:
            chosen[step, old] = new
    if len(chosen) < MAX_REWIRED:  # the same graphs for every count
        return None
    chosen = dict(list(chosen.items())[:count])
    steps = tuple(replace(s, depends_on=tuple(chosen.get((s.id, d), d) for d in s.depends_on)) for s in graph.steps)
    return replace(graph, steps=steps)


def bench_decoding() -> None:
    """Time of 200 questions by `students.generation.generate` and by one `model.generate` each."""
    import torch

    from students.generation import generate
    from students.miniaxion import MiniAxionConfig, MiniAxionForCausalLM

    torch.manual_seed(SEED)
    draw = random.Random(SEED)
    config = MiniAxionConfig(bos_token_id=None, eos_token_id=None, pad_token_id=0)
    model: Any = MiniAxionForCausalLM(config).eval()
    with torch.no_grad():  # what starts at zero would write the same token forever
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    prompts = [[draw.randrange(5, 2048) for _ in range(draw.randint(8, 24))] for _ in range(NUM_QUESTIONS)]
    num_parameters = sum(p.numel() for p in model.parameters())
    print(f"\n{num_parameters:,} parameters, {torch.get_num_threads()} threads, 150 new tokens each")
    texts = [" ".join(map(str, prompt)) for prompt in prompts]
    start = time.perf_counter()
    tokenizer: Any = _Numbers()  # `generate` needs no more of a tokenizer
    found = generate(model, tokenizer, texts, max_new_tokens=150, batch_size=64, stop=None)
    batched = time.perf_counter() - start
    single: list[float] = []
    for prompt, generation in list(zip(prompts, found, strict=True))[:NUM_SINGLE]:
        ids = torch.tensor([prompt])
        start = time.perf_counter()
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=150, pad_token_id=0
        )
        single.append(time.perf_counter() - start)
        assert " ".join(map(str, out[0, len(prompt) :].tolist())) == generation.text, "batched decoding differs"
    one_by_one = sum(single) / len(single) * NUM_QUESTIONS
    print(f"batched {batched:.1f} s; one by one {one_by_one:.1f} s (from {len(single)} of them)")
    print(f"batched is {one_by_one / batched:.1f} times faster")


class _Numbers:
    """A tokenizer whose text is token ids in decimal."""

    pad_token_id, unk_token_id, eos_token_id = None, 1, None

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        return {"input_ids": [int(word) for word in text.split()]}

    def decode(self, ids: list[int], skip_special_tokens: bool = False) -> str:
        return " ".join(map(str, ids))


def numbers_of(text: str) -> set:
    """The values of all numbers in a text."""
    return {number.value for number in find_numbers(text)}


def overlap(a: set, b: set) -> float:
    """F1 of two sets; 1 where both are empty."""
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0


def read(path: Path) -> list[dict]:
    """The rows of a JSONL file."""
    if not path.is_file():
        raise SystemExit(f"{path}: no such file; give the folder that holds it with --data")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


if __name__ == "__main__":
    main()
