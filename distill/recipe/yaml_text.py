"""Reads YAML 1.2 as plain values with the line of every key. Anchors, aliases, tags and repeated keys are refused.

PyYAML reads version 1.1, in which `off` is false and `2e-4` is text. ruamel.yaml reads 1.2 with lines.
But it also reads aliases, sets, dates and tagged values, and each would need its own check to be refused.
"""

from __future__ import annotations

import re
from typing import TypeAlias, Union

import yaml

Value: TypeAlias = Union[bool, int, float, str, list["Value"], dict[str, "Value"], None]  # noqa: UP007 (a forward name)
Key: TypeAlias = tuple[str, ...]


class YamlError(ValueError):
    """An error in a text; `line` and `column` count from 1 and are 0 if unknown."""

    def __init__(self, problem: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(problem)
        self.line, self.column = (mark.line + 1, mark.column + 1) if mark else (0, 0)


class _Loader(yaml.SafeLoader):
    """Nodes of YAML 1.2 without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlError("anchors and aliases are not allowed here; write the value out", event.start_mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf)|\.(nan|NaN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def read_yaml(text: str) -> tuple[Value, dict[Key, int]]:
    """The value of a text, and the line of every key in it, counted from 1.

    Raises:
        YamlError: the text is not YAML, or uses what is refused here.
    """
    lines: dict[Key, int] = {}
    try:
        return _construct(yaml.compose(text, _Loader), (), lines), lines
    except yaml.MarkedYAMLError as error:
        raise YamlError(error.problem or error.context or "", error.problem_mark or error.context_mark) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from None
    except RecursionError:
        raise YamlError("nested too deeply") from None


def _construct(node: yaml.Node | None, key: Key, lines: dict[Key, int]) -> Value:
    """The value of a node; the line of every key goes into `lines`."""
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*key, str(i)), lines) for i, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return None if node is None else _scalar(node)
    if not node.tag.endswith(":map"):
        raise YamlError(f"the tag {node.tag} is not read here", node.start_mark)
    mapping: dict[str, Value] = {}
    for key_node, value_node in node.value:
        name = str(key_node.value)
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlError("a key must be a plain word", key_node.start_mark)
        if name in mapping:
            raise YamlError(f'the key "{name}" appears twice', key_node.start_mark)
        lines[(*key, name)] = key_node.start_mark.line + 1
        mapping[name] = _construct(value_node, (*key, name), lines)
    return mapping


def _scalar(node: yaml.Node) -> Value:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    try:
        if kind == "int":
            return int(node.value)
        if kind == "float":
            return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise YamlError("not a number, or one with thousands of digits", node.start_mark) from None
    if kind == "bool":
        return node.value.lower() == "true"
    if kind == "null":
        return None
    if kind != "str":
        raise YamlError(f"the tag {node.tag} is not read here", node.start_mark)
    return node.value
