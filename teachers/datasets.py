"""Published data sets as traces: GSM8K, MATH, VNHSGE and ThinkSet-PTBR, from the Hub or from local files.

    traces = load_dataset_traces("math", split="train", path="math/train.jsonl")
    for trace in traces: ...                # streams the traces, keeps none in memory
    traces.left_out                         # {"row 376 (b5f749fb)": "only the last part of the answer is boxed", ...}

Rows, as published (https://github.com/openai/grade-school-math, https://github.com/hendrycks/math, https://github.com/Xdao85/VNHSGE):

    gsm8k    {"question": "...", "answer": "... <<48/2=24>>24 ...\\n#### 72"}
    math     {"problem": "...", "solution": "... $\\\\boxed{5}$", "level": "Level 3", "type": "Algebra"}
    vnhsge   {"ID": "MET_Math_IE_2019_1", "Image_Question": "", "Question": "...", "Choice": "A", "Explanation": "..."}
    thinkset {"text": "<USER>...<\\\\USER> <THINK>...<\\\\THINK> <ANSWER>...<\\\\ANSWER>"}, or a .txt file of them
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parsers import parse
from parsers.answers.final import last_box
from parsers.text.prompts import thinkset_records
from teachers.problems import Problem, Trace, is_test_side


class DatasetError(ValueError):
    """A data set cannot be read; the message says in one line what is wrong, where, and how to fix it."""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """The source and the licence of a data set.

    `splits` maps a split to the arguments of `datasets.load_dataset`; `rule` says which splits to train on and report.
    """

    name: str
    language: str
    format: str
    fields: tuple[str, ...]
    splits: dict[str, tuple[dict[str, Any], ...]]
    licence: str
    citation: str
    rule: str


_MATH_SUBJECTS = (
    "algebra", "counting_and_probability", "geometry", "intermediate_algebra", "number_theory",
    "prealgebra", "precalculus",
)  # fmt: skip
_VNHSGE_URL = (
    "https://raw.githubusercontent.com/Xdao85/VNHSGE/5a694384a9040ecbd9fe8e54d787836f66fc630f/"
    "Dataset/VNHSGE-V/JSON%20format/eval/Mathematics/MET_Math_IE_{year}.json"
)


def _vnhsge_file(year: int) -> dict[str, Any]:
    return {"path": "json", "data_files": _VNHSGE_URL.format(year=year), "split": "train"}


CARDS: dict[str, DatasetCard] = {
    "gsm8k": DatasetCard(
        "gsm8k", "en", "gsm8k", ("question", "answer"),
        {
            "train": ({"path": "openai/gsm8k", "name": "main", "split": "train"},),
            "test": ({"path": "openai/gsm8k", "name": "main", "split": "test"},),
        },
        "MIT",
        "Cobbe et al., Training Verifiers to Solve Math Word Problems, 2021, arXiv:2110.14168",
        "train on train (7,473), report on test (1,319)",
    ),
    "math": DatasetCard(
        "math", "en", "math", ("problem", "solution"),
        {
            "train": tuple(
                {"path": "EleutherAI/hendrycks_math", "name": subject, "split": split}
                for subject in _MATH_SUBJECTS
                for split in ("train", "test")
            ),
            "test": ({"path": "HuggingFaceH4/MATH-500", "split": "test"},),
        },
        "MIT",
        "Hendrycks et al., Measuring Mathematical Problem Solving With the MATH Dataset, 2021, arXiv:2103.03874; "
        "MATH-500: Lightman et al., Let's Verify Step by Step, 2023, arXiv:2305.20050",
        "train holds all MATH problems outside MATH-500: report on MATH-500, never on the 5,000 test problems",
    ),
    "vnhsge": DatasetCard(
        "vnhsge", "vi", "vnhsge", ("ID", "Question", "Choice", "Explanation"),
        {
            "train": tuple(_vnhsge_file(year) for year in (2019, 2020, 2021)),
            "test": (_vnhsge_file(2022),),
        },
        "none stated by its repository: clarify it before you publish its text",
        "Dao et al., VNHSGE: VietNamese High School Graduation Examination Dataset for Large Language Models, 2023, "
        "arXiv:2305.12199",
        "train on 2019 to 2021, report on 2022",
    ),
    "thinkset": DatasetCard(
        "thinkset", "pt", "thinkset", ("text",),
        {split: ({"path": "AxionLab-Co/ThinkSet-PTBR", "split": "train"},) for split in ("train", "test")},
        "MIT",
        "AxionLab, ThinkSet-PTBR, huggingface.co/datasets/AxionLab-Co/ThinkSet-PTBR",
        "one split: train and report by the side of a question (teachers/problems.py)",
    ),
}  # fmt: skip

_UNBOXED = "the solution says that it boxes no answer"
_PART = "only the last part of the answer is boxed"
_LESS_USUAL = "the last box holds the less usual of two answers"
KNOWN_FAULTS: dict[str, str] = {
    "fc8776473827d7a1": _UNBOXED,
    **dict.fromkeys(
        ("b5f749fbf9593c72", "8ecad5cc50e8b9ae", "c9b61debeac1e634", "9ef30450ae74bc9e", "7e91dcaf7b7d0512"), _PART
    ),
    **dict.fromkeys(("5bf63de275efab86", "ed2d8b46bd9e7b1f", "621a9c1cd66e04ef"), _PART),
    **dict.fromkeys(("77592e03f2a6d644", "a7cf9617c20c7514", "29421c88ce2a48cf", "1a4180c023e3923a"), _LESS_USUAL),
    "MET_Math_IE_2019_43": "symbols are lost: options A and C are the same, and so are B and D",
    "MET_Math_IE_2021_20": "the explanation misprints a sign and reads like another option",
    "MET_Math_IE_2022_9": "the gold letter is not the option that the explanation derives",
}
"""Rows that are never used, with the reason; the key is VNHSGE's ID or the `fingerprint` of the problem text."""


def fingerprint(text: str) -> str:
    """The first 16 hex digits of the SHA-256 of a problem's text; this identifier does not depend on the file."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


@dataclass(slots=True)
class DatasetTraces:
    """The traces of one split, streamed again in each iteration; `left_out` maps skipped rows to the reason."""

    card: DatasetCard
    split: str
    path: str | None = None
    with_images: bool = False
    left_out: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Trace]:
        self.left_out.clear()
        excluded = self._held_out()
        for number, row in enumerate(self._rows()):
            problem = row[self.card.fields[0]] if self.card.name != "vnhsge" else row["ID"]
            key = problem if self.card.name == "vnhsge" else fingerprint(problem)
            reason = KNOWN_FAULTS.get(key) or ("held out for the test split" if key in excluded else None)
            if reason is None and not self.with_images and (row.get("Image_Question") or "").strip():
                reason = "the question needs an image"
            if reason is None:
                trace = _TRACES[self.card.name](row, self.card, f"{self.split}-{number}")
                if self._asks_what_was_taught(trace):
                    continue
                yield trace
            elif reason != "held out for the test split":
                self.left_out[f"row {number} ({key[:20]})"] = reason

    def _asks_what_was_taught(self, trace: Trace) -> bool:
        """Whether a test question is on the training side; ThinkSet-PTBR has one split for training and test."""
        is_whole = self.card.name == "thinkset" and self.path is None
        return is_whole and self.split == "test" and not is_test_side(trace.problem.question)

    def _held_out(self) -> frozenset[str]:
        """The problems of MATH-500, which are among the test problems of MATH from the Hub; otherwise none."""
        if self.card.name != "math" or self.split != "train" or self.path is not None:
            return frozenset()
        test = DatasetTraces(self.card, "test")
        return frozenset(fingerprint(row["problem"]) for row in test._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        if self.path is not None and self.path.endswith(".txt") and self.card.name == "thinkset":
            try:
                text = Path(self.path).read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise DatasetError(f"{self.path}: not UTF-8 text; save it as UTF-8") from error
            yield from ({"text": record} for record in thinkset_records(text))
            return
        sources = (
            self.card.splits[self.split]
            if self.path is None
            else ({"path": "json", "data_files": self.path, "split": "train"},)
        )
        number = 0
        for source in sources:
            for row in _stream(source, self.path):
                missing = [name for name in self.card.fields if not isinstance(row.get(name), str)]
                if missing:
                    where = self.path or source["path"]
                    raise DatasetError(
                        f"{where}: row {number} has no text {', '.join(missing)}; "
                        f"{self.card.name} rows hold {', '.join(self.card.fields)}"
                    )
                yield row
                number += 1


def load_dataset_traces(
    name: str, *, split: str = "train", path: str | Path | None = None, with_images: bool = False
) -> DatasetTraces:
    """The reference solutions of a data set, as an iterable that streams.

    Args:
        name: gsm8k, math, vnhsge or thinkset.
        split: train or test, by the rule on the data set's card.
        path: a local file in the published format; without it, the Hub (for VNHSGE its repository) is read.
        with_images: for VNHSGE, keep questions with an image; their text alone is not sufficient.

    Raises:
        DatasetError: unknown name or split, or no such file. While iterating: unreachable, not JSON, a missing field.
    """
    if name not in CARDS:
        raise DatasetError(f"unknown data set {name!r} ({', '.join(CARDS)})")
    if split not in CARDS[name].splits:
        raise DatasetError(f"{name} has no split {split!r} ({', '.join(CARDS[name].splits)})")
    if path is not None and not Path(path).is_file():
        raise DatasetError(f"{path}: no such file")
    return DatasetTraces(CARDS[name], split, None if path is None else str(path), with_images)


def _stream(source: dict[str, Any], path: str | None) -> Iterator[dict[str, Any]]:
    """The rows from `datasets`; its errors become a `DatasetError` with one line."""
    import datasets

    try:
        yield from datasets.load_dataset(**source, streaming=True)  # type: ignore[misc]
    except DatasetError:
        raise
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200] or type(error).__name__
        cure = "the file must hold one JSON object a line, or one JSON array" if path else "give a local file as path"
        raise DatasetError(f"{path or source['path']}: cannot be read ({reason}); {cure}") from error


def _gsm8k(row: dict[str, Any], card: DatasetCard, identity: str) -> Trace:
    answer = row["answer"].rpartition("####")[2].strip()
    return Trace(
        Problem(row["question"], answer, "gsm8k", card.language, identity), row["answer"], card.format, card.name
    )


def _math(row: dict[str, Any], card: DatasetCard, identity: str) -> Trace:
    stated = row.get("answer")
    answer = str(stated) if stated not in (None, "") else last_box(row["solution"]) or ""
    task = row.get("type") or row.get("subject") or "math"
    return Trace(
        Problem(row["problem"], answer.strip(), task, card.language, identity),
        row["solution"],
        card.format,
        card.name,
    )


def _vnhsge(row: dict[str, Any], card: DatasetCard, identity: str) -> Trace:
    return Trace(
        Problem(row["Question"], row["Choice"], "vnhsge", card.language, row["ID"]),
        row["Explanation"],
        card.format,
        card.name,
    )


def _thinkset(row: dict[str, Any], card: DatasetCard, identity: str) -> Trace:
    graph = parse(row["text"], format="thinkset", language=card.language)
    problem = Problem(graph.question, graph.answer or "", "thinkset", card.language, identity)
    return Trace(problem, row["text"], card.format, card.name)


_TRACES = {"gsm8k": _gsm8k, "math": _math, "vnhsge": _vnhsge, "thinkset": _thinkset}
