"""The vocabulary of the symbolic teacher's traces, in each language of the nano tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words that the symbolic teacher writes, including the answers that are words."""

    add: str
    subtract: str
    multiply: str
    compare: str
    larger: str
    smaller: str
    insert: str
    difference: str
    negative: str
    times: str
    last: str
    halve: str
    even: str
    odd: str
    true: str
    false: str
    wrong: str
    """The word of VERIFY for a wrong value."""


WORDS: dict[str, Words] = {
    "en": Words(
        add="add",
        subtract="subtract",
        multiply="multiply",
        compare="compare",
        larger="larger",
        smaller="smaller",
        insert="insert",
        difference="difference",
        negative="negative",
        times="times",
        last="last",
        halve="halve",
        even="even",
        odd="odd",
        true="true",
        false="false",
        wrong="wrong",
    ),
    "pt": Words(
        add="somar",
        subtract="subtrair",
        multiply="multiplicar",
        compare="comparar",
        larger="maior",
        smaller="menor",
        insert="inserir",
        difference="diferença",
        negative="negativo",
        times="vezes",
        last="último",
        halve="dividir",
        even="par",
        odd="ímpar",
        true="verdadeiro",
        false="falso",
        wrong="errado",
    ),
}
