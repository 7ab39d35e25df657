"""The final answer of a text: where it is found, and where there is none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import parse
from parsers.answers.channels import reply_of
from parsers.answers.final import boxes, extract_answer, final_answer, last_box
from parsers.answers.phrases import TABLE

RULES = [
    pytest.param(row["language"], text, answer or None, id=f"{kind} {row['language']}: {text}")
    for kind, rows in TABLE.items()
    for row in rows
    for text, answer in ((row["example"], row["answer"]), (row["counter"], row.get("kept")))
]


@pytest.mark.parametrize(("language", "text", "answer"), RULES)
def test_every_rule_of_the_table_has_its_example_and_its_counter_example(
    language: str, text: str, answer: str | None
) -> None:
    assert final_answer(text, language) == answer


FIELDS = [
    ("So 72 clips.\n#### 72", "72"),
    ("#### 1\nmore\n#### 1,234 ", "1,234"),
    ("Job A: 5 hours.\nA: 12", "12"),
    ("Job A: 5 hours", None),
    ("Is it\nA: 12 or\nB: 15?", None),
    ("#### Step 1\n3 + 4 = 7\n#### Step 2\nSo it is 7.", None),
    ("#### Step 3\nHence \\boxed{7}.", "7"),
    ("#### 7\n\nHope that helps!", "7"),
    ("#### 1\nCount.\n#### 2\nAdd.", None),
    ("<INST>q</INST><THINK></THINK><ANS>82</ANS>", "82"),
    ("<THINK></THINK><ANS>82", "82"),
    ("[VERIFY]\nok\n[ANSWER] even", "even"),
    ("<ANSWER>5<\\ANSWER>", "5"),
    ("<answer>5</answer>", "5"),
    ("I write <answer></answer> around it. The answer is 5.", "5"),
    ("<result>\n2.5 m\n</result>", "2.5 m"),
    ("<answer>Therefore \\boxed{x^2}</answer>", "x^2"),
    ("The answer is 3. <answer>5</answer>", "5"),
    ("<final>5</final>", "5"),
    ('{"steps": ["3 + 4"], "answer": 7}', "7"),
    ('```json\n{"final_answer": "\\\\frac{1}{2}"}\n```', r"\frac{1}{2}"),
    ('{"unanswered": 7}', None),
]
BOXES = [
    (r"Thus \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
    (r"\boxed{1} or \boxed{-\sqrt{\{2\}}}", r"-\sqrt{\{2\}}"),
    (r"So $\boxed{3}$, $\boxed{5}$ and $\boxed{8}$.", "3, 5, 8"),
    (r"First \boxed{3}. With the rest, \boxed{5}.", "5"),
    ("\x08oxed{6}", "6"),
    ("boxed{6}", "6"),
    ("a sandbox{6}", None),
    (r"\boxed 7.", "7"),
    (r"\boxed{}", None),
    (r"\boxed{} The answer is 6.", "6"),
    (r"\boxed{6} and an empty \boxed{ }", "6"),
    (r"\boxed{6}. Wait: the answer is 7.", "7"),
    (r"\boxed{6}. So the answer is what we wanted.", "6"),
    (r"\boxed{open", None),
]
PHRASES = [
    ("The final answer is $42.", "42"),
    ("A resposta é: 2,5", "2,5"),
    ("The answer is 5. No: the answer is 6.", "6"),
    ("The answer is 2√3 cm, since the side is 2.", "2√3 cm"),
    ("The answer is 31 + 11 = 42.", "42"),
    ("The answer is x = 42.", "x = 42"),
    ("The answer is not 8. The answer is 7.", "7"),
    ("If the answer is 8, one is left over.", None),
    ("The answer is:\n\n16 cm\n\nThat is all.", "16 cm"),
    ("The answer is\n\\[\n\\frac{3}{4}\n\\]", r"\frac{3}{4}"),
    ("The answer is:\n- 3\n- 5", "3, 5"),
    ("**Final answer:** **16**", "16"),
    ("**Answer**: 16 apples (four rows of four)", "16 apples"),
    ("Final Answer: The final answer is $x^2+1$. I hope it is correct.", "x^2+1"),
    ("The answer is $5.50 for 2 pens.", "$5.50 for 2 pens"),
    ("The answer is 3.5. Then 2 more come.", "3.5"),
    ("Answer: B", "B"),
    ("The answer is", None),
    ("She sold 72 clips.", None),
    ("The answer is 45 (9 * 5).", "45"),
    ("The answer is 9 (9 * 5).", "9 (9 * 5)"),
    ("The answer is 45 and not 54.", "45"),
    ('The answer is "B".', "B"),
    ("The answer is\n$$\n\\begin{aligned}\nx &= 3 + 4 \\\\\n&= 7\n\\end{aligned}\n$$", "7"),
    ("A resposta correta é a D) 12 cm", "D) 12 cm"),
    ("答案：C．", "C"),
    ("The result is 8 kg.", "8 kg"),
    ("The result is 8 kg. We add 2.", None),
    ("Kết quả là 1.250,5.", "1.250,5"),
    ("Kết quả là 12. Sau đó cộng 3.", None),
    ("B) 12 cm", "B) 12 cm"),
    ("B is 12 cm long", None),
    ("45 km", "45 km"),
    ("45 apples", None),
    ("x = 45", "x = 45"),
    ("x = 45 is what we need", None),
    ("72", "72"),
    ("It is 72", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "answer"), FIELDS + BOXES + PHRASES)
def test_final_answer(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


OPENING_AND_CLOSING = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel>thought\n", "<channel|>"),
    ("<unused94>thought\n", "<unused95>"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<analysis>", "</analysis>"),
    ("◁think▷", "◁/think▷"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]


@pytest.mark.parametrize(("opening", "closing"), OPENING_AND_CLOSING)
def test_thinking_never_outranks_the_reply(opening: str, closing: str) -> None:
    thought = "The answer is \\boxed{17}."
    assert final_answer(f"{opening}{thought}{closing}The answer is 18.") == "18"
    assert final_answer(f"{opening}{thought}{closing}So it comes to 18 in all.") is None
    assert final_answer(f"{opening}{thought}{closing}") is None
    assert final_answer(f"{opening}{thought}") is None, "cut off"
    assert final_answer(f"{opening}no{closing}18") == "18"


def test_what_the_reply_is() -> None:
    text = "<think>a</think>b<|im_end|>\n<|im_start|>user\nc"
    assert reply_of(text) == ("b", text.index("b"), False)
    assert reply_of("a</think>b").text == "b", "an opening that stood in the prompt"
    assert reply_of("<think>a").is_cut
    assert reply_of("b<reflection>a</reflection>").text == "b", "it answered and thinks again"
    assert reply_of("<think>a</think>b<reflection>a</reflection>\n").text == "b"
    assert reply_of("a</think>b<think>c</think>").text == "b"
    assert not reply_of("a").is_cut
    assert reply_of("<|im_start|>assistant\na</s>").text == "a"


@pytest.mark.parametrize(
    "token",
    [
        "<|im_end|>",
        "<end_of_turn>",
        "</s>",
        "<|eot_id|>",
        "<turn|>",
        "<｜end▁of▁sentence｜>",
        "[/INST]",
        "<|END_RESPONSE|>",
        "<pad>",
    ],
)
def test_what_follows_the_end_of_the_turn_does_not_count(token: str) -> None:
    assert final_answer(f"The answer is Friday.{token}") == "Friday"
    assert final_answer(f"The answer is Friday.{token}\nUser: more? The answer is Sunday.") == "Friday"


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("gsm8k", "3*4 = <<3*4=12>>12\n#### 12"),
        ("gsm8k", "3*4 = <<3*4=12>>12\nThe answer is 12."),
        ("socratic", "How many? ** 3*4 = <<3*4=12>>12\n#### 12"),
        ("math", "Thus $3 \\cdot 4 = \\boxed{12}$. (Not \\boxed{}.)"),
        ("freeform", "So 3 * 4 = 12. The answer is:\n\n12"),
        ("think", "<think>\\boxed{13}?</think>The answer is 12."),
    ],
)
def test_the_graph_has_the_answer_that_is_graded(format: str, text: str) -> None:
    assert parse(text, format=format).answer == final_answer(text) == "12"


def test_lenient_takes_the_last_number() -> None:
    assert extract_answer("She sold 24 and then 72 clips.") is None
    assert extract_answer("She sold 24 and then 72 clips.", lenient=True) == "72"
    assert extract_answer("#### 5\nnot 9", lenient=True) == "5"
    assert extract_answer("foram 2,5 kg", lenient=True, language="pt") == "2,5"
    assert extract_answer("nothing", lenient=True) is None


def test_boxes_are_balanced() -> None:
    assert boxes(r"\boxed{a{b}c} \boxed{d \boxed{e}} \boxed{open") == ["a{b}c", r"d \boxed{e}"]
    assert last_box("none") is None


@given(st.text(max_size=60))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    extract_answer(text, lenient=True)
    boxes(text)


_PIECES = st.sampled_from(
    ["<think>", "</think>", "\\boxed{", "}", "The answer is ", "the answer is:\n", "#### ", "A: ", "\\[", "$", "5", "x", "=",
     "<answer>", "</answer>", "<|channel|>final<|message|>", "<|im_end|>", "\n", ". ", "not ", "Đáp số: ", "答案是", "[THINK]", ", ",
     "<ANS>", "- ", "**", "(", ")"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(_PIECES, max_size=25).map("".join), st.sampled_from(["en", "pt", "vi", "und"]))
def test_no_mixture_of_marks_brings_the_reader_down(text: str, language: str) -> None:
    answer = final_answer(text, language)
    assert answer is None or answer.strip()


@pytest.mark.parametrize(
    "piece",
    ["a", "7", " ", "\n", "\\boxed{", "\\frac{1}{", "The answer is ", "the answer ", "answer: (", "#### 5\n", "A: \n", "<think>",
     "</think>", "<answer>", "<result>5</answer>", "<|channel|>analysis<|message|>", "1 = ", "$ ", "**", "if the answer is 5, ",
     "<ANSWER>", "<ANS>", "chọn ", "答案", "_ * ", "The answer is:\n- 5\n"],
)  # fmt: skip
def test_long_texts_are_read_in_linear_time(piece: str) -> None:
    seconds = []
    for size in (50_000, 200_000):
        text = piece * (size // len(piece))
        begin = time.process_time()
        final_answer(text)
        seconds.append(time.process_time() - begin)
    assert seconds[1] < max(0.5, 12 * seconds[0]), "four times the text takes at most a few times as long"
    assert seconds[1] < 2
