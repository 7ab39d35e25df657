"""Reads text into a reasoning graph, and writes a graph as text."""

from parsers.graph import NO_STAGE, Quantity, ReasoningGraph, Stage, Step
from parsers.parse import parse
from parsers.writing.render import Rendered, render
from parsers.writing.structure import structure

__all__ = ["NO_STAGE", "Quantity", "ReasoningGraph", "Rendered", "Stage", "Step", "parse", "render", "structure"]
