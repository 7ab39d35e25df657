"""The sections `train`, `refine` and `eval`: how long, with which optimizer, and what is asked at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from distill.recipe.fields import Bool, Count, CountOrZero, Float, NonNegative, Positive, Section, Seed, Share


class Train(Section):
    """How long and with which optimizer; the names are those of `transformers.TrainingArguments`."""

    max_steps: Count | None = None
    """Optimizer steps. If it is set, `max_minutes` has no effect. `run.json` holds the steps of a timed run: set them
    here to repeat it exactly."""
    max_minutes: Positive | None = None
    """Training time in minutes. The learning-rate schedule ends when the time ends."""
    per_device_train_batch_size: Count = 64
    """Examples per micro-batch. If memory runs out, halve it and double `gradient_accumulation_steps`."""
    gradient_accumulation_steps: Count = 1
    """Micro-batches per optimizer step, divided among processes."""
    learning_rate: Positive = 3e-3
    """Highest learning rate. Lower it for larger students, and if the loss jumps."""
    optim: Literal["adamw", "muon", "paged_adamw_8bit"] = "adamw"
    """`adamw`; `muon`: Muon for matrices and AdamW for the rest; `paged_adamw_8bit`: of bitsandbytes on a GPU, `adamw`
    without one."""
    muon_learning_rate: Positive | None = None
    """Learning rate of the matrices that Muon trains. Unset: `learning_rate`."""
    learning_rate_multipliers: dict[str, Positive] = Field(default_factory=dict)
    """Shell pattern of parameter names to a factor on their learning rate, for example `{"*.b": 2}`. The first pattern
    that matches counts."""
    lr_scheduler: Literal["warmup_stable_decay", "cosine", "linear", "constant", "constant_with_warmup"] = (
        "warmup_stable_decay"
    )
    """Shape of the learning rate over time. `cosine` and `linear` need `max_steps`."""
    decay_fraction: Annotated[Float, Field(ge=0, lt=1)] = 0.3
    """Share of training, at its end, in which `warmup_stable_decay` lowers the learning rate to zero."""
    warmup_steps: CountOrZero = 100
    """Optimizer steps in which the learning rate rises from zero."""
    weight_decay: NonNegative = 0.1
    """Decay of the weights per step, as a multiple of the learning rate."""
    max_grad_norm: NonNegative = 1.0
    """Gradients are scaled down to this norm; 0 leaves them as they are."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the computation. `auto`: the fastest that the device computes safely."""
    balancing_rate: NonNegative = 1e-3
    """Step of each expert's selection bias after every optimizer step (arXiv 2408.15664); 0 switches balancing off.
    Students without experts ignore it."""
    compile: Literal["auto", "on", "off"] = "auto"
    """`torch.compile`. `auto` uses it where a C++ compiler is found."""
    batching: Literal["length_grouped", "packed", "padded"] = "length_grouped"
    """How examples form a batch. `length_grouped`: examples of similar length together. `packed`: several in one row,
    which do not see each other. `padded`: each row padded to the longest."""
    position_gap: CountOrZero = 0
    """Most positions that are left out between two tokens; how often is drawn for each example. The student then looks
    for what it needs instead of counting positions, also in texts longer than in training. 0: none. For
    `miniaxion1-0.9m`."""
    logging_steps: Count = 50
    """Optimizer steps between two lines of progress."""
    report_to: Literal["none", "tensorboard", "wandb", "trackio"] = "none"
    """Experiment tracker that gets the same numbers; its package must be installed. TensorBoard's files go to
    `tensorboard/` in the run folder."""
    save_steps: Count | None = None
    """Optimizer steps between two checkpoints."""
    save_minutes: Positive | None = None
    """Minutes between two checkpoints. Five if neither this nor `save_steps` is set."""


Keep = Literal["teacher", "all", "vote", "verify", "both"]


class Refine(Section):
    """Rounds after training in which the student learns from its own solutions. For nano students of the symbolic
    teacher and for adapter students. How a solution is judged: [verification.md](verification.md)."""

    rounds: Count = 1
    """Number of rounds."""
    num_problems: Count = 2000
    """Training problems per round: new ones of the symbolic teacher, or some of the data set."""
    num_samples: Count = 4
    """Solutions drawn for each problem."""
    temperature: Positive = 1.0
    """Temperature of the draws. Higher values give more varied solutions, and more wrong ones."""
    max_steps: Count = 300
    """Optimizer steps per round."""
    learning_rate_scale: Positive = 0.3
    """Factor on the learning rates of `train`."""
    teacher_share: Share = 0.5
    """Share of a round's texts that the teacher wrote; 1 gives the control without own solutions."""
    corrected_share: Share = 0.5
    """Share of the student's own texts that hold an error which VERIFY corrects. The rest are correct solutions."""
    extra_digits: CountOrZero = 0
    """Extra digits per round: numbers of round N have N times this many digits more than in training. 0 keeps the
    training range. For nano students."""
    keep: Keep = "teacher"
    """Which own solutions are learnt. `teacher`: the teacher judges and corrects each. Without any label, for nano
    students: `all` that have four stages, those that win the `vote` of the samples of a question, those whose own
    `verify` finds no error, or `both`. Rounds then learn from the solutions of all rounds before, too."""


class Evaluation(Section):
    """The questions for the trained student, and its decoding options."""

    num_questions_per_task: Count = 200
    """Test questions per task or data set. More questions give narrower intervals."""
    seed: Seed = 1
    """Seed of the test questions of the symbolic teacher."""
    batch_size: Count = 100
    """Questions answered together. Lower it if memory runs out."""
    max_new_tokens: Count = 384
    """Longest answer in tokens."""
    repetition_penalty: Positive = 1.0
    """Above 1, tokens that are already in the text get less likely, for student and base. Small pretrained students
    need it, or they repeat themselves."""
    calculator: Bool = False
    """Compute the result of `<<…=` in EXECUTE, and of a computation in VERIFY, while an adapter student writes."""
    guided: Bool = False
    """Hold an adapter student to its form while it writes: it leaves out no stage, and a stage that repeats itself
    ends. Without this, small students sometimes do not reach an answer."""
    base_prompt: Literal["best", "student", "both"] = "both"
    """Prompt for the untouched base of an adapter student: the one that suits a chat model best (step by step, the
    answer in a box), the student's own, or both. With both, the first is compared with the student."""
    problems: str | None = None
    """A file of questions to ask instead: one `{"question", "answer", "task"?}` per line."""


def train_problems(train: Train) -> Iterator[str]:
    """Contradictions in `train`, each as `key.path: finding`."""
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
