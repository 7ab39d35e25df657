"""The sections `teacher`, `data` and `parser`: where traces come from, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer

from distill.errors import unknown_name
from distill.recipe.fields import Bool, Count, NonNegative, Positive, Section, Share, default_tag

EnglishTask = Literal["arithmetic", "two_step", "even_odd", "comparison", "pattern", "word_problem", "sorting"]
PortugueseTask = Literal[
    "addition", "subtraction", "multiplication", "even_odd", "comparison", "sequence",
    "word_addition", "word_subtraction", "word_multiplication", "true_false", "chat",
]  # fmt: skip
Task = Literal[EnglishTask, PortugueseTask]
Format = Literal["auto", "staged", "nrm", "thinkset", "gsm8k", "socratic", "math", "vnhsge", "freeform", "think"]
TaughtDataset = Literal["gsm8k", "math", "vnhsge"]
Dataset = Literal[TaughtDataset, "thinkset"]

TASKS: dict[str, tuple[str, ...]] = {"en": get_args(EnglishTask), "pt": get_args(PortugueseTask)}
READABLE: dict[str, tuple[str, ...]] = {
    "gsm8k": ("gsm8k", "socratic", "freeform"),
    "math": ("math", "freeform"),
    "vnhsge": ("vnhsge", "freeform"),
    "thinkset": ("thinkset",),
}
"""Data set to the formats that its solutions can be read in; the first is that of the published files."""


def _languages(value: object) -> tuple[str, ...]:
    """Accept one language or a list of them, each once."""
    names: list[str] = []
    for name in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(name, str) or name not in TASKS:
            raise ValueError(unknown_name(f'value "{name}"', str(name), list(TASKS)))
        names.append(name)
    if not names or len(set(names)) < len(names):
        raise ValueError("a list of languages names at least one, and none twice")
    return tuple(names)


def _one_or_all(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


Languages = Annotated[tuple[str, ...], BeforeValidator(_languages), PlainSerializer(_one_or_all)]


class SymbolicTeacher(Section):
    """The built-in exact solver of the nano tasks. It needs no network and never runs out of problems."""

    kind: Literal["symbolic"] = "symbolic"
    """Selects this teacher."""
    language: Languages = ("en",)
    """`en`, `pt`, or a list of both for one student of two languages."""
    tasks: dict[Task, NonNegative] = Field(default_factory=dict)
    """Weight of each task in the mix, in every language that has it. Empty: all tasks equally."""
    error_rate: Share = 0.1
    """Share of traces with a wrong EXECUTE step that VERIFY finds and corrects. Raise it to train verification."""
    slip_rate: Share = 0.0
    """In such a trace, the probability that each later step is wrong as well. Above 0, VERIFY cannot be copied from
    EXECUTE."""
    verify: Literal["inverse", "steps"] = "inverse"
    """`inverse`: VERIFY undoes the whole computation in one step. `steps`: VERIFY computes every step again and marks
    the first that differs."""
    notation: Literal["columns", "tags"] = "columns"
    """How a step finds its digits. `columns`: by their place, in short texts. `tags`: by a letter before each digit, in
    longer texts, for numbers longer than in training. The chat template writes the tags into questions, and decoded
    texts do not show them."""
    max_digits: Annotated[Count, Field(le=12)] | None = None
    """Digits of the largest numbers in training, each width equally often. Products have at most 2, lists 3. Unset: the
    ranges of the tasks."""

    @property
    def task_weights(self) -> dict[tuple[str, str], float]:
        """(language, task) to its share in the training mix, above zero, summing to one."""
        asked = {task: weight for task, weight in self.tasks.items() if weight > 0}
        weights = {
            (language, str(task)): weight
            for language in self.language
            for task, weight in (asked or dict.fromkeys(TASKS[language], 1.0)).items()
            if task in TASKS[language]
        }
        return {key: weight / sum(weights.values()) for key, weight in weights.items()}


class Source(Section):
    """One data set of several."""

    limit: Count | None = None
    """Maximum number of training texts. Set it to balance a large data set against small ones."""
    path: str | None = None
    """Local file of solutions. Unset: the data set is downloaded from the Hub."""
    test_path: str | None = None
    """Local file of test questions. Unset: `test.jsonl` beside `path`."""


class ReferenceTeacher(Section):
    """Solutions from published data sets."""

    kind: Literal["reference"]
    """Selects this teacher."""
    dataset: Dataset = "gsm8k"
    """The data set. `thinkset` is for nano students only; it can also be a `.txt` file of records."""
    datasets: dict[Dataset, Source] = Field(default_factory=dict)
    """Several data sets instead of `dataset`, for example `{gsm8k: {limit: 7000}, math: {}}`."""
    error_rate: Share = 0.0
    """Share of texts that get one wrong EXECUTE step, which VERIFY finds and corrects; adapter students only. Few
    solutions of MATH and VNHSGE allow it: `run.json` counts them."""


class FurtherTeacher(Section):
    """A further teacher for the same problems. Its other keys are those of the first teacher."""

    kind: Literal["self", "local", "endpoint", "reference"]
    """A kind as for the first teacher, or `reference`: the published solutions."""
    model: str | None = None
    """As `teacher.model`."""
    url: str | None = None
    """As `teacher.url`."""
    gguf_file: str | None = None
    """As `teacher.gguf_file`."""
    load_in_4bit: Bool = False
    """As `teacher.load_in_4bit`."""
    weight: Positive = 1.0
    """As `teacher.weight`."""


class ModelTeacher(Section):
    """A model that solves the problems of published data sets, or of a file, in its own words. Its solutions are split
    into four stages, and learnt only if they are verified ([teachers.md](teachers.md)). For adapter students."""

    kind: Literal["self", "local", "endpoint"]
    """`self`: the student's own base before training. `local`: a model on this machine. `endpoint`: a server that
    speaks the OpenAI API; its key comes from the environment variable OPENAI_API_KEY."""
    model: str | None = None
    """Of `local` a folder or a name on the Hub, of `endpoint` the name that the server knows."""
    url: str | None = None
    """Address of the `endpoint`, for example `http://localhost:8000/v1`."""
    gguf_file: str | None = None
    """A GGUF file of the `local` model, used instead if it is found."""
    load_in_4bit: Bool = False
    """Load the `local` model in 4 bit, by bitsandbytes."""
    dataset: TaughtDataset = "gsm8k"
    """The data set whose problems are asked."""
    datasets: dict[TaughtDataset, Source] = Field(default_factory=dict)
    """Several data sets instead of `dataset`, for example `{gsm8k: {limit: 7000}, math: {}}`."""
    problems: str | None = None
    """A file of questions with answers instead of a data set: one `{"question", "answer"}` per line. Questions whose
    SHA-256 is divisible by ten are kept for the test."""
    num_problems: Count | None = None
    """Maximum number of problems of each data set. Unset: all."""
    num_samples: Count = 4
    """Solutions drawn for each problem."""
    temperature: NonNegative = 0.7
    """Temperature of the draws; 0 takes the best token and draws one solution."""
    max_new_tokens: Count = 512
    """Longest solution in tokens. A longer one is cut off, and not learnt."""
    concurrency: Count = 16
    """Solutions written at the same time: rows of a batch, or parallel requests."""
    answer_seconds: Count = 900
    """Seconds for one answer of an `endpoint`, retries included. With 16 parallel requests, a server on two busy cores
    needs more than five minutes for 400 tokens."""
    store: str = "traces"
    """Folder of all solutions, shared by recipes. Solutions in it are not requested again."""
    form: Literal["canonical", "light"] = "canonical"
    """`canonical`: one line per step, without markup, with calculator marks. `light`: its own text, split into
    stages."""
    min_rfs: Share = 0.6
    """Minimum Reasoning Faithfulness Score with the reference solution, if there is one. A correct solution below it
    counts as right by luck."""
    max_per_problem: Count = 2
    """Maximum number of verified solutions to learn per problem."""
    show_reference: Bool = True
    """Ask again for problems without a kept solution, with their reference solution shown."""
    weight: Positive = 1.0
    """Share of this teacher's texts among those that are learnt, relative to the teachers of `mix`."""
    mix: dict[str, FurtherTeacher] = Field(default_factory=dict)
    """Further teachers by a name of yours, for example `{larger: {kind: local, model: org/larger, weight: 2}}`."""

    @property
    def samples(self) -> int:
        """Solutions per problem; one without a temperature, because all would be equal."""
        return self.num_samples if self.temperature else 1


Teacher = Annotated[
    SymbolicTeacher | ReferenceTeacher | ModelTeacher, Field(discriminator="kind"), default_tag("kind", "symbolic")
]


class Data(Section):
    """Local files of the data set. Questions of the training file whose SHA-256 is divisible by ten are kept for
    validation."""

    path: str | None = None
    """Local file of solutions, one JSON object per line. Unset: the data set is downloaded from the Hub."""
    test_path: str | None = None
    """Local file of test questions. Unset: `test.jsonl` beside `path`."""


class Parser(Section):
    """How reference solutions are read into reasoning graphs."""

    format: Format = "auto"
    """`auto`: the format of the data set's published files. Set `socratic` for GSM8K's socratic files, `freeform` for
    a file whose solutions have lost their marks."""


def teacher_problems(
    teacher: SymbolicTeacher | ReferenceTeacher | ModelTeacher, data: Data, parser: Parser
) -> Iterator[str]:
    """Contradictions in these three sections, each as `key.path: finding`."""
    if isinstance(teacher, SymbolicTeacher):
        yield from _symbolic_problems(teacher, data, parser)
        return
    if isinstance(teacher, ModelTeacher):
        yield from _model_problems(teacher, data)
    for name in teacher.datasets or (teacher.dataset,):
        if parser.format not in ("auto", *READABLE[name]):
            allowed = ", ".join(("auto", *READABLE[name]))
            yield f"parser.format: {name} cannot be read as {parser.format} ({allowed})"
    for key in ("path", "test_path"):
        if teacher.datasets and getattr(data, key) is not None:
            yield f"data.{key}: teacher.datasets is set; give each data set its own {key} there"


_NEEDED = {"local": ("model",), "endpoint": ("model", "url")}
_TAKEN = {"local": ("model", "gguf_file", "load_in_4bit"), "endpoint": ("model", "url")}
"""Kind of a teacher to the keys that it needs, and to those that it may have."""


def _named_problems(teacher: ModelTeacher | FurtherTeacher, path: str) -> Iterator[str]:
    for key in ("model", "url", "gguf_file", "load_in_4bit"):
        if key in _NEEDED.get(teacher.kind, ()) and not getattr(teacher, key):
            yield f"{path}.{key}: needed with kind {teacher.kind}"
        if key not in _TAKEN.get(teacher.kind, ()) and getattr(teacher, key):
            yield f"{path}.{key}: not for kind {teacher.kind}; take it out"


def _model_problems(teacher: ModelTeacher, data: Data) -> Iterator[str]:
    yield from _named_problems(teacher, "teacher")
    for name, further in teacher.mix.items():
        if name == teacher.kind:
            yield f"teacher.mix.{name}: this is the name of the first teacher; choose another"
        yield from _named_problems(further, f"teacher.mix.{name}")
        if further.kind == "reference" and teacher.problems is not None:
            yield f"teacher.mix.{name}: a file of questions has no reference solutions; take it out"
    for key in ("path", "test_path"):
        if teacher.problems is not None and getattr(data, key) is not None:
            yield f"data.{key}: teacher.problems is set, so that no data set is read"
    if teacher.problems is not None and teacher.datasets:
        yield "teacher: problems and datasets are both set; keep one"


def _symbolic_problems(teacher: SymbolicTeacher, data: Data, parser: Parser) -> Iterator[str]:
    allowed = list(dict.fromkeys(task for language in teacher.language for task in TASKS[language]))
    languages = " or ".join(f'"{language}"' for language in teacher.language)
    for task in teacher.tasks:
        if task not in allowed:
            yield f"teacher.tasks.{task}: not a task of language {languages} ({', '.join(allowed)})"
    if teacher.tasks and not any(teacher.tasks.values()):
        yield "teacher.tasks: every weight is 0, so there is nothing to train on"
    if parser.format not in ("auto", "nrm"):
        yield f"parser.format: the symbolic teacher writes nrm, not {parser.format}"
    for key in ("path", "test_path"):
        if getattr(data, key) is not None:
            yield f"data.{key}: the symbolic teacher reads no file; set teacher.kind=reference"
