"""What a recipe leads to, seen from one side each: the texts it teaches, what it asks, what it trains, what it decides.

Each observer takes a recipe and a folder of its own; two recipes that differ in a key that it depends on give two
results. tests/distill/recipe/test_every_key.py says which key changes what.
"""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from distill.errors import UserError
from distill.recipe.schema import AdapterStudent, NanoStudent, Recipe


def texts(recipe: Recipe, folder: Path) -> object:
    from distill.data.nano import training_rows

    return list(training_rows(recipe).texts(60))


def solutions(recipe: Recipe, folder: Path) -> object:
    from distill.data.sources import load_test_traces, load_traces

    return load_traces(recipe), load_test_traces(recipe)


def questions(recipe: Recipe, folder: Path) -> object:
    from distill.data.nano import problems_to_ask

    return problems_to_ask(recipe)


def injected_errors(recipe: Recipe, folder: Path) -> object:
    from distill.data.adapter import HeldOut, learnable
    from distill.data.sources import load_traces

    return [learnable(trace, recipe, HeldOut([])) for trace in load_traces(recipe)]


def run_folder(recipe: Recipe, folder: Path) -> object:
    from distill.runs.folder import find_run

    return find_run(recipe).path.name.removesuffix(recipe.fingerprint())


def model_sizes(recipe: Recipe, folder: Path) -> object:
    from distill.forecast.forecast import forecast
    from distill.tracks.choose import track_of
    from distill.tracks.needs import Sample

    sizes = track_of(recipe).sizes()
    assert sizes is not None
    return forecast(recipe, Sample([20, 30]), sizes)


def verdict(recipe: Recipe, folder: Path) -> object:
    """What is said of the recipe before it is run."""
    from distill.forecast.problems import refuse_impossible

    try:
        refuse_impossible(recipe)
    except UserError as error:
        return str(error)
    return "fine"


def base(recipe: Recipe, folder: Path) -> object:
    from distill.data.bases import base_of

    assert isinstance(recipe.student, AdapterStudent)
    return base_of(recipe.student)


def adapters(recipe: Recipe, folder: Path) -> object:
    from distill.runs.folder import Run
    from distill.tracks.choose import track_of

    model: Any
    model, _ = track_of(recipe).build(Run(folder, recipe))
    return {name: str(sorted(config.to_dict().items(), key=str)) for name, config in model.peft_config.items()}


def schedule_of_training(recipe: Recipe, folder: Path) -> object:
    from distill.training.settings import build_plan

    return build_plan(recipe.train)


def trained(recipe: Recipe, folder: Path) -> object:
    """Weights, history and checkpoints of a few steps of a small student on chains of numbers in four stages."""
    from distill.training.fit import train
    from students.sizes import build_student

    tokenizer = SimpleNamespace(pad_token_id=0, bos_token_id=1, eos_token_id=2)
    size = recipe.student.size if isinstance(recipe.student, NanoStudent) else ""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1}
    model = build_student(size, tokenizer, vocab_size=32, max_length=64, seed=recipe.seed, **sizes)
    result = train(
        model, tokenizer, _chain, settings=recipe.train, weights=recipe.loss.weights,
        loss_kind=recipe.loss.kind, run_dir=folder, seed=recipe.seed, num_examples=40, show=False,
    )  # fmt: skip
    values = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    history = [{key: value for key, value in entry.items() if "second" not in key} for entry in result.history]
    return values, history, sorted(file.name for file in (folder / "checkpoints").iterdir())


def _chain(index: int) -> SimpleNamespace:
    draw = random.Random(index)
    ids = [draw.randrange(3, 31)]
    while len(ids) < 12 + index % 17:
        ids.append((3 * ids[-1] + 1) % 28 + 3)
    stages = [5 * i // (len(ids) - 4) for i in range(len(ids) - 4)]
    stage_ids = [-1] * 4 + [-1 if stage == 4 else stage for stage in stages]
    return SimpleNamespace(input_ids=ids, labels=[-100] * 4 + ids[4:], stage_ids=stage_ids)


def weights(recipe: Recipe, folder: Path) -> object:
    """Stage weights in the middle of training, after two steps in which EXECUTE was harder than the rest."""
    import torch

    from distill.training.settings import build_policy

    policy = build_policy(recipe.loss.weights, recipe.seed)
    for hard in (1.5, 1.2):
        policy.update(torch.tensor([[1.0, 1.0, hard, 1.0, 1.0], [1.0] * 5]))
    return policy.weights(0.5).tolist()


def positions(recipe: Recipe, folder: Path) -> object:
    """The positions of the first batch; nothing is trained."""
    from unittest import mock

    from distill.training import fit
    from students.sizes import build_student

    tokenizer = SimpleNamespace(pad_token_id=0, bos_token_id=1, eos_token_id=2)
    model = build_student("miniaxion1-tiny", tokenizer, vocab_size=32, max_length=64, seed=0)
    settings, weights = recipe.train, recipe.loss.weights
    with mock.patch.object(fit, "StageTrainer") as trainer, mock.patch.object(fit, "_run"):
        fit.train(model, tokenizer, _chain, settings=settings, weights=weights, run_dir=folder)
    return trainer.call_args.kwargs["batches"].batch(0)["position_ids"].tolist()


def compiled(recipe: Recipe, folder: Path) -> object:
    """How often modules are compiled; nothing is."""
    from unittest import mock

    import torch

    with mock.patch.object(torch.nn.Module, "compile") as compile_module:
        try:
            trained(recipe, folder)
        except UserError as error:  # there is no compiler
            return str(error)
    return compile_module.call_count


def tracked(recipe: Recipe, folder: Path) -> object:
    """Where the trainer reports to; why not, where that is not installed."""
    from distill.training.settings import build_arguments

    try:
        return build_arguments(recipe.train, folder, 0).report_to
    except UserError as error:
        return str(error)


def wanted(recipe: Recipe, folder: Path) -> object:
    """The key and the message of every solution that a model is asked for."""
    from distill.traces.collect import wanted_of
    from distill.traces.problems import problems_of

    tasks = [(name, task) for name, asked in problems_of(recipe).items() for task in asked.tasks]
    return [(name, one.request.key, one.message) for name, task in tasks for one in wanted_of(task, recipe, "alone")]


def teacher_model(recipe: Recipe, folder: Path) -> object:
    from distill.traces.writers import teacher_base

    return teacher_base(recipe)


def teachers(recipe: Recipe, folder: Path) -> object:
    """Each model that is asked, and where."""
    from distill.traces.mixture import describe_teachers, teachers_of
    from distill.traces.writers import teacher_base

    models = [one for one in teachers_of(recipe).values() if one.teacher.kind != "reference"]
    return describe_teachers(recipe), [(teacher_base(one), getattr(one.teacher, "url", None)) for one in models]


def sent(recipe: Recipe, folder: Path) -> object:
    """Where questions are sent, and how many at a time."""
    from unittest import mock

    from rich.console import Console

    from distill.traces import writers

    with mock.patch.object(writers, "ask_each") as ask:
        writers.writer_of(recipe, Console())([], lambda one, answer: None, lambda one, reason: None, lambda count: None)
    endpoint = ask.call_args.args[0]
    return endpoint, endpoint.deadline, ask.call_args.kwargs["parallel"]


def taught(recipe: Recipe, folder: Path) -> object:
    """What is learnt of a model that solves one problem in two alone, and where its solutions are kept."""
    import io
    import re
    from unittest import mock

    from rich.console import Console

    from distill.runs.folder import Run
    from distill.traces import collect
    from distill.verbs.trace import write_kept
    from teachers.store import Answer

    def write(wanted: Any, keep: Any, fail: Any, tick: Any) -> None:
        for one in wanted:
            n = int(re.findall(r"\d+", one.message)[0])
            both = (f"{n} + {n + 3}", f"{2 * n + 4} - 1", f"{n + 3} + {n}")[one.request.sample % 3]
            text = f"Rui packs {n} pens.\n\nWe count all things: \\[ {both} = {2 * n + 3} \\]\nIt is \\boxed{{{2 * n + 3}}}."
            if n % 2 and "<<" not in one.message:
                text = "It is \\boxed{1}."
            keep(one, Answer(one.request.key, one.request.question, text))

    folder.mkdir()
    run = Run(folder, recipe)
    with mock.patch.object(collect, "writer_of", lambda recipe, console: write):
        write_kept(run, Console(file=io.StringIO()))
    return run.graphs.read_text(), sorted(file.parent.name for file in Path.cwd().rglob(".lock"))


def examples_of_a_run(recipe: Recipe, folder: Path) -> object:
    """What run.json says of the examples after training."""
    from distill.runs.folder import Run
    from distill.tracks.training import train_run
    from distill.verbs.trace import write_graphs

    folder.mkdir()
    run = Run(folder, recipe)
    write_graphs(run)
    train_run(run)
    return run.record()["examples"]


def asked_of_the_base(recipe: Recipe, folder: Path) -> object:
    """The words in which the untouched base is asked."""
    from unittest import mock

    from distill.verbs import evaluate_phase
    from teachers.problems import Problem

    said: list[str] = []

    def write_on(model: Any, tokenizer: Any, outputs: Any, **_: Any) -> Any:
        said.extend(output.question for output in outputs)
        return outputs

    base: Any = (None, None)
    ways = evaluate_phase.BASE_PROMPTS[recipe.eval.base_prompt]
    with mock.patch.multiple(evaluate_phase, write_on=write_on, decoding_options=lambda *_: {}):
        evaluate_phase.evaluate_bases(recipe, base, [Problem("What is 4 + 5?", "9")], ways, None, lambda count: None)
    return said


def asked_in_a_round(recipe: Recipe, folder: Path) -> object:
    from distill.runs.folder import Run
    from distill.tracks.choose import track_of

    return track_of(recipe).ask(Run(folder, recipe), 1)[:20]


def kept_of_samples(recipe: Recipe, folder: Path) -> object:
    """What becomes of three equal right samples of a question."""
    from distill.data.nano import symbolic_trace
    from distill.refine.rounds import judged
    from parsers.text.markers import output_of

    trace = symbolic_trace(recipe, 0)
    output = output_of(trace.text).removeprefix("<THINK>")
    return [own.kind for own in judged(recipe, trace, [output] * 3)]


def settings_of_a_round(recipe: Recipe, folder: Path) -> object:
    from distill.refine.rounds import round_settings

    return round_settings(recipe)


def mixture(recipe: Recipe, folder: Path) -> object:
    """Whose texts the first examples of a round are."""
    from unittest import mock

    from distill.data.rows import Row
    from distill.refine import own_traces

    own: Any = own_traces.Pools([Row("", "right")], [Row("", "corrected")])
    tokenizer: Any = None
    with mock.patch.object(own_traces, "encode_row", lambda row, _: row.text):
        teacher: Any = lambda index, random: "teacher"  # noqa: E731
        return [own_traces.mixed_example(recipe, 1, own, teacher, tokenizer, i) for i in range(40)]
