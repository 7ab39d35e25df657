"""Track: the functions that differ between nano and adapter students. All other code is shared by both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from distill.data.rows import Row
from distill.runs.folder import Run
from distill.tracks.needs import Sample, Sizes
from distill.tracks.own_traces import OwnTrace
from parsers import ReasoningGraph
from teachers.problems import Problem, Trace

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from students.encoding import Example

    Student = tuple[PreTrainedModel, PreTrainedTokenizerBase]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The parts of a model card that depend on the kind of student, without results and facts of the run."""

    title: str
    summary: str
    """One sentence."""
    front_matter: Mapping[str, str]
    """What the Hub reads."""
    question: str
    """An example to ask."""
    licence: str = ""
    """Whose licence holds; no section where empty."""
    usage: str = ""
    """A sentence below the example."""
    limits: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The untouched base that the student is compared with."""

    name: str
    held_as: Callable[[], str]
    """The name with the file that is loaded and its quantisation: the answers hang on them."""
    load: Callable[[], Student]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One kind of student under one recipe. Functions that load a base raise UserError if it cannot be loaded."""

    # Data
    sources: Callable[[], Sequence[tuple[Sequence[Trace], int | None]]]
    """The traces of each source in order, and how many of them may be learnt from."""
    reader: Callable[[], Callable[[Trace], Row]]
    """A function from a trace to what the student learns of it."""
    tokenizer: Callable[[Run], PreTrainedTokenizerBase]
    """The student's vocabulary, from the graphs of a run or from its base."""

    # Student
    build: Callable[[Run], Student]
    """The student before training, on the device of this process."""
    load_learner: Callable[[Path], Student]
    """A saved student, to be trained further."""
    save: Callable[[PreTrainedModel, PreTrainedTokenizerBase, Path], None]
    """Write what `students.load_student` loads."""
    facts: Callable[[PreTrainedModel], Mapping[str, Any]]
    """What run.json says of the trained student beside what training itself reports."""
    trains_all_weights: bool
    """Whether no weight is frozen; then layers are compiled, and snapshots of the student are taken while it trains."""

    # Evaluation
    reference_graphs: Callable[[Sequence[Problem]], Mapping[str, ReasoningGraph]]
    """Question to the graph of the teacher's solution, for RFS."""
    baseline: Baseline | None
    """None for nano students."""
    validation_size: int | None
    """Examples that the validation loss is measured on; all where None."""
    validation_batch_size: int

    # Rounds of refine
    ask: Callable[[Run, int], Sequence[Trace]]
    """The problems of round n, with the teacher's solutions."""
    judge: Callable[[Trace, str], OwnTrace]
    """What one drawn solution is, and what is learnt from it."""
    teacher_examples: Callable[[Run, int, PreTrainedTokenizerBase], Callable[[int, Random], Example]]
    """Example i of the teacher in round n, or one that it draws."""

    # Forecast
    problems: Callable[[], Iterable[str]]
    """What cannot work in the section of the student."""
    sample: Callable[[bool], Sample | None]
    """Some of the texts, whose download may be allowed; None where nothing is known without it."""
    sizes: Callable[[], Sizes | None]
    """What the student is made of; None where nothing is known of its base."""
    needs_gpu: bool
    """Whether it is meant to be trained on GPUs."""

    # What is said of it
    card: Callable[[], Card]
