"""`loss.skip_perplexity`: which tokens keep their labels, under a base whose probabilities are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.data.rows import Row, encode_row
from distill.training.skipping import skip_surprises, token_surprises
from losses import token_nll
from students.adapter import Base, build_adapter_student, load_base
from students.encoding import Example

LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}


class Letters(torch.nn.Module):
    """After any token the ids 0, 1, 2, 3 have the probabilities 1/2, 1/4, 1/8, 1/8."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.tensor([0.5, 0.25, 0.125, 0.125]).log(), requires_grad=False)

    def split_head(self):
        def backbone(*, input_ids, **_):
            return torch.zeros(*input_ids.shape, 1)

        return backbone, lambda hidden: hidden + self.table


class Pieces:
    """A tokenizer of four pieces; the last is the end."""

    eos_token_id, pad_token_id = 3, 0

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return [-1 for _ in tokens]

    def decode(self, ids: list[int]) -> str:
        return ["a", " <<", ">>", "."][ids[0]]


@pytest.mark.parametrize(
    ("perplexity", "labels"),
    [
        # 1 / p is 2, 4, 8, 8. The first token has nothing before it and is never learnt.
        (2.5, [-100, 0, 1, 0, 2, 0, 3]),  # id 1 opens a mark and 2 closes it; 3 is the end token
        (1.5, [-100, -100, 1, 0, 2, -100, 3]),  # 0 is surprising too, but inside the mark it is form
    ],
)
def test_tokens_of_a_lower_probability_are_skipped_but_for_the_form(perplexity: float, labels: list[int]) -> None:
    ids = [0, 0, 1, 0, 2, 0, 3]
    example = Example(ids, [-100, *ids[1:]], [-1] * 7)
    (kept,), counts = skip_surprises([example], Letters(), Pieces(), perplexity=perplexity)  # type: ignore[arg-type]
    assert list(kept.labels) == labels and list(kept.input_ids) == ids
    skipped = sum(label >= 0 for label in example.labels) - sum(label >= 0 for label in labels)
    assert counts == {"tokens_learnt": 6 - skipped, "tokens_skipped": skipped}


def test_the_base_judges_without_its_adapters(tiny_base: Path) -> None:
    student, tokenizer = build_adapter_student(
        Base(str(tiny_base)), reasoning=LORA, verification=LORA, seed=0, dtype=torch.float32
    )
    with torch.no_grad():
        for name, parameter in student.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    rows = [Row(f"What is {n}?", f"[PLAN]\nadd\n[VERIFY]\nit is {n}\n[ANSWER] {n}", "staged") for n in (4, 512)]
    examples = [encode_row(row, tokenizer) for row in rows]
    found = token_surprises(student, examples, tokenizer.pad_token_id)
    base, _ = load_base(Base(str(tiny_base)), dtype=torch.float32)
    base.resize_token_embeddings(len(tokenizer))
    base.get_input_embeddings().weight.data.copy_(student.get_base_model().get_input_embeddings().weight.data)
    for example, surprises in zip(examples, found, strict=True):
        ids, labels = torch.tensor([list(example.input_ids)]), torch.tensor([list(example.labels)])
        with torch.no_grad():
            expected = token_nll(base(input_ids=ids).logits[:, :-1], labels[:, 1:])[0]
        torch.testing.assert_close(torch.tensor(surprises[1:]), expected, rtol=1e-4, atol=1e-4)
        assert len(surprises) == len(example.input_ids) and surprises[0] == 0
