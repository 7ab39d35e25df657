"""Measures of a student's outputs: accuracy, format, RFS, SVR. docs/measures.md explains each one."""

from __future__ import annotations

from distill.evaluation.accuracy import Grade, grade
from distill.evaluation.evaluate import evaluate
from distill.evaluation.formatting import Form, check_form
from distill.evaluation.outputs import score_outputs
from distill.evaluation.rfs import rfs, rfs_strict
from distill.evaluation.scored import Output
from distill.evaluation.statistics import Paired, compare_paired, wilson
from distill.evaluation.svr import SelfVerification, VerificationRecord, svr

__all__ = [
    "Form",
    "Grade",
    "Output",
    "Paired",
    "SelfVerification",
    "VerificationRecord",
    "check_form",
    "compare_paired",
    "evaluate",
    "grade",
    "rfs",
    "rfs_strict",
    "score_outputs",
    "svr",
    "wilson",
]
