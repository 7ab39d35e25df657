"""Continuous batches: every row reads as if it were written alone, whoever joins and leaves meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from parsers.text.markers import END_ANSWER
from students.continuous import ContinuousBatch, Row
from students.decoding import Decoding
from students.generation import generate, text_of
from students.sizes import build_student
from tests.conftest import random_adapters

VOCABULARY = 40


def words() -> PreTrainedTokenizerFast:
    vocabulary = {"<unk>": 0, "<pad>": 1, "<end>": 2, END_ANSWER: 3} | {f"w{i}": i for i in range(4, VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", eos_token="<end>")


def llama(tokenizer: Any) -> Any:
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=96, initializer_range=0.3, pad_token_id=1, bos_token_id=None, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(3)
    return LlamaForCausalLM(config)


def nano(name: str) -> Any:
    def build(tokenizer: Any) -> Any:
        model = build_student(name, tokenizer, vocab_size=VOCABULARY, max_length=96, seed=1)
        torch.manual_seed(5)
        with torch.no_grad():  # an untrained student writes one token for ever
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=0.3)
        return model

    return build


STUDENTS = {"llama": llama, **{name: nano(name) for name in ("miniaxion1-tiny", "miniaxion1.5-tiny", "axion1-350k")}}


@pytest.fixture(params=STUDENTS, scope="module")
def student(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    tokenizer = words()
    return STUDENTS[request.param](tokenizer).eval(), tokenizer


def prompts(count: int) -> list[str]:
    random = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 30, (count,), generator=random).tolist()
    return [" ".join(f"w{i}" for i in torch.randint(4, VOCABULARY, (n,), generator=random).tolist()) for n in lengths]


def row(tokenizer: Any, prompt: str, **options: Any) -> Row:
    return Row(tokenizer(prompt)["input_ids"], options.pop("max_new_tokens", 40), **options)


def run(batch: ContinuousBatch, rows: list[Row], *, every: int = 1, most: int = 1000) -> None:
    """Let two of the rows join at every so many steps."""
    waiting = list(rows)
    for number in range(most):
        joining = [waiting.pop(0) for _ in range(min(2, len(waiting)))] if number % every == 0 else []
        batch.step(joining)
        if not waiting and not batch.num_open:
            return
    raise AssertionError("rows without an end")


@pytest.mark.parametrize("every", [1, 7])
def test_greedy_rows_read_as_generate_writes_them(student, every):
    model, tokenizer = student
    asked = prompts(12)
    rows = [row(tokenizer, prompt) for prompt in asked]
    run(ContinuousBatch(model, tokenizer), rows, every=every)
    alone = generate(model, tokenizer, asked, max_new_tokens=40, batch_size=1)
    assert [text_of(tokenizer, r.written, END_ANSWER) for r in rows] == [one.text for one in alone]
    assert [r.finish == "stop" for r in rows] == [one.finished for one in alone]


def test_rows_have_the_same_help_as_in_generate(student):
    """A processor sees each row's own tokens at the end of its line, whatever the rows beside it."""
    model, tokenizer = student

    def no_token_thrice(ids, logits):
        counts = torch.stack([(ids[:, -6:] == token).sum(1) for token in range(logits.shape[1])], dim=1)
        return logits.masked_fill(counts >= 2, -torch.inf)

    asked = [prompt for prompt in prompts(30) if len(prompt.split()) > 6]
    rows = [row(tokenizer, prompt) for prompt in asked]
    run(ContinuousBatch(model, tokenizer, logits_processor=no_token_thrice), rows)
    alone = generate(model, tokenizer, asked, max_new_tokens=40, batch_size=1, logits_processor=no_token_thrice)
    assert [text_of(tokenizer, r.written, END_ANSWER) for r in rows] == [one.text for one in alone]
    unaided = generate(model, tokenizer, asked, max_new_tokens=40, batch_size=1)
    assert [one.text for one in unaided] != [one.text for one in alone]


def test_drawn_rows_have_their_own_settings_and_seeds(student):
    model, tokenizer = student
    settings = [Decoding(temperature=0.8), Decoding(temperature=1.2, top_p=0.9), Decoding(repetition_penalty=1.3)]
    asked = prompts(9)
    rows = [row(tokenizer, prompt, how=settings[i % 3], seed=i, max_new_tokens=20) for i, prompt in enumerate(asked)]
    run(ContinuousBatch(model, tokenizer), rows)
    for i, (prompt, written) in enumerate(zip(asked, rows, strict=True)):
        how = settings[i % 3]
        options = {"temperature": how.temperature, "top_p": how.top_p, "repetition_penalty": how.repetition_penalty}
        [alone] = generate(model, tokenizer, [prompt], max_new_tokens=20, seed=i, **options)
        assert text_of(tokenizer, written.written, END_ANSWER) == alone.text


def test_rows_are_gated_each_by_its_own_marker(tiny_base):
    from parsers.text.markers import VERIFY_MARKER

    model, tokenizer = random_adapters(tiny_base, lora_alpha=64)
    asked = ["What is 4 + 5?", f"a\n{VERIFY_MARKER}\n9 - 5 = 4.", "Is 7 odd?", f"{VERIFY_MARKER} x", "b"] * 2
    rows = [row(tokenizer, prompt, max_new_tokens=12 + 3 * i) for i, prompt in enumerate(asked)]
    run(ContinuousBatch(model, tokenizer), rows, every=2)
    for prompt, written in zip(asked, rows, strict=True):
        [alone] = generate(model, tokenizer, [prompt], max_new_tokens=written.max_new_tokens)
        assert text_of(tokenizer, written.written, END_ANSWER) == alone.text


def test_a_cancelled_row_leaves_and_the_others_do_not_notice(student):
    model, tokenizer = student
    asked = prompts(6)
    rows = [row(tokenizer, prompt, max_new_tokens=30) for prompt in asked]
    batch = ContinuousBatch(model, tokenizer)
    batch.step(rows)
    batch.step()
    for gone in rows[:3]:
        gone.finish = gone.finish or "cancelled"
    batch.step()
    assert set(batch.rows) <= set(rows[3:])
    run(batch, [])
    alone = generate(model, tokenizer, asked[3:], max_new_tokens=30, batch_size=1)
    assert [text_of(tokenizer, r.written, END_ANSWER) for r in rows[3:]] == [one.text for one in alone]


def test_a_prompt_as_long_as_the_context_ends_at_once(student):
    model, tokenizer = student
    batch = ContinuousBatch(model, tokenizer)
    long, short = row(tokenizer, "w5 " * 96), row(tokenizer, "w5")
    assert batch.step([long, short]) == [short]
    assert (long.finish, long.written) == ("length", [])


def test_a_row_ends_where_the_context_does(student):
    model, tokenizer = student
    rows = [row(tokenizer, "w5 " * 90, max_new_tokens=50), row(tokenizer, "w6 w7", max_new_tokens=5)]
    run(ContinuousBatch(model, tokenizer, stop=None), rows)
    assert len(rows[0].prompt) + len(rows[0].written) <= 96


def test_scores_are_the_log_probabilities_of_the_model(student):
    model, tokenizer = student
    asked = row(tokenizer, "w5 w6 w7", max_new_tokens=6, num_likeliest=3)
    run(ContinuousBatch(model, tokenizer), [asked, row(tokenizer, "w9 " * 20)])
    ids = torch.tensor([asked.prompt + asked.written])
    logprobs = model(input_ids=ids).logits.detach().log_softmax(-1)[0, len(asked.prompt) - 1 :]
    for i, (token, score) in enumerate(zip(asked.written, asked.scores, strict=True)):
        assert score.logprob == pytest.approx(float(logprobs[i, token]), abs=1e-5)
        assert [t for t, _ in score.likeliest] == logprobs[i].topk(3).indices.tolist()


def test_rows_that_make_no_sense_are_refused():
    for prompt, length in ([], 3), ([1], 0):
        with pytest.raises(ValueError, match="need a prompt"):
            Row(prompt, length)
