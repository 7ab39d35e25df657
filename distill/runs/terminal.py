"""Terminal output: text from outside is shown as plain text, without markup and control characters."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable
from functools import partial
from typing import IO, Any

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.text import Text

from distill.errors import printable


def say(console: Console, text: str | Text, **options: Any) -> None:
    """Print a sentence: wrapped on a terminal, one line in a file. Use `print` for a path or a command."""
    console.print(text, highlight=False, markup=False, soft_wrap=not console.is_terminal, **options)


def wrapped(text: str, stream: IO[str]) -> str:
    """The text wrapped between words if the stream is a terminal; words longer than a line, as paths, stay whole."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    fill = partial(textwrap.fill, width=width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fill(line, subsequent_indent="  ") if len(line) > width else line for line in text.split("\n"))


class PlainConsole(Console):
    """A console that shows text literally: square brackets are no markup, control characters are written out."""

    def __init__(self, *, stderr: bool = True, **options: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text for the layout, measured as it will be shown."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of all output, tables and live displays included."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
