"""torch.compile for the layers of a student and its loss, with a fallback to eager mode where it fails.

One layer is compiled, and all layers share its code. For MiniAxion this takes 30 seconds instead of 150 for the whole
model, and training is 17 % faster than without. (The whole model compiled at once is slower than layer by layer.)
Nothing is compiled after the warm-up; other shapes run as plain PyTorch. So the code for a shape does not depend on the
order of shapes, and a resumed run computes the same bits.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Callable, Sequence

import torch
from torch import nn

from distill.errors import UserError

log = logging.getLogger(__name__)


def can_compile(device: torch.device) -> bool:
    """Whether torch.compile can work: a CPU needs a C++ compiler, a GPU Triton and capability 7.0 or above."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None and torch.cuda.get_device_capability(device) >= (7, 0)
    return device.type == "cpu" and any(shutil.which(compiler) for compiler in ("g++", "clang++", "c++"))


def repeated_layers(model: nn.Module) -> list[nn.Module]:
    """The members of the model's largest list of equal modules; empty if there is none."""
    lists = [list(m) for m in model.modules() if isinstance(m, nn.ModuleList)]
    equal = [layers for layers in lists if len({type(layer) for layer in layers}) == 1]
    return max(equal, key=lambda layers: sum(p.numel() for m in layers for p in m.parameters()), default=[])


def compile_modules(
    modules: Sequence[nn.Module], *, wanted: str, device: torch.device, warm_up: Callable[[], None]
) -> bool:
    """Compile each module in place, and run `warm_up` to trigger it; True if they now run compiled.

    Args:
        modules: may be empty; then nothing is compiled.
        wanted: `auto` falls back to plain PyTorch with a log line; `on` raises instead; `off` does nothing.
        warm_up: runs the model forward and backward on shapes it will see.

    Raises:
        UserError: `wanted` is `on` and compiling is not possible.
    """
    if wanted == "off":
        return False
    if not modules or not can_compile(device):
        if wanted == "on":
            raise UserError("train.compile: needs a C++ compiler (install g++) or Triton on a GPU; or set it to auto")
        return False
    for module in modules:
        module.compile(dynamic=True)
    try:
        warm_up()
    except Exception as error:  # whatever a compiler may raise; without it training still works
        undo_compilation(modules)
        if wanted == "on":
            raise UserError(f"train.compile: failed with {type(error).__name__}; set it to off or auto") from error
        log.warning("training without torch.compile, which failed: %s", str(error).strip().split("\n")[0])
        return False
    torch.compiler.set_stance("eager_on_recompile")
    return True


def undo_compilation(modules: Sequence[nn.Module]) -> None:
    """Let modules run as plain PyTorch again, for generation."""
    torch.compiler.set_stance("default")
    for module in modules:
        module._compiled_call_impl = None
