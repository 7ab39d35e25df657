"""Two LoRA adapters on one base, in one forward pass: `reasoning` is always on, `verification` from [VERIFY] on.

    ids    …  [EXECUTE]  48 / 2 = 24  [VERIFY]  24 * 2 = 48  Correct .
    gate   …      0      0  0 0 0 0       1      1 1 1 1  1     1    1

Both are plain PEFT adapters, both active; the output of every `lora_A["verification"]` is multiplied by the gate. The
gate follows from the input ids alone, so training, prefill, decoding with a cache, packed rows and rows in different
stages share one rule. PEFT's own activated LoRA has one active adapter and looks for its marker in the prompt only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model
from peft.tuners.trainable_tokens.layer import TrainableTokensLayer
from peft.utils import TrainableTokensWrapper
from torch import Tensor, nn
from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase

from parsers.text.markers import STAGED_MARKERS, VERIFY_MARKER
from students.encoding import token_ids

REASONING, VERIFICATION = "reasoning", "verification"
T = TypeVar("T")


def add_dual_lora(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, reasoning: LoraConfig, verification: LoraConfig
) -> PeftModel:
    """The base with both adapters, both trained and active, and the gate installed.

    The stage markers become single tokens of the tokenizer, which is changed in place. Their embeddings are trained
    and saved with the reasoning adapter (PEFT's trainable token indices); the rest of the table does not change.

    Raises:
        ValueError: an adapter would change the output head or whole parameters, where no gate is possible; or the
            tokenizer has a marker but splits its text.
    """
    _refuse_unsupported(VERIFICATION, verification)
    dual = add_reasoning_lora(model, tokenizer, reasoning)
    dual.add_adapter(VERIFICATION, verification)
    _refuse_unsupported(VERIFICATION, dual.peft_config[VERIFICATION])
    return install_gate(dual, tokenizer)


def add_reasoning_lora(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, reasoning: LoraConfig) -> PeftModel:
    """The base with only the reasoning adapter and trained markers; arguments as in `add_dual_lora`."""
    _refuse_unsupported(REASONING, reasoning)
    marker_ids = add_markers(model, tokenizer)
    table, head = _vocabulary_layers(model)
    is_tied = head.get_parameter("weight") is table.get_parameter("weight")
    trained = [table] if is_tied else [table, head]
    reasoning.trainable_token_indices = {_name_of(model, layer): marker_ids for layer in trained}
    student: Any = get_peft_model(model, reasoning, adapter_name=REASONING)
    _refuse_unsupported(REASONING, student.peft_config[REASONING])  # PEFT may have moved the experts of a base there
    _mend_token_wrappers(student)
    return student


def add_markers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Make every stage marker one token; returns the ids. The embedding table grows only if it has no spare rows.

    A new marker starts as the mean of the tokens of its text, so that no two markers start alike.

    Raises:
        ValueError: the vocabulary has a marker, but its text is not encoded as that token.
    """
    new = [marker for marker in STAGED_MARKERS if marker not in tokenizer.get_vocab()]
    pieces = {marker: tokenizer.encode(marker, add_special_tokens=False) for marker in new}
    tokenizer.add_tokens(new)
    ids = {}
    for marker in STAGED_MARKERS:
        tokens = tokenizer.encode(marker, add_special_tokens=False)
        if len(tokens) != 1:
            raise ValueError(f"the tokenizer writes {marker} as {len(tokens)} tokens; it must be one")
        ids[marker] = tokens[0]
    if max(ids.values()) >= model.get_input_embeddings().get_parameter("weight").shape[0]:
        model.resize_token_embeddings(max(ids.values()) + 1, mean_resizing=False)
    with torch.no_grad():
        for layer in _vocabulary_layers(model):
            table = layer.get_parameter("weight")
            for marker, tokens in pieces.items():
                table[ids[marker]] = table[tokens].float().mean(0).to(table.dtype)
    return list(ids.values())


def install_gate(dual: PeftModel, tokenizer: PreTrainedTokenizerBase) -> PeftModel:
    """Activate both adapters of a PEFT model that has them, with the verification adapter behind the gate.

    Raises:
        ValueError: an adapter is missing, or the tokenizer has no [VERIFY] token.
    """
    missing = {REASONING, VERIFICATION} - set(dual.peft_config)
    if missing:
        raise ValueError(
            f"the model has no adapter {' and '.join(sorted(missing))}; it has {', '.join(dual.peft_config)}"
        )
    (marker,) = token_ids(tokenizer, [VERIFY_MARKER])
    if marker is None or marker == tokenizer.unk_token_id:
        raise ValueError(f"the tokenizer has no token {VERIFY_MARKER}; load the one that was saved with the adapters")
    tuner: Any = dual.base_model
    tuner.set_adapter([REASONING, VERIFICATION])
    gate = VerifyGate(marker)
    base: Any = dual.get_base_model()
    decoder = base.get_decoder()  # not the whole model: training computes logits apart from it
    decoder.register_forward_pre_hook(gate.before_forward, with_kwargs=True)
    decoder.register_forward_hook(gate.after_forward)
    for module in dual.modules():
        lora = getattr(module, "lora_A", None)
        if isinstance(lora, nn.ModuleDict) and VERIFICATION in lora:
            lora[VERIFICATION].register_forward_hook(gate.apply)
    base.generate = functools.partial(_checked_generate, base.generate)
    _mend_token_wrappers(dual)
    dual.verify_gate = gate  # type: ignore[assignment]
    return dual


class VerifyGate:
    """One if a [VERIFY] token is at or before the position in the same sequence, else zero.

    With a cache, a forward pass sees new tokens only. So the gate remembers for every cache which of its rows have
    passed the marker. Code that selects rows of a cache must call `select_rows`; code that joins caches, `join_rows`.
    """

    def __init__(self, marker_id: int) -> None:
        self.marker_id = marker_id
        self.current: Tensor | None = None
        self._passed: WeakKeyDictionary[Cache, Tensor] = WeakKeyDictionary()

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
        self.current = gate

    def after_forward(self, _module: nn.Module, _args: object, output: object) -> None:
        """Remember the gate of each row of the cache, also of a cache that the forward pass has made."""
        cache = getattr(output, "past_key_values", None)
        if cache is not None and self.current is not None:
            self._passed[cache] = self.current[:, -1]

    def apply(self, _module: nn.Module, _args: object, output: Tensor) -> Tensor:
        """The low-rank activations (B, T, r) times the gate."""
        assert self.current is not None, "lora_A ran outside a forward pass of the whole model"
        return output * self.current[..., None].to(output.dtype)

    def select_rows(self, cache: Cache, rows: Tensor) -> None:
        """Keep the gate of the selected rows of a cache."""
        if cache in self._passed:
            self._passed[cache] = self._passed[cache][rows]

    def join_rows(self, cache: Any, joining: Any, places: Tensor) -> None:
        """Add the gates of another cache's rows in the same way: the first into these places, the others at the end."""
        passed, new = self._passed[cache], self._passed[joining]
        passed[places] = new[: len(places)]
        self._passed[cache] = torch.cat([passed, new[len(places) :]])


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


def _checked_generate(generate: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """`generate`, which refuses options that reorder or remove tokens that the gate has seen."""
    config = kwargs.get("generation_config")

    def asked(name: str, default: int) -> int:
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


def _mend_token_wrappers(model: nn.Module) -> None:
    """Make PEFT's trained embeddings cheap, and let only their own adapter save and load them."""
    wrappers: list[Any] = [module for module in model.modules() if isinstance(module, TrainableTokensWrapper)]
    for module in wrappers:
        module.adapter_state_dict = functools.partial(_own_tokens, module, module.adapter_state_dict)
        module.adapter_state_dict_load_map = functools.partial(_own_tokens, module, module.adapter_state_dict_load_map)
        module.token_adapter.forward = functools.partial(_with_own_rows, module.token_adapter)


def _own_tokens(
    wrapper: TrainableTokensWrapper, asked: Callable[..., dict[str, Any]], adapter_name: str, *state_dict: Any
) -> dict[str, Any]:
    """PEFT's state of an adapter's trained embeddings; empty if it has none, where PEFT (0.21) would fail."""
    has_tokens = adapter_name in wrapper.token_adapter.trainable_tokens_delta
    return asked(adapter_name, *state_dict) if has_tokens else {}


def _with_own_rows(layer: TrainableTokensLayer, x: Tensor) -> Tensor:
    """The forward pass of PEFT's TrainableTokensLayer, without its copy of the whole table in every pass.

    The copy (V, D) of a 3B base is 620 MB, and its gradient another; here only the trained rows have one.
    """
    names = [name for name in layer.active_adapters if name in layer.trainable_tokens_delta]
    if layer.disable_adapters or layer.merged or not names:
        return layer.base_layer(x)
    rows: Tensor = layer.trainable_tokens_delta[names[0]]  # (N, D)
    index = torch.tensor(layer.token_indices[names[0]], device=rows.device)
    found = layer.base_layer(x)
    if isinstance(layer.base_layer, nn.Embedding):
        scale = layer._get_embed_scale()
        rows = rows.to(found.dtype) if scale is None else rows.to(found.dtype) * scale.to(found.dtype)
        is_row = x[..., None] == index
        return torch.where(is_row.any(-1, keepdim=True), rows[is_row.int().argmax(-1)], found)
    return found.index_copy_(-1, index, nn.functional.linear(x, rows.to(x.dtype)).to(found.dtype))


def _refuse_unsupported(name: str, config: PeftConfig) -> None:
    if not isinstance(config, LoraConfig):
        raise ValueError(f"{name}: {type(config).__name__} is no LoRA adapter; give a LoraConfig")
    targets = config.target_modules if isinstance(config.target_modules, (set, list)) else [config.target_modules]
    if any(target and str(target).endswith("lm_head") for target in targets):
        raise ValueError(f"{name}: target_modules must not hold the output head, whose positions are not the input's")
    if getattr(config, "target_parameters", None):
        raise ValueError(f"{name}: target_parameters have no activations to gate; name modules instead")
    if config.use_dora:
        raise ValueError(f"{name}: DoRA changes the base's own output, so it cannot be switched by position")


def _vocabulary_layers(model: PreTrainedModel) -> tuple[nn.Module, nn.Module]:
    """The input embeddings and the output head."""
    head = model.get_output_embeddings()
    if head is None:
        raise ValueError(f"{type(model).__name__} has no output head; take a causal language model")
    return model.get_input_embeddings(), head


def _name_of(model: nn.Module, part: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is part)
