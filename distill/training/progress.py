"""Progress of training: live lines on a terminal, or a line now and then in a log file.

step 1,240 of 5,300  ━━━━━━━╸             12:31 left  7,912 tokens/s
nll 0.412  understand 0.103  plan 0.213  execute 0.581  verify 0.332  answer 0.080
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from distill.runs.terminal import PlainConsole, say
from distill.training.schedules import TrainingPlan
from distill.training.stage_log import StageLog

REFRESH_SECONDS = 0.5
FIRST_LINE_SECONDS, LINE_SECONDS = 5.0, 30.0
"""Between lines of a log file: at first, and after some minutes."""


class LiveProgress(TrainerCallback):
    """Shows step, per-stage losses, speed and time left on stderr. Losses are running means in nats per token."""

    def __init__(self, plan: TrainingPlan, stage_log: StageLog, console: Console | None = None) -> None:
        self.plan, self.stage_log = plan, stage_log
        self.console = console or PlainConsole()
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.shown = self.began = time.monotonic()
        self.last_line = ""

    def say(self, text: str) -> None:
        """Print one line at once."""
        say(self.console, text)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Announce a long wait: a spinner with its seconds on a terminal, else one line."""
        if not self.console.is_terminal:
            self.say(text)
            yield
            return
        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        with Progress(*columns, console=self.console, transient=True) as progress:
            progress.add_task(text, total=None)
            yield

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Open the display."""
        self.shown = self.began = time.monotonic()
        if self.console.is_terminal:
            self.live.start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Show the step if enough time has passed."""
        now = time.monotonic()
        if now - self.shown < self._pause(now):
            return
        self.shown = now
        steps = state.global_step
        if not self.console.is_terminal:
            self.last_line = self.line(steps)
            self.say(self.last_line)
            return
        done, speed, losses = self.texts(steps)
        row = Table.grid(padding=(0, 2))
        row.add_row(done, ProgressBar(total=1.0, completed=self.plan.progress(steps), width=20), speed)
        self.live.update(Group(row, Text(losses, overflow="ellipsis", no_wrap=True)), refresh=True)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Close the display; the last numbers stay visible."""
        self.close()
        if (line := self.line(state.global_step)) != self.last_line:
            self.say(line)

    def close(self) -> None:
        """Release the terminal."""
        self.live.stop()

    def line(self, steps: int) -> str:
        """Everything in one line."""
        return "  ".join(self.texts(steps))

    def texts(self, steps: int) -> tuple[str, str, str]:
        """Steps; time left and speed; losses."""
        plan, recent = self.plan, self.stage_log.recent
        of = f" of {plan.total_steps:,}" if plan.total_steps else ""
        left = int(plan.seconds_left(steps) or 0)
        hours, minutes = left // 3600, left // 60 % 60
        clock = f"{hours}:{minutes:02d}:{left % 60:02d}" if hours else f"{minutes}:{left % 60:02d}"
        speed = f"{clock} left  {recent.get('tokens_per_second', 0.0):,.0f} tokens/s"
        losses = "  ".join(f"{name} {value:.3f}" for name, value in recent.items() if name != "tokens_per_second")
        return f"step {steps:,}{of}", speed, losses

    def _pause(self, now: float) -> float:
        if self.console.is_terminal:
            return REFRESH_SECONDS
        return min(max((now - self.began) / 10, FIRST_LINE_SECONDS), LINE_SECONDS)
