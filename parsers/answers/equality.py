"""Decides whether two answers are equal. The rules are exact; answers are different unless a rule says otherwise.

    answers_equal(gold="0.5", prediction=r"\\frac12")            ->  Verdict.EQUAL
    answers_equal(gold="-3", prediction="3")                    ->  Verdict.DIFFERENT
    answers_equal(gold="[2,\\infty)", prediction="x \\ge 2")      ->  Verdict.EQUAL

Numbers are compared exactly. Only the remaining formulas go to Math-Verify (Hynek Kydlíček, Hugging Face 2025), which
runs in a separate process with a time limit. docs/measures.md lists each rule and the error that it risks.
"""

from __future__ import annotations

import re
from enum import Enum
from fractions import Fraction

from parsers.answers.groups import Group, Interval, is_inequality, read_group, read_intervals
from parsers.answers.notation import folded, for_math_verify, formula, is_words, option_letter, tidy, words_of
from parsers.answers.quantity import Quantity, read_quantity, same_quantity
from parsers.arithmetic.numbers import decimal_comma, with_points
from parsers.arithmetic.units import split_unit, unit_of

SYMBOLIC_SECONDS = 5.0
MOST_UNORDERED = 12
"""Longest list whose parts are matched in any order; a longer list is compared as sorted numbers or in order."""
MAX_DEPTH = 3
MAX_NESTING = 60
"""Deepest nesting of brackets in a formula for Math-Verify."""


class Verdict(Enum):
    """Outcome of a comparison; TIMEOUT is neither right nor wrong and is counted separately."""

    EQUAL = "equal"
    DIFFERENT = "different"
    TIMEOUT = "timeout"


def answers_equal(
    *,
    gold: str,
    prediction: str,
    language: str = "en",
    ordered: bool = False,
    notation: str = "",
    symbolic_seconds: float = SYMBOLIC_SECONDS,
) -> Verdict:
    """Whether the prediction means the same as the gold answer.

    Args:
        language: decides how to read "1.250,50": pt, vi, es, fr, de, it and ru have a decimal comma.
        notation: the language of the numbers in the prediction, if it is a different one.
        ordered: whether the order of a bare list counts, for example after sorting. It always counts in a tuple.
        symbolic_seconds: time limit for one comparison by Math-Verify.
    """
    if notation and decimal_comma(notation) and not decimal_comma(language) and gold != prediction:
        prediction = with_points(prediction)
    language = "pt" if language in ("es", "fr", "de", "it", "ru") else language
    return _Comparison(language, ordered, symbolic_seconds).compare(tidy(gold), tidy(prediction))


class _Comparison:
    """The settings of one comparison; comparisons of its parts share them."""

    def __init__(self, language: str, ordered: bool, seconds: float) -> None:
        self.language, self.ordered, self.seconds = language, ordered, seconds
        self.depth = 0

    def compare(self, gold: str, prediction: str) -> Verdict:
        if not gold or not prediction:
            return Verdict.DIFFERENT
        if "$" in gold or "\\(" in gold or "$" in prediction or "\\(" in prediction:
            gold, prediction = _bare(gold), _bare(prediction)
        for rule in (_options, _clock, _bases, _quantities, _equations, _intervals, _groups, _texts, _measures):
            verdict = rule(self, gold, prediction)
            if verdict is not None:
                return verdict
        return _symbolic(gold, prediction, self.seconds)

    def parts(self, gold: str, prediction: str) -> Verdict:
        """The verdict on two parts of an answer."""
        if self.depth >= MAX_DEPTH:
            return _verdict(folded(gold) == folded(prediction))
        self.depth += 1
        verdict = self.compare(tidy(gold), tidy(prediction))
        self.depth -= 1
        return verdict

    def in_order(self, gold: tuple[str, ...], prediction: tuple[str, ...]) -> Verdict:
        """Equal if each part equals the part at the same position."""
        if len(gold) != len(prediction):
            return Verdict.DIFFERENT
        for one, other in zip(gold, prediction, strict=True):
            verdict = self.parts(one, other)
            if verdict is not Verdict.EQUAL:
                return verdict
        return Verdict.EQUAL

    def in_any_order(self, gold: tuple[str, ...], prediction: tuple[str, ...]) -> Verdict:
        """Equal if the parts can be matched one to one."""
        if len(gold) != len(prediction):
            return Verdict.DIFFERENT
        if len(gold) > MOST_UNORDERED:
            numbers = [[read_quantity(tidy(part), self.language) for part in side] for side in (gold, prediction)]
            if all(one is not None for side in numbers for one in side):
                values = [sorted(one.value for one in side if one is not None) for side in numbers]
                return _verdict(values[0] == values[1])
            return self.in_order(gold, prediction)
        left = list(prediction)
        for part in gold:
            verdicts = [self.parts(part, other) for other in left]
            if Verdict.EQUAL not in verdicts:
                return Verdict.TIMEOUT if Verdict.TIMEOUT in verdicts else Verdict.DIFFERENT
            del left[verdicts.index(Verdict.EQUAL)]
        return Verdict.EQUAL


def _verdict(is_equal: bool) -> Verdict:
    return Verdict.EQUAL if is_equal else Verdict.DIFFERENT


_DELIMITERS = re.compile(r"\\[()\[\]]|\$(?=[^\d]|$)|(?<=[^\\RSU ])\$")


def _bare(answer: str) -> str:
    """The answer without formula delimiters inside it; dollar signs of money stay."""
    if (
        answer.count("$") % 2 == 0
        and re.search(r"\$[^$]*\$", answer)
        and not re.search(r"\$\s?[0-9.,]+[^$]*\s\$", answer)
    ):
        answer = answer.replace("\\$", "\0").replace("$", " ").replace("\0", "\\$")
    return re.sub(r"\\[()\[\]]", " ", answer).strip()


_OPTION_WITH_TEXT = re.compile(r"\(?([A-H])(?:\)|\.|:)\s+(?=\S)(.+)|\(([A-H])\)\s*(.+)", re.DOTALL)
_OPTION_WORD = re.compile(
    r"^(?:option|choice|letter|answer|letra|alternativa|opção|opción|item|đáp án|phương án|câu|选项)\s*:?\s*"
    r"(?=\(?[A-H]\b)",
    re.IGNORECASE,
)


def _options(_: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Letters of multiple-choice options, with or without the text of the option."""
    gold_letter, gold_text = _option(gold)
    letter, text = _option(prediction)
    if gold_letter is None and letter is None:
        return None
    if gold_letter is not None and letter is not None:
        return _verdict(gold_letter == letter)
    if gold_letter is not None:
        return _.parts(gold_text, prediction) if gold_text else Verdict.DIFFERENT
    return _.parts(gold, text) if text else Verdict.DIFFERENT


_SMALL_OPTION = re.compile(r"\([a-h]\)|[a-h]\)")


def _option(answer: str) -> tuple[str | None, str]:
    """(letter, text) of "A", "(A) 5 cm" or "option A"; (None, "") for anything else."""
    answer = _OPTION_WORD.sub("", tidy(formula(answer) if "\\" in answer else answer))
    letter = option_letter(answer)
    if letter:
        return letter, ""
    if _SMALL_OPTION.fullmatch(answer):
        return answer.strip("().").upper(), ""
    match = _OPTION_WITH_TEXT.fullmatch(answer)
    return (match[1] or match[3], (match[2] or match[4]).strip()) if match else (None, "")


_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-5][0-9]))?\s*([ap])\.?\s?m\.?|([0-9]{1,2})[:h]([0-5][0-9])", re.IGNORECASE)


def _clock(_: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Times of day: 5 p.m. is 5:00 pm, not 5 am; a time without a.m. or p.m. may be either."""
    times = [_CLOCK.fullmatch(formula(answer).strip()) for answer in (gold, prediction)]
    if times[0] is None or times[1] is None:
        return None
    return _verdict(bool(_hours(times[0]) & _hours(times[1])))


def _hours(time: re.Match[str]) -> set[tuple[int, int]]:
    """The possible (hour, minute) pairs of a time: two pairs for an hour up to 12 without a.m. or p.m."""
    hour, minute, half = int(time[1] or time[4]), int(time[2] or time[5] or 0), (time[3] or "").lower()
    if half:
        return {(hour % 12 + 12 * (half == "p"), minute)}
    return {(hour % 24, minute)} if hour > 12 else {(hour % 12, minute), (hour % 12 + 12, minute)}


_BASED = re.compile(
    r"\(?([0-9A-F]+)\)?_\{?\s*([0-9]{1,2}|[a-z]{3,5})\s*\}?|([0-9A-F]+),?\s*\(?(?:in )?base[ -]?(?:of )?([0-9a-z]+)\)?"
)
_NUMERALS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_BASE_WORDS: dict[str, int] = dict(zip(_NUMERALS, range(2, 11), strict=True))


def _bases(_: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Numbers with a base are equal if digits and base are equal; a number without a base is different."""
    found = [_BASED.fullmatch(formula(answer).replace("\\", "").strip()) for answer in (gold, prediction)]
    if found == [None, None]:
        return None
    if None in found:
        return (
            None if any(re.search(r"[a-z\\]", formula(answer)) for answer in (gold, prediction)) else Verdict.DIFFERENT
        )
    pairs = [((m[1] or m[3]).lstrip("0"), _BASE_WORDS.get(m[2] or m[4], m[2] or m[4])) for m in found if m]
    return _verdict(pairs[0][0] == pairs[1][0] and str(pairs[0][1]) == str(pairs[1][1]))


def _quantities(comparison: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Single numbers, with units and per cent signs."""
    prediction = _GROUPED.sub(lambda blanks: re.sub(r"\s", "", blanks[0]), prediction)
    wanted, given = read_quantity(gold, comparison.language), read_quantity(prediction, comparison.language)
    if wanted is None or given is None:
        return _ratio(gold, prediction) if wanted or given else None
    named = [_NAMED.match(formula(answer)) for answer in (gold, prediction)]
    if named[0] and named[1] and named[0][1] != named[1][1]:
        return Verdict.DIFFERENT  # x = 5 is not y = 5
    if ":" in gold or ":" in prediction:
        return _ratio(gold, prediction)
    return _verdict(same_quantity(gold=wanted, prediction=given))


_GROUPED = re.compile(r"^-?[1-9][0-9]{0,2}(?:[ \u00a0\u202f\u2009][0-9]{3})+(?![0-9])")
"""A number with blanks between its thousands; used for predictions only, as blanks in a gold answer may separate
numbers."""


def _ratio(gold: str, prediction: str) -> Verdict | None:
    """Ratios: 3:2 equals 6:4, 3/2 and "3 to 2", but not 1.5."""
    sides = [_RATIO.fullmatch(_FRAC.sub(r"\1/\2", formula(answer))) for answer in (gold, prediction)]
    if ":" not in gold and ":" not in prediction:
        return None
    if sides[0] is None or sides[1] is None:
        return None if sides == [None, None] else Verdict.DIFFERENT
    (a, b), (c, d) = ((_fraction(side[1]), _fraction(side[2])) for side in sides if side)
    return _verdict(a * d == b * c and bool(b) == bool(d))


_RATIO = re.compile(r"([0-9.]+)\s*(?::|/|to|para|por)\s*([0-9.]+)")
_FRAC = re.compile(r"\\frac\{([0-9]+)\}\{([0-9]+)\}")


def _fraction(digits: str) -> Fraction:
    return Fraction(digits) if re.fullmatch(r"[0-9]{1,60}(?:\.[0-9]{1,60})?", digits) else Fraction(0)


_NAMED = re.compile(r"\s*([a-zA-Z](?:_\{?\w\}?|\([a-z]\))?)\s*=(?!=)\s*(?=\S)")


def _equations(comparison: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """ "y = 2x + 1" equals "2x + 1": the name may be missing on one side."""
    named = [_NAMED.match(formula(answer)) for answer in (gold, prediction)]
    if named[0] and not named[1] and "=" not in prediction and not _lists(gold):
        return comparison.parts(formula(gold)[named[0].end() :], prediction)
    if named[1] and not named[0] and "=" not in gold and not _lists(prediction):
        return comparison.parts(gold, formula(prediction)[named[1].end() :])
    return None


def _lists(answer: str) -> bool:
    return formula(answer).count("=") > 1


def _intervals(comparison: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Intervals, unions of intervals, and inequalities in one unknown."""
    language = comparison.language
    stretches = [read_intervals(answer, language) for answer in (gold, prediction)]
    plain = [_is_tuple_or_list(answer) for answer in (gold, prediction)]
    if stretches[0] is None or stretches[1] is None or all(plain):
        return None
    if len(stretches[0]) != len(stretches[1]):
        return Verdict.DIFFERENT
    left = list(stretches[1])
    for wanted in stretches[0]:
        verdicts = [_same_interval(comparison, wanted, given) for given in left]
        if Verdict.EQUAL not in verdicts:
            return Verdict.TIMEOUT if Verdict.TIMEOUT in verdicts else Verdict.DIFFERENT
        del left[verdicts.index(Verdict.EQUAL)]
    return Verdict.EQUAL


def _is_tuple_or_list(answer: str) -> bool:
    """Whether the answer is like (2, 5), which may be a point or an interval."""
    return not is_inequality(answer) and bool(re.fullmatch(r"\s*\((?:(?!\\infty|\\cup)[^\[\]])*\)\s*", formula(answer)))


def _same_interval(comparison: _Comparison, a: Interval, b: Interval) -> Verdict:
    if (a.has_low, a.has_high) != (b.has_low, b.has_high):
        return Verdict.DIFFERENT
    return comparison.in_order((a.low, a.high), (b.low, b.high))


def _groups(comparison: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Lists, sets and tuples."""
    wanted, given = read_group(gold, comparison.language), read_group(prediction, comparison.language)
    if wanted is None and given is None:
        return None
    if wanted is None or given is None:
        alone = next(group for group in (wanted, given) if group is not None)
        if alone.opener == "{" and len(alone.parts) == 1:
            return comparison.parts(*((alone.parts[0], prediction) if wanted else (gold, alone.parts[0])))
        return Verdict.DIFFERENT if _is_plain_list(alone) else None
    return _same_group(comparison, wanted, given)


def _is_plain_list(group: Group) -> bool:
    """Whether the group is a list of numbers, which cannot equal a single value."""
    return all(re.search(r"[0-9]", part) for part in group.parts) and group.opener != "["


def _same_group(comparison: _Comparison, wanted: Group, given: Group) -> Verdict:
    if wanted.names and given.names and set(wanted.names) != set(given.names):
        return Verdict.DIFFERENT
    if wanted.names and given.names and len(set(wanted.names)) == len(wanted.parts) == len(given.parts):
        by_name = dict(zip(given.names, given.parts, strict=True))
        return comparison.in_order(wanted.parts, tuple(by_name[name] for name in wanted.names))
    openers = {wanted.opener, given.opener}
    if openers <= {"", "{"}:
        ordered = comparison.ordered and openers == {""}
        match = comparison.in_order if ordered else comparison.in_any_order
        return match(wanted.parts, given.parts)
    if "{" in openers or ("" not in openers and (wanted.opener, wanted.closer) != (given.opener, given.closer)):
        return Verdict.DIFFERENT
    if "" in openers and "[" in openers and len(wanted.parts) == 2:
        return Verdict.DIFFERENT  # [2, 5] is an interval, not a list of two
    return comparison.in_order(wanted.parts, given.parts)


def _texts(_: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Equal wording; yes and no may also have an explanation after them."""
    if folded(gold) == folded(prediction):
        return Verdict.EQUAL
    if _NOTHING.fullmatch(formula(gold)) and _NOTHING.fullmatch(formula(prediction)):
        return Verdict.EQUAL
    if is_words(gold):
        wanted, given = words_of(gold), words_of(prediction)
        first = re.split(r"[\s,.;:]", given, maxsplit=1)[0]
        return _verdict(wanted == given or (wanted in _YES_NO and wanted == first))
    return None


def _measures(comparison: _Comparison, gold: str, prediction: str) -> Verdict | None:
    """Formulas with units after them: 36π cm² equals 36π, but not 36π m."""
    (wanted, unit), (given, other) = split_unit(formula(gold)), split_unit(formula(prediction))
    if unit is None and other is None:
        return None
    if unit is None or other is None:  # a letter after 5√2 is an unknown, unless the other side has this unit
        last = _LAST_LETTER.search(given if other is None else wanted)
        if last and unit_of(last[1]) != (unit or other):
            return Verdict.DIFFERENT
        wanted, given = (_LAST_LETTER.sub("", part) if last else part for part in (wanted, given))
    if unit and other and unit != other:
        return Verdict.DIFFERENT
    return comparison.parts(wanted, given)


_LAST_LETTER = re.compile(r" (m|g|s|h|l)$")
_YES_NO = {"yes", "no", "true", "false", "sim", "não", "verdadeiro", "falso", "sí", "đúng", "sai", "có", "không"}

_NOTHING = re.compile(
    r"\\(?:emptyset|varnothing)|\\?\{ ?\\?\}|(?:the )?empty set|no (?:real )?solutions?"
    r"|(?:sem|nenhuma) solução|conjunto vazio|(?:phương trình )?vô nghiệm|không có nghiệm|tập rỗng"
    r"|sin solución|无解|空集",
    re.IGNORECASE,
)
"""No solution, in words or as the empty set."""
_FUNCTIONS = re.compile(r"\\[a-zA-Z]+|\b(?:sin|cos|tan|cot|sec|csc|log|ln|exp|max|min|det|gcd|lcm)\b")


def _is_mathematics(answer: str) -> bool:
    """Whether the complete answer can be one formula: it has mathematical signs and no words."""
    text = formula(answer)
    has_words = re.search(r"[^\W\d_]{3,}", _FUNCTIONS.sub(" ", text))
    return not has_words and bool(re.search(r"[0-9\\^_=(\[{+*/]|^[a-zA-Z]$", text)) and _nesting(text) <= MAX_NESTING


def _nesting(text: str) -> int:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _symbolic(gold: str, prediction: str, seconds: float) -> Verdict:
    """The verdict of Math-Verify on two complete formulas."""
    if not _is_mathematics(gold) or not _is_mathematics(prediction):
        return Verdict.DIFFERENT
    from parsers.answers.symbolic import symbolically_equal

    gold, prediction = for_math_verify(formula(gold)), for_math_verify(formula(prediction))
    equal = symbolically_equal(gold=gold, prediction=prediction, seconds=seconds)
    return Verdict.TIMEOUT if equal is None else _verdict(equal)


__all__ = ["SYMBOLIC_SECONDS", "Quantity", "Verdict", "answers_equal"]
