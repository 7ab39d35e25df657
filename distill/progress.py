"""What a training run shows while it runs: live lines on a terminal, now and then a line in a log file.

step 1,240 of 5,300  ━━━━━━━╸             12:31 left  7,912 tokens/s
nll 0.412  understand 0.103  plan 0.213  execute 0.581  verify 0.332  answer 0.080
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from transformers import TrainerCallback

if TYPE_CHECKING:
    from distill.trainer import StageTrainer

REFRESH_SECONDS, LINE_SECONDS = 0.5, 30.0


class LiveProgress(TrainerCallback):
    """Shows step, per-stage losses, speed and time left on stderr. Losses are running means in nats per token."""

    def __init__(self, trainer: StageTrainer, console: Console | None = None) -> None:
        self.trainer = trainer
        self.console = console or Console(file=sys.stderr)
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.shown = time.monotonic()

    def say(self, text: str) -> None:
        """One line, now."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Open the display."""
        if self.console.is_terminal:
            self.live.start()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Show the step if it is time."""
        now = time.monotonic()
        if now - self.shown < (REFRESH_SECONDS if self.console.is_terminal else LINE_SECONDS):
            return
        self.shown = now
        if not self.console.is_terminal:
            self.say(self.line())
            return
        steps, speed, losses = self.texts()
        row = Table.grid(padding=(0, 2))
        progress = self.trainer.plan.progress(self.trainer.steps_done)
        row.add_row(steps, ProgressBar(total=1.0, completed=progress, width=20), speed)
        self.live.update(Group(row, Text(losses, overflow="ellipsis", no_wrap=True)), refresh=True)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Close the display and leave the last numbers standing."""
        self.close()
        self.say(self.line())

    def close(self) -> None:
        """Give the terminal back."""
        self.live.stop()

    def line(self) -> str:
        """Everything in one line."""
        return "  ".join(self.texts())

    def texts(self) -> tuple[str, str, str]:
        """Steps; time left and speed; losses."""
        plan, steps, recent = self.trainer.plan, self.trainer.steps_done, self.trainer.stage_log.recent
        of = f" of {plan.total_steps:,}" if plan.total_steps else ""
        left = int(plan.seconds_left(steps) or 0)
        hours, minutes = left // 3600, left // 60 % 60
        clock = f"{hours}:{minutes:02d}:{left % 60:02d}" if hours else f"{minutes}:{left % 60:02d}"
        speed = f"{clock} left  {recent.get('tokens_per_second', 0.0):,.0f} tokens/s"
        losses = "  ".join(f"{name} {value:.3f}" for name, value in recent.items() if name != "tokens_per_second")
        return f"step {steps:,}{of}", speed, losses
