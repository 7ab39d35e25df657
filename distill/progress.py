"""What a training run shows while it runs: a live line on a terminal, now and then a line in a log file.

step 1,240 of 5,300  ━━━━━━━╸             nll 0.412  plan 0.21  execute 0.58  verify 0.33  7,912 tokens/s  12:31 left
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from transformers import TrainerCallback

if TYPE_CHECKING:
    from distill.trainer import StageTrainer

REFRESH_SECONDS, LINE_SECONDS = 0.5, 30.0


class LiveProgress(TrainerCallback):
    """Shows step, per-stage losses, speed and time left on stderr."""

    def __init__(self, trainer: StageTrainer, console: Console | None = None) -> None:
        self.trainer = trainer
        self.console = console or Console(file=sys.stderr)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[text]}"),
            console=self.console,
            auto_refresh=False,
            transient=True,
        )
        self.task = self.bar.add_task("step 0", total=1.0, text="")
        self.shown = time.monotonic()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Open the display."""
        if self.console.is_terminal:
            self.bar.start()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Show the step if it is time."""
        self._show(REFRESH_SECONDS if self.console.is_terminal else LINE_SECONDS)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Close the display and leave the last line standing."""
        self.bar.stop()
        self.console.print(" ".join(self._texts()), highlight=False, soft_wrap=True)

    def _show(self, every_seconds: float) -> None:
        now = time.monotonic()
        if now - self.shown < every_seconds:
            return
        self.shown = now
        description, text = self._texts()
        if self.console.is_terminal:
            progress = self.trainer.plan.progress(self.trainer.steps_done)
            self.bar.update(self.task, description=description, text=text, completed=progress, refresh=True)
        else:
            self.console.print(description, text, highlight=False, soft_wrap=True)

    def _texts(self) -> tuple[str, str]:
        plan, steps, recent = self.trainer.plan, self.trainer.steps_done, self.trainer.stage_log.recent
        of = f" of {plan.total_steps:,}" if plan.total_steps else ""
        parts = [f"{name} {value:.3f}" for name, value in recent.items() if name != "tokens_per_second"]
        parts.append(f"{recent.get('tokens_per_second', 0.0):,.0f} tokens/s")
        if (left := plan.seconds_left(steps)) is not None:
            parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        return f"step {steps:,}{of}", "  ".join(parts)
