"""Reads what lines of code compute: assignments and prints of arithmetic, evaluated without running any code.

    cups = 48                  value 48
    boxes = cups // 5          value 9, from the line of `cups` and the number 5
    print(max(boxes, 7))       value 9

Python's `ast` parses each line; it also reads the arithmetic of other languages. A few kinds of nodes are evaluated
exactly. Everything else (loops, user-defined functions, imports) is not read.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from parsers.arithmetic.numbers import show
from parsers.arithmetic.precedence import Parser, Unreadable, bounded

MAX_LINE = 400
"""Longest line, in characters, that is read."""
MAX_NESTED = 40

_DECLARES = re.compile(r"(?:let|const|var)\s+(?=[A-Za-z_])")
_COMMENT = re.compile(r"\s*(?:#.*|;\s*//.*|;)\s*$")
_BRANCHES = re.compile(r"\s*\}?\s*(?:for|while|if|elif|else|try|except|switch|case)\b")
_MODULES = frozenset(("math", "Math", "np", "numpy"))
_PRINTS = frozenset(("print", "log"))

_SUM, _PRODUCT, _ATOM = 1, 2, 4
_SIGNS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM), ast.Sub: ("-", _SUM), ast.Mult: ("*", _PRODUCT), ast.Div: ("/", _PRODUCT),
    ast.Pow: ("^", _ATOM),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CodeLine:
    """What one line computes: its arithmetic with numbers instead of names, its value, its numbers and its sources."""

    expression: str | None
    value: Fraction
    numbers: tuple[Fraction, ...]
    sources: tuple[int | str, ...]
    is_plain: bool
    """Whether the line is only a number or a name."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Worked:
    """A value and its arithmetic as text, or None if it has none; `level` is the precedence of that arithmetic."""

    value: Fraction
    plain: str | None
    level: int = _ATOM


@dataclass(slots=True)
class CodeMemory:
    """The variables of a text."""

    variables: dict[str, tuple[int | str, Fraction]] = field(default_factory=dict)
    """Name -> (the step that set it or the given that it stands for, its value)."""
    lists: dict[str, tuple[Fraction, ...]] = field(default_factory=dict)

    block: int | None = None
    """The indentation of the current loop or condition; its lines are not evaluated, as they may run any number of
    times."""

    def read(self, line: str, step: int, indent: int = 0) -> CodeLine | None:
        """What the line computes, stored under the id of its step; None if it is not simple arithmetic."""
        if self.block is not None and indent <= self.block:
            self.block = None
        if self.block is None and _BRANCHES.match(line):
            self.block = indent
        line = _DECLARES.sub("", _COMMENT.sub("", line.strip(), count=1), count=1)
        if len(line) > MAX_LINE or "\\" in line:
            return None
        try:
            (statement,) = ast.parse(line).body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None
        try:
            found = self._statement(statement, step) if self.block is None else None
        except (ValueError, OverflowError, Unreadable):
            found = None
        if found is None:
            self._forget(statement)
        return found

    def _forget(self, statement: ast.stmt) -> None:
        """Forgets the variables that the line sets to an unknown value."""
        known = _listed_target(statement) if self.block is None else ""
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id != known:
                self.variables.pop(node.id, None)
                self.lists.pop(node.id, None)

    def _statement(self, statement: ast.stmt, step: int) -> CodeLine | None:
        if isinstance(statement, ast.AugAssign):
            changed = ast.BinOp(_loaded(statement.target), statement.op, statement.value)
            return self._assigned(statement.target, changed, step)
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return self._assigned(statement.target, statement.value, step)
        if isinstance(statement, ast.Assign):
            return self._assigned(statement.targets[-1], statement.value, step)
        if isinstance(statement, ast.Expr | ast.Return) and statement.value is not None:
            return _Line(self).read(_shown(statement.value))
        return None

    def _assigned(self, target: ast.expr, value: ast.expr, step: int) -> CodeLine | None:
        if not isinstance(target, ast.Name):
            return None
        if isinstance(value, ast.List):
            self.lists.pop(target.id, None)
            self.lists[target.id] = tuple(_Line(self).worked(part).value for part in value.elts)
            return None
        found = _Line(self).read(value)
        self.variables[target.id] = (step, found.value)
        return replace(found, name=target.id)


def _listed_target(statement: ast.stmt) -> str:
    """The name to which a line assigns a list, or ""; the list is known although the line has no value."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.List):
        return next((target.id for target in statement.targets if isinstance(target, ast.Name)), "")
    return ""


def _loaded(target: ast.expr) -> ast.expr:
    return ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target


def _shown(value: ast.expr) -> ast.expr:
    """The expression that a print shows: its only argument that is not text, or the only field of an f-string.

    If the expression is not a print, it is returned itself.
    """
    if isinstance(value, ast.Call) and _called(value) in _PRINTS:
        arguments = [argument for argument in value.args if not _is_text(argument)]
        if len(arguments) != 1:
            raise Unreadable
        value = arguments[0]
    if isinstance(value, ast.JoinedStr):
        filled = [part.value for part in value.values if isinstance(part, ast.FormattedValue)]
        if len(filled) != 1:
            raise Unreadable
        return filled[0]
    return value


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _called(call: ast.Call) -> str:
    """The name of the called function; "" for methods, except those of mathematical modules and `console`."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        return call.func.attr if call.func.value.id in {*_MODULES, "console"} else ""
    return ""


class _Line:
    """Evaluates one line, and collects its numbers and the sources of its variables."""

    def __init__(self, memory: CodeMemory) -> None:
        self.memory = memory
        self.numbers: list[Fraction] = []
        self.sources: list[int | str] = []
        self.depth = 0

    def read(self, node: ast.expr) -> CodeLine:
        worked = self.worked(node)
        is_plain = isinstance(node, ast.Constant | ast.Name)
        return CodeLine(worked.plain, worked.value, tuple(self.numbers), tuple(dict.fromkeys(self.sources)), is_plain)

    def worked(self, node: ast.expr) -> _Worked:
        self.depth += 1
        if self.depth > MAX_NESTED:
            raise Unreadable
        found = self._worked(node)
        self.depth -= 1
        bounded(found.value)
        return found

    def _worked(self, node: ast.expr) -> _Worked:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            value = Fraction(str(node.value))
            self.numbers.append(value)
            return _Worked(value, show(value))
        if isinstance(node, ast.Name) and node.id in self.memory.variables:
            source, value = self.memory.variables[node.id]
            self.sources.append(source)
            return _Worked(value, show(value, operand=True))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = self.worked(node.operand)
            if isinstance(node.op, ast.UAdd):
                return inner
            return _Worked(-inner.value, inner.plain and f"(-{_bracketed(inner, _ATOM)})")
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.Call) and not node.keywords:
            return self._call(node)
        raise Unreadable

    def _operation(self, node: ast.BinOp) -> _Worked:
        left, right = self.worked(node.left), self.worked(node.right)
        both = left.plain and right.plain
        if isinstance(node.op, ast.FloorDiv | ast.Mod):
            if not right.value:
                raise Unreadable
            if isinstance(node.op, ast.FloorDiv):
                plain = both and f"⌊{_bracketed(left, _PRODUCT)}/{_bracketed(right, _ATOM)}⌋"
                return _Worked(Fraction(left.value // right.value), plain)
            plain = both and f"({_bracketed(left, _ATOM)} mod {_bracketed(right, _ATOM)})"
            return _Worked(left.value % right.value, plain)
        sign, level = _SIGNS.get(type(node.op), ("", 0))
        if not sign:
            raise Unreadable
        value = Fraction(Parser(()).apply(sign, left.value, right.value))
        behind = level if sign in "+*" else level + 1
        first = level + 1 if sign == "^" else level
        return _Worked(value, both and f"{_bracketed(left, first)}{sign}{_bracketed(right, behind)}", level)

    def _call(self, node: ast.Call) -> _Worked:
        name = _called(node)
        if name in _OF_LISTS:
            values = self._listed(node.args)
            if not values:
                raise Unreadable
            plain = f"{name}({','.join(map(str, values))})" if name in ("max", "min", "gcd", "lcm") else None
            is_whole = all(value.denominator == 1 and value >= 0 for value in values) and len(values) > 1
            return _Worked(Fraction(_OF_LISTS[name](values)), plain if is_whole else None)
        if name == "pow" and len(node.args) == 2:
            return self._operation(ast.BinOp(node.args[0], ast.Pow(), node.args[1]))
        if name == "round" and len(node.args) == 2:
            worked, places = self.worked(node.args[0]), self.worked(node.args[1]).value
            if places.denominator != 1 or not 0 <= places <= 20:
                raise Unreadable
            return _Worked(round(worked.value, int(places)), None)
        if name not in _OF_ONE or len(node.args) != 1:
            raise Unreadable
        worked = self.worked(node.args[0])
        value = Fraction(_OF_ONE[name](worked.value))
        if value == worked.value:
            return replace(worked, plain=worked.plain and _bracketed(worked, _ATOM), level=_ATOM)
        opening, closing = _WRITTEN.get(name, ("", ""))
        return _Worked(value, f"{opening}{worked.plain}{closing}" if opening and worked.plain else None)

    def _listed(self, arguments: Sequence[ast.expr]) -> list[Fraction]:
        if len(arguments) == 1 and isinstance(arguments[0], ast.Name):
            return list(self.memory.lists.get(arguments[0].id, ()))
        if len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple):
            arguments = arguments[0].elts
        return [self.worked(argument).value for argument in arguments]


def _bracketed(worked: _Worked, least: int) -> str:
    return f"({worked.plain})" if worked.level < least else str(worked.plain)


def _whole(function: Callable[..., int]) -> Callable[[list[Fraction]], int]:
    """The function, restricted to integers."""

    def of(values: list[Fraction]) -> int:
        if any(value.denominator > 1 for value in values):
            raise Unreadable
        return function(*map(int, values))

    return of


_OF_LISTS: dict[str, Callable[[list[Fraction]], Any]] = {
    "max": max, "min": min, "sum": sum, "len": len, "gcd": _whole(math.gcd), "lcm": _whole(math.lcm),
}  # fmt: skip
_OF_ONE: dict[str, Callable[[Fraction], Any]] = {
    "int": int, "trunc": int, "float": Fraction, "Number": Fraction, "abs": abs, "round": round,
    "floor": math.floor, "ceil": math.ceil, "sqrt": lambda value: Parser.root(value, 2),
    "isqrt": lambda value: math.isqrt(int(value)) if value >= 0 else Parser.root(value, 2),
}  # fmt: skip
_WRITTEN = {"floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉"), "abs": ("|", "|"), "sqrt": ("√(", ")")}
