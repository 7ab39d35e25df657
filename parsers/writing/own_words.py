"""The lines of a free solution by stage: one line per statement, in its own words, without Markdown and LaTeX.

"**Total:**\\n \\[ 2 \\times 3 \\]\\n \\[ = 6 \\text{ clips} \\]"   ->  PLAN "Total", EXECUTE "2 * 3 = 6 clips"
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from parsers.arithmetic.equations import read_chains
from parsers.arithmetic.expressions import evaluate
from parsers.arithmetic.numbers import find_numbers, show
from parsers.arithmetic.relations import Chain
from parsers.graph import ReasoningGraph, Stage, Step
from parsers.text.plain import without_markup

_HEADING = re.compile(r"^\s*(?:#{1,6}\s+|\*\*)(?P<words>[^*\n]{2,120}?):?(?:\*\*)?:?[ \t]*(?:\n|$)")
_NUMBERED_HEADING = re.compile(r"^(?:step|passo|bước)\s*\d{1,2}\s*[:.-]\s*", re.IGNORECASE)
_FIRST_SENTENCE = re.compile(r"(?P<first>[^\n]{8,200}?[^\W\d_][.])\s+(?=\S)")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]\s+|\d{1,2}[.)]\s+)", re.IGNORECASE)
_ANNOUNCES_LIST = re.compile(
    r"(?:\bsteps?\b|\bpassos?\b|\bbước\b|\bfollow(?:s|ing)?\b|\bbelow\b)[^:]*:$", re.IGNORECASE
)
_SPACED = re.compile(r"(?<=[\d)%])\s*([*/×÷])\s*(?=[\d($])")
_DASHED = re.compile(r"(?<=[\d)])\s+[−–]\s+(?=[\d($])")
_CONTINUES = re.compile(r"^\s*=\s*(?=[-$€£\d(])")
_LEADING = frozenset(
    """first firstly second secondly third next then now finally lastly after that let us we i need to will can must
    should have start begin by with break down solve problem it step steps the a an this calculate calculating
    determine determining find finding identify identifying compute computing follow following
    primeiro segundo depois agora vamos em seguida por fim precisamos calcular determinar encontrar passo passos o a os
    đầu tiên tiếp theo sau đó bây giờ cuối cùng ta chúng cần tính tìm xác định bước các""".split()  # noqa: SIM905
)
"""Words at the start of a sub-goal that do not say what it is about."""
_ARTICLES = frozenset({"the", "a", "an", "o", "os", "as"})
MIN_PLAN_WORDS = 5
"""A shorter announcement that ends in a colon ("Next:") has no content."""


@dataclass(frozen=True, slots=True)
class Line:
    """A statement in its writer's words, and its step in the graph."""

    text: str
    step: Step


def own_lines(graph: ReasoningGraph) -> dict[Stage, list[Line]]:
    """The lines of each stage in the order of the text; headings are lines of PLAN.

    Before a step reaches the answer, statements that look like checks are lines of EXECUTE.
    """
    lines: dict[Stage, list[Line]] = {stage: [] for stage in Stage}
    announced = {goal_words(plain_line(step.text)) for step in graph.steps if step.stage is Stage.PLAN}
    is_reached = False
    for step in graph.steps:
        heading, body = _split_heading(step.text, announced)
        if heading:
            lines[Stage.PLAN].append(Line(heading, step))
        stage = Stage.EXECUTE if step.stage is Stage.VERIFY and not is_reached else step.stage
        if text := plain_line(body):
            lines[stage].append(Line(text, step))
        if stage is Stage.EXECUTE and step.value is not None and _says(step, graph):
            is_reached = True
    return lines


def plain_line(text: str) -> str:
    """The text as one line without list marks, Markdown and LaTeX, with `*`, `/` and `-` as operators."""
    bare = (_NUMBERED_HEADING.sub("", _LIST_MARK.sub("", line)) for line in text.splitlines())
    line = without_markup("\n".join(bare))
    line = _SPACED.sub(lambda sign: f" {({'×': '*', '÷': '/'}).get(sign[1], sign[1])} ", line)
    return _DASHED.sub(" - ", line).strip()


def planned(lines: Sequence[Line]) -> Iterator[str]:
    """The different sub-goals among the lines of PLAN, without sentences that only announce a list or a start."""
    named: set[tuple[str, ...]] = set()
    for line in lines:
        is_short = line.text.endswith(":") and len(line.text.split()) < MIN_PLAN_WORDS
        words = goal_words(line.text)
        if is_short or _ANNOUNCES_LIST.search(line.text) or not words or words in named:
            continue
        named.add(words)
        yield line.text.rstrip(":")


def goal_words(text: str) -> tuple[str, ...]:
    """The words that say what a sub-goal is about, without articles and introductions ("Next, let's calculate")."""
    words = re.findall(r"[^\W_]+", text.casefold().replace("\u2019", "'").replace("let's", "let us"))
    return tuple(word for word in itertools.dropwhile(_LEADING.__contains__, words) if word not in _ARTICLES)


def executed_lines(lines: Sequence[Line]) -> Iterator[str]:
    """The lines of EXECUTE without the closing sentence; a computation and its result are joined to one line."""
    joined: list[Line] = []
    for line in lines:
        before = joined[-1] if joined else None
        if before is not None and _CONTINUES.match(line.text):
            joined[-1] = replace(before, text=f"{before.text.rstrip('. ')} {line.text.strip()}", step=line.step)
        elif before is not None and (result := _result_of(before.text, line.text)) is not None:
            joined[-1] = replace(before, text=f"{before.text.rstrip('. ')} = {result}", step=line.step)
        else:
            joined.append(line)
    closing = joined[-1] if joined and joined[-1].step.expression is None and len(joined) > 1 else None
    yield from once(line.text for line in joined if line is not closing and "\\boxed" not in line.step.text)


def once(texts: Iterable[str]) -> Iterator[str]:
    """The different texts, ignoring case and punctuation; empty texts and plain digits are left out."""
    seen: set[str] = set()
    for text in texts:
        key = _key(text)
        if key and not key.isdigit() and key not in seen:
            seen.add(key)
            yield text


def marked(text: str, language: str) -> str:
    """The text with a calculator mark before each computed value: 48 / 2 = <<48/2=24>>24."""
    for chain in reversed(read_chains(text, language)):
        members = [member for member in chain.members if member.value is not None]
        computed = next((member for member in members if member.operators), None)
        result = members[-1] if members else None
        if (
            computed is None
            or result is None
            or result.value is None
            or result.operators
            or result.start < computed.end
        ):
            continue
        number = next((n for n in find_numbers(text, language) if n.start >= result.start), None)
        expression = re.sub(r"\s+", "", computed.plain)
        if number is None or number.value != result.value or evaluate(expression, language) != result.value:
            continue
        text = f"{text[: number.start]}<<{expression}={show(result.value, language)}>>{text[number.start :]}"
    return text


def _split_heading(text: str, announced: set[tuple[str, ...]]) -> tuple[str, str]:
    """(heading, rest). A heading is a first line in bold or with `#`, or a line or sentence that a plan announces."""
    if heading := _HEADING.match(text):
        return plain_line(_NUMBERED_HEADING.sub("", heading["words"])), text[heading.end() :]
    first, _, rest = text.partition("\n")
    if not rest.strip() and (sentence := _FIRST_SENTENCE.match(text)):
        first, rest = sentence["first"], text[sentence.end() :]
    words = goal_words(plain_line(first))
    if rest.strip() and words and words in announced:
        return plain_line(first), rest
    return "", text


def _result_of(before: str, line: str) -> str | None:
    """The value that `line` gives for an unsolved equation at the end of `before`: "P = 19.5 / 0.75", "P = 26"."""
    unsolved, solved = _last_chain(before), _last_chain(line)
    if unsolved is None or solved is None or len(solved.members) != 2 or len(unsolved.members) < 2:
        return None
    expression, name, value = unsolved.members[-1], solved.members[0], solved.members[1]
    same_name = name.shown == unsolved.members[0].shown and name.name == unsolved.members[0].name
    if not same_name or expression.value is None or not expression.operators or value.operators:
        return None
    return line[value.start :].strip() if value.value == expression.value else None


def _last_chain(text: str) -> Chain | None:
    chains = read_chains(text)
    return chains[-1] if chains and chains[-1].members else None


def _says(step: Step, graph: ReasoningGraph) -> bool:
    """Whether a step's value is the answer."""
    numbers = find_numbers(graph.answer or "", graph.language)
    return len(numbers) == 1 and step.value == numbers[0].value


def _key(text: str) -> str:
    return re.sub(r"[\s.:;,!*]+", " ", text.casefold()).strip()
