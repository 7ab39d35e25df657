"""Splits free text into statements: sentences, list items and displayed formulas, each with the headings above it.

    "1. **Cost of one:**\\n   - It costs $3.\\n   \\[ 3 \\times 2 = 6 \\]\\nSo it is 6."
    ->  "**Cost of one:**\\n   - It costs $3.\\n   \\[ 3 \\times 2 = 6 \\]",  "So it is 6."

The spans are in order, do not overlap, and leave out only blank space and list marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from parsers.text.mask import CODE, DISPLAY, INLINE, mask


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text: `text[start:end]`.

    `body` is where its own words begin, after headings and labels. `leads`: it announces what follows; it ends in a
    colon, and the following formula or list is not part of it. `code`: it is a line of a fenced code block.
    """

    start: int
    end: int
    body: int
    leads: bool = False
    listed: bool = False
    code: bool = False


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    kind: str  # "head", "text", "display", "code"
    mark: str = ""  # the list mark before it
    indent: int = 0
    opens_paragraph: bool = False
    opens_line: bool = False


_LINE = re.compile(r"([ \t\u00a0]*)(#{1,6}[ \t]+|(?:[-*•+–]|\d{1,3}[.)]|\(\d{1,3}\)|[a-h]\))(?:[ \t\u00a0]+|$))?")
_BOLD_LINE = re.compile(r"(\*\*|__)(?!\s)((?:(?!\*\*|__).){1,300}?)\1[ \t]*:?[ \t]*$")
_STEP_LINE = re.compile(r"(?:\*\*)?(?:step|part|passo|parte|etapa|bước|phần)\s+\d+(?:\.\d+)?\s*[:.)–-]?", re.I)
_LABEL = re.compile(
    r"(?:(\*\*|__)(?!\s)(?:(?!\*\*|__).){1,80}?(?::\1|\1[ \t]*[:.–-])|(?:step|passo|etapa|bước)\s+\d+\s*[:.)–-])[ \t]*",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"')\]*”’»]*[ \t\u00a0\n]+(?=([\"'(\[*_“‘«$\\=−-]*)(.)(\w? ?= )?)")
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+", "mr mrs ms dr st vs etc e.g i.e approx no fig eq prof jr sr sra tr tp ex p pp vol cf al inc ltd dept"
    )
)
_LAST_WORD = re.compile(r"[\w.]*$")
_PLANS = re.compile(
    r"\b(?:calculat|comput|determin|find|need|solv|figure out|break|follow|work out|look at|compar|start|proceed|"
    r"analy[sz]e|consider|verify|check|confirm|"
    r"calcul|determin|encontr|precis|resolv|descobr|seguir|analis|compar|"
    r"tính|tìm|xác định|cần|giải|xét|so sánh|làm theo|thực hiện)",
    re.I,
)
_DISPLAYS = re.compile(f"{DISPLAY}+\\.?")
_DEFINES = re.compile(r"\W*(?:let(?!'s)|suppose|denote|gọi|đặt|giả sử|seja|chame)\b", re.I)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_RELATES = re.compile(
    r"%|\b(?:than|twice|thrice|half|times|double|triple|third|quarter|more|less|fewer|each of|all|both|total|sum|dobro|"
    r"metade|triplo|mais|menos|vezes|gấp|nửa|hơn|kém)\b",
    re.I,
)
"""A sentence with such a word says how its number is used, so the formula after it belongs to the sentence."""
_ANNOUNCES = re.compile(r"\b(?:we|us|let|i|vamos|temos|ta)\b", re.I)
_LABELLED_NUMBER = re.compile(r":\s*[$€£]?\s?\d[\d.,]*(?:\s+[^\W\d_]+){0,2}\W*$")
_COMPUTES = re.compile(r"[\d}]\s*(?:[-+*/×÷]|\\times|\\cdot|\\div|\\text)|\\d?frac")
_TAIL = re.compile(r"(?:where|with|for|in which|onde|trong đó|với)\b", re.I)


def segment(text: str, *, dollars: bool = False, soft_lines: bool = False) -> list[Statement]:
    """The statements of a text, in reading order.

    Args:
        text: any text.
        dollars: whether every unescaped `$` delimits a formula (LaTeX sources), see `parsers.text.mask`.
        soft_lines: whether a single line feed is a blank, as in LaTeX sources; otherwise it ends a statement.
    """
    masked = mask(text, dollars=dollars)
    if soft_lines:
        masked = re.sub(r"(?<!\n)\n(?!\s*\n)", " ", masked)
    return _assemble(list(_pieces(masked)), masked, text)


def _pieces(masked: str) -> Iterator[_Piece]:
    offset, after_blank = 0, True
    for line in masked.split("\n"):
        start, end = offset, offset + len(line)
        offset = end + 1
        if not line.strip():
            after_blank = True
            continue
        if CODE in line:
            piece = _Piece(*_strip(masked, start, end), "code", opens_paragraph=after_blank, opens_line=True)
            after_blank = False
            yield piece
            continue
        opening = _LINE.match(masked, start, end)
        assert opening is not None
        mark = (opening.group(2) or "").strip()
        content = opening.end()
        if mark == "-" and masked[content : content + 1] == DISPLAY:
            mark, content = "-", content
        pieces = list(_split_line(masked, content, end, mark))
        if pieces:
            indent = len(opening.group(1).expandtabs(4))
            for piece in pieces:
                piece.indent = indent
            pieces[0].mark, pieces[0].opens_paragraph, pieces[0].opens_line = mark, after_blank, True
            after_blank = False
            yield from pieces


def _split_line(masked: str, start: int, end: int, mark: str) -> Iterator[_Piece]:
    """The pieces of one line: a heading, or its displays and the sentences between them."""
    start, end = _strip(masked, start, end)
    if start == end:
        return
    if mark.startswith("#") or _is_heading(masked[start:end]):
        yield _Piece(start, end, "head")
        return
    position = start
    for formula in _DISPLAYS.finditer(masked, start, end):
        yield from _sentences(masked, position, formula.start())
        yield _Piece(formula.start(), formula.end(), "display")
        position = formula.end()
    yield from _sentences(masked, position, end)


def _is_heading(line: str) -> bool:
    if DISPLAY in line or len(line) > 300:
        return False
    if _BOLD_LINE.match(line):
        return not re.search(r"\\boxed|answer|resposta|đáp án", line, re.I) or line.rstrip(" *_").endswith(":")
    step = _STEP_LINE.match(line)
    if step is None or "=" in line:
        return False
    words = line[step.end() :].strip(" *")
    return not words or (words.endswith(":") and not re.search(r"[.!?]\s", words))


def _sentences(masked: str, start: int, end: int) -> Iterator[_Piece]:
    position = start
    for stop in _SENTENCE_END.finditer(masked, start, end):
        follower = stop.group(2)
        if not (
            follower.isupper() or follower.isdigit() or follower in (INLINE, DISPLAY) or stop.group(1) or stop.group(3)
        ):
            continue
        word = _LAST_WORD.search(masked[max(start, stop.start() - 12) : stop.start()])
        if word and word.group().lower().strip(".") in _ABBREVIATIONS:
            continue
        yield from _text_piece(masked, position, stop.end())
        position = stop.end()
    yield from _text_piece(masked, position, end)


def _text_piece(masked: str, start: int, end: int) -> Iterator[_Piece]:
    start, end = _strip(masked, start, end)
    if start < end:
        yield _Piece(start, end, "text")


def _strip(masked: str, start: int, end: int) -> tuple[int, int]:
    line = masked[start:end]
    bare = line.lstrip()
    start += len(line) - len(bare)
    return start, start + len(bare.rstrip())


class _Builder:
    """Combines pieces: a heading with what follows it, and a displayed formula with the words that announce it."""

    def __init__(self, masked: str, text: str) -> None:
        self.masked, self.text = masked, text
        self.statements: list[Statement] = []
        self.start = -1  # start of the headings and lead-ins that wait for their statement
        self.open_display = False  # whether a display may still join the last statement
        self.open_text = False  # whether the last statement ends in a display without a full stop

    def add(self, piece: _Piece, body: int, *, leads: bool = False) -> None:
        start = piece.start if self.start < 0 else self.start
        self.statements.append(Statement(start, piece.end, body, leads, bool(piece.mark)))
        self.start = -1
        self.open_display = piece.kind == "text"
        self.open_text = piece.kind == "display" and self.masked[piece.end - 1] != "."

    def extend(self, end: int) -> None:
        last = self.statements[-1]
        self.statements[-1] = Statement(last.start, end, last.body, False, last.listed)

    def wait(self, piece: _Piece) -> None:
        if self.start < 0:
            self.start = piece.start
        self.open_display = self.open_text = False


def _assemble(pieces: list[_Piece], masked: str, text: str) -> list[Statement]:
    builder = _Builder(masked, text)
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        if piece.kind == "code":
            _add_code(builder, piece)
        elif piece.kind == "head" or _heads(piece, following, masked):
            builder.wait(piece)
        elif piece.kind == "display":
            _add_display(builder, piece)
        else:
            _add_text(builder, piece, following)
    if builder.start >= 0:
        builder.statements.append(Statement(builder.start, pieces[-1].end, builder.start))
    return builder.statements


def _add_code(builder: _Builder, piece: _Piece) -> None:
    """Adds a line of a fenced code block; fences and comments are left out."""
    builder.open_display = builder.open_text = False
    body, end = _strip(builder.text, piece.start, piece.end)
    if body < end and not builder.text.startswith(("```", "#", "//"), body):
        start = body if builder.start < 0 else builder.start
        builder.statements.append(Statement(start, end, body, code=True))
        builder.start = -1


def _add_display(builder: _Builder, piece: _Piece) -> None:
    if builder.start >= 0 or not builder.open_display or not builder.statements or piece.mark:
        builder.add(piece, piece.start)
        return
    last = builder.statements[-1]
    says = builder.text[last.body : last.end]
    closed = builder.masked[last.end - 1] in ".!?" or bool(_LABELLED_NUMBER.search(says))
    apart = "=" in says or _DEFINES.match(says) or _tells_one_number(says, builder.text[piece.start : piece.end])
    if closed and (piece.opens_paragraph or apart):
        builder.add(piece, piece.start)
    else:
        builder.extend(piece.end)
        builder.open_display = False
        builder.open_text = builder.masked[piece.end - 1] != "."


def _tells_one_number(sentence: str, formula: str) -> bool:
    """Whether the sentence only states one number ("Each pear costs $0.50.") and the formula computes."""
    if len(sentence) > 200 or len(_NUMBER.findall(sentence)) != 1 or _RELATES.search(sentence):
        return False
    return not _ANNOUNCES.search(sentence) and bool(_COMPUTES.search(formula))


def _add_text(builder: _Builder, piece: _Piece, following: _Piece | None) -> None:
    words = builder.masked[piece.start : piece.end]
    if builder.open_text and builder.start < 0 and not piece.mark and not piece.opens_paragraph:
        bare = words.strip(" .,;:!?*)")
        if not bare or _TAIL.match(words) or (words[0].islower() and not re.search(rf"[\d={INLINE}]", words)):
            builder.extend(piece.end)
            return
    label = _LABEL.match(words)
    body = piece.start + (label.end() if label and label.end() < len(words) else 0)
    leads = words.rstrip(" *").endswith(":")
    if leads and following is not None and following.kind != "display" and not _PLANS.search(words):
        builder.wait(piece)
        return
    builder.add(piece, body, leads=leads)


def _heads(piece: _Piece, following: _Piece | None, masked: str) -> bool:
    """Whether this text is a heading of what follows: a step title, or a numbered item with a colon or sub-items."""
    if piece.kind != "text" or following is None:
        return False
    words = masked[piece.start : piece.end]
    numbered = piece.mark[:1].isdigit() or piece.mark[:1] == "("
    colon = words.rstrip(" *").endswith(":")
    step = _STEP_LINE.match(words)
    if step and following.opens_line and "=" not in words and INLINE not in words:
        next_words = masked[following.start : following.end]
        title = words[step.end() :].lstrip()
        return not _STEP_LINE.match(next_words) and (
            colon or bool(_PLANS.match(title)) or not re.search(r"\d.*\d", title)
        )
    if not numbered:
        return False
    if colon and following.opens_line and following.kind != "display":
        return True
    return following.opens_line and following.indent > piece.indent and "=" not in words and bool(_PLANS.match(words))
