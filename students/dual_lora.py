"""Two LoRA adapters on one base, in one forward pass: `reasoning` always on, `verification` from [VERIFY] on.

    ids    …  [EXECUTE]  48 / 2 = 24  [VERIFY]  24 * 2 = 48  Correct .
    gate   …      0      0  0 0 0 0       1      1 1 1 1  1     1    1

Both are plain PEFT adapters, both active; the output of every `lora_A["verification"]` is multiplied by the gate. The
gate follows from the input ids alone, so training, prefill, decoding with a cache, packed rows and rows in different
stages share one rule. PEFT's own activated LoRA has one active adapter and looks for its marker in the prompt only.
"""

from __future__ import annotations

import functools
from typing import Any
from weakref import WeakKeyDictionary

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import TrainableTokensWrapper
from torch import Tensor, nn

from parsers.graph import Stage

REASONING, VERIFICATION = "reasoning", "verification"
VERIFY_MARKER = f"[{Stage.VERIFY.name}]"
STAGED_MARKERS = (*(f"[{stage.name}]" for stage in Stage), "[ANSWER]")


def add_dual_lora(model: Any, tokenizer: Any, *, reasoning: LoraConfig, verification: LoraConfig) -> PeftModel:
    """The base with both adapters, both trained and active, and the gate installed.

    The stage markers become single tokens of the tokenizer, which is changed in place. Their embeddings are trained
    and saved with the reasoning adapter (PEFT's trainable token indices); the rest of the table is not touched.

    Raises:
        ValueError: an adapter would change the output head or whole parameters, where no gate can be applied; or the
            tokenizer splits a marker although it has it already.
    """
    for name, config in ((REASONING, reasoning), (VERIFICATION, verification)):
        _refuse_unsupported(name, config)
    marker_ids = add_markers(model, tokenizer)
    embeddings = _name_of(model, model.get_input_embeddings())
    reasoning.trainable_token_indices = {embeddings: marker_ids}
    dual = get_peft_model(model, reasoning, adapter_name=REASONING)
    dual.add_adapter(VERIFICATION, verification)
    return install_gate(dual, tokenizer)


def add_markers(model: Any, tokenizer: Any) -> list[int]:
    """Make every stage marker one token; the ids. The embedding table grows only where it has no spare rows.

    Raises:
        ValueError: the vocabulary has a marker, but its own text does not become that token.
    """
    tokenizer.add_tokens([marker for marker in STAGED_MARKERS if marker not in tokenizer.get_vocab()])
    ids = []
    for marker in STAGED_MARKERS:
        tokens = tokenizer.encode(marker, add_special_tokens=False)
        if len(tokens) != 1:
            raise ValueError(f"the tokenizer writes {marker} as {len(tokens)} tokens; it must be one")
        ids += tokens
    if max(ids) >= model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(max(ids) + 1)
    return ids


def install_gate(dual: PeftModel, tokenizer: Any) -> PeftModel:
    """Activate both adapters of a PEFT model that has them, with the verification adapter behind the gate.

    Raises:
        ValueError: an adapter is missing, or the tokenizer has no [VERIFY] token.
    """
    missing = {REASONING, VERIFICATION} - set(dual.peft_config)
    if missing:
        raise ValueError(
            f"the model has no adapter {' and '.join(sorted(missing))}; it has {', '.join(dual.peft_config)}"
        )
    marker = tokenizer.convert_tokens_to_ids(VERIFY_MARKER)
    if marker is None or marker == tokenizer.unk_token_id:
        raise ValueError(f"the tokenizer has no token {VERIFY_MARKER}; load the one that was saved with the adapters")
    dual.base_model.set_adapter([REASONING, VERIFICATION])
    gate = VerifyGate(int(marker))
    base = dual.get_base_model()
    base.register_forward_pre_hook(gate.before_forward, with_kwargs=True)
    for module in dual.modules():
        lora = getattr(module, "lora_A", None)
        if isinstance(lora, nn.ModuleDict) and VERIFICATION in lora:
            lora[VERIFICATION].register_forward_hook(gate.apply)
    base.generate = functools.partial(_checked_generate, base.generate)
    for module in dual.modules():
        if isinstance(module, TrainableTokensWrapper):
            module.adapter_state_dict = functools.partial(_own_tokens, module, module.adapter_state_dict)
    dual.verify_gate = gate  # type: ignore[assignment]
    return dual


class VerifyGate:
    """One where a [VERIFY] token has been seen at or before the position in the same sequence, else zero.

    With a cache a forward sees new tokens only, so the gate remembers for every cache which of its rows have passed
    the marker. Who picks rows of a cache must pick the gate's rows with `select_rows`.
    """

    def __init__(self, marker_id: int) -> None:
        self.marker_id = marker_id
        self.current: Tensor | None = None
        self._passed: WeakKeyDictionary[Any, Tensor] = WeakKeyDictionary()

    def before_forward(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Set the gate (B, T) of the forward pass that follows from its input ids.

        Raises:
            ValueError: there are no input ids, or a cache was filled by a forward that the gate has not seen.
        """
        ids = args[0] if args else kwargs.get("input_ids")
        if ids is None:
            raise ValueError("the gate of the verification adapter needs input_ids; inputs_embeds are not supported")
        gate = marker_gate(ids, self.marker_id, kwargs.get("position_ids"))
        cache = kwargs.get("past_key_values")
        if cache is not None:
            passed = self._passed.get(cache)
            if passed is None and cache.get_seq_length() > 0:
                raise ValueError("the cache was filled by another model, so it is not known where its rows stand")
            if passed is not None:
                gate = gate | passed[:, None]
            self._passed[cache] = gate[:, -1]
        self.current = gate

    def apply(self, _module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        """The low-rank activations (B, T, r) times the gate."""
        assert self.current is not None, "lora_A ran outside a forward pass of the whole model"
        return output * self.current[..., None].to(output.dtype)

    def select_rows(self, cache: Any, rows: Tensor) -> None:
        """Keep the rows of a cache whose own rows were picked."""
        if cache in self._passed:
            self._passed[cache] = self._passed[cache][rows]


def marker_gate(input_ids: Tensor, marker_id: int, position_ids: Tensor | None = None) -> Tensor:
    """(B, T) bool: whether the marker stands at or before each position of the same sequence.

    Packed rows are recognised by positions that start again at 0 after the first token of the row.
    """
    places = torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
    last_marker = places.where(input_ids == marker_id, -1).cummax(dim=1).values
    if position_ids is None:
        return last_marker >= 0
    starts = (position_ids == 0).expand_as(input_ids)
    return last_marker >= places.where(starts, 0).cummax(dim=1).values


def _checked_generate(generate: Any, *args: Any, **kwargs: Any) -> Any:
    """`generate`, but for what would reorder or take back the tokens that the gate has seen."""
    config = kwargs.get("generation_config")

    def asked(name: str, default: Any) -> Any:
        return kwargs.get(name, getattr(config, name, None)) or default

    refused = {
        "num_beams > 1 (beam search swaps rows)": asked("num_beams", 1) > 1,
        "assistant_model (its tokens may be taken back)": kwargs.get("assistant_model") is not None,
        "prompt_lookup_num_tokens (its tokens may be taken back)": asked("prompt_lookup_num_tokens", 0) > 0,
    }
    for reason, is_asked in refused.items():
        if is_asked:
            raise ValueError(f"the verification adapter cannot be gated with {reason}; decode greedily or sample")
    return generate(*args, **kwargs)


def _own_tokens(wrapper: TrainableTokensWrapper, saved: Any, adapter_name: str, state_dict: Any) -> dict[str, Tensor]:
    """The trained embeddings of an adapter; none for one that has none, where PEFT (0.21) fails on saving it."""
    return saved(adapter_name, state_dict) if adapter_name in wrapper.token_adapter.trainable_tokens_delta else {}


def _refuse_unsupported(name: str, config: LoraConfig) -> None:
    targets = config.target_modules if isinstance(config.target_modules, (set, list)) else [config.target_modules]
    if any(target and str(target).endswith("lm_head") for target in targets):
        raise ValueError(f"{name}: target_modules must not hold the output head, whose positions are not the input's")
    if getattr(config, "target_parameters", None):
        raise ValueError(f"{name}: target_parameters have no activations to gate; name modules instead")
    if config.use_dora:
        raise ValueError(f"{name}: DoRA changes the base's own output, so it cannot be switched by position")


def _name_of(model: nn.Module, part: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is part)
