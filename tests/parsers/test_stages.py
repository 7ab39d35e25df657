"""The stage of a statement by what it does, in three languages, on sentences of our own."""

from __future__ import annotations

import pytest

from parsers import Stage, parse

EN = "A shop sold 48 cups in April and half as many in May. How many cups were sold together?"
PT = "Uma loja vendeu 48 copos em abril e metade em maio. Quantos copos vendeu no total?"
VI = "Một cửa hàng bán 48 cái cốc trong tháng tư và bằng một nửa số đó trong tháng năm. Hỏi cả hai tháng bán bao nhiêu cái cốc?"
SOLVED = {
    "en": (
        EN,
        "In April the shop sold 48 cups.\nIn May it sold 48 / 2 = 24 cups.\nTogether that makes 48 + 24 = 72 cups.\n",
    ),
    "pt": (PT, "Em abril a loja vendeu 48 copos.\nEm maio vendeu 48 / 2 = 24 copos.\nNo total, 48 + 24 = 72 copos.\n"),
    "vi": (
        VI,
        "Tháng tư bán 48 cái cốc.\nTháng năm bán 48 : 2 = 24 cái cốc.\nCả hai tháng bán 48 + 24 = 72 cái cốc.\n",
    ),
}


def stages(text: str, language: str = "en") -> list[Stage]:
    graph = parse(text, question=SOLVED[language][0], format="freeform", language=language)
    return [step.stage for step in graph.steps]


@pytest.mark.parametrize("language", ["en", "pt", "vi"])
def test_restating_is_understand_and_computing_is_execute(language: str) -> None:
    assert stages(SOLVED[language][1], language) == [Stage.UNDERSTAND, Stage.EXECUTE, Stage.EXECUTE]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "To determine how many cups were sold, we need to add the two months."),
        ("en", "First, let's calculate the cups sold in May."),
        ("en", "We will follow these steps."),
        ("en", "Multiply the number of cups by the price."),
        ("en", "Total = cups in April + cups in May"),
        ("pt", "Para calcular o total, precisamos somar os dois meses."),
        ("pt", "Primeiro, vamos calcular os copos de maio."),
        ("vi", "Để tính tổng số cốc, ta cần cộng hai tháng."),
        ("vi", "Áp dụng công thức $S = v \\cdot t$"),
    ],
)
def test_announcing_is_plan(language: str, sentence: str) -> None:
    assert stages(sentence, language) == [Stage.PLAN]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "72 - 24 = 48"),
        ("en", "Check: 72 - 24 = 48, which is the number sold in April."),
        ("en", "Let's verify: 24 * 2 = 48."),
        ("en", "This makes sense because 72 is between 48 and 96."),
        ("en", "The answer is reasonable, since 72 is more than 48."),
        ("en", "Since 24 is half of 48, the result is correct."),
        ("en", "Wait, let me double-check that: 48 + 24 = 72."),
        ("en", "The number of cups must be a whole number."),
        ("en", "Working backwards, 72 - 48 = 24."),
        ("en", "Indeed, 24 is half of 48."),
        ("en", "That is correct."),
        ("en", "Substituting 24 into the original statement gives 48 = 2 * 24, which is true."),
        ("pt", "Verificação: 72 - 24 = 48."),
        ("pt", "Conferindo: 24 + 24 = 48."),
        ("pt", "Isso faz sentido, pois 72 é maior que 48."),
        ("pt", "A resposta está correta."),
        ("pt", "Prova real: 72 - 24 = 48."),
        ("vi", "Kiểm tra lại: 72 - 24 = 48."),
        ("vi", "Thử lại: 24 x 2 = 48."),
        ("vi", "Kết quả này hợp lý vì 72 lớn hơn 48."),
        ("vi", "Vậy kết quả là đúng."),
    ],
)
def test_looking_again_is_verify(language: str, sentence: str) -> None:
    assert stages(SOLVED[language][1] + sentence, language)[3:] == [Stage.VERIFY]


@pytest.mark.parametrize(
    "sentence",
    [
        "He writes a check for $48.",
        "Substituting 24 for m gives 48 + 24 = 72.",
        "Now substitute 24 back into the first equation to find the total: 48 + 24 = 72.",
        "The remaining cups are 72 - 10 = 62.",
        "Therefore the answer is 72.",
    ],
)
def test_going_on_is_not_verify(sentence: str) -> None:
    assert Stage.VERIFY not in stages(SOLVED["en"][1] + sentence)


def test_words_of_checking_before_any_result_check_nothing() -> None:
    assert stages("Let's check how many cups were sold.") != [Stage.VERIFY]


def test_a_check_covers_the_computations_it_announces_and_ends_with_its_verdict() -> None:
    text = (
        SOLVED["en"][1]
        + "Let's verify the result:\n- From May: 72 - 24 = 48\n- This is correct.\nThen 72 * 3 = 216 dollars are paid."
    )
    assert stages(text)[3:] == [Stage.VERIFY, Stage.VERIFY, Stage.VERIFY, Stage.EXECUTE]


def test_facts_of_the_world_are_understand_and_assumptions_execute() -> None:
    assert stages("There are 60 minutes in an hour.") == [Stage.UNDERSTAND]
    assert stages("We assume that there are 4 weeks in a month.") == [Stage.EXECUTE]
    assert stages("Let \\(x\\) be the number of cups.") == [Stage.UNDERSTAND]


@pytest.mark.parametrize(
    ("sentence", "stage"),
    [
        ("Let me compute the cups of both months.", Stage.PLAN),
        ("Okay, let me think about this first.", Stage.PLAN),
        ("Hmm.", Stage.PLAN),
        ("Hmm, I remember that a dozen is 12.", Stage.UNDERSTAND),
        ("Wait, the problem says that 48 cups were sold in April.", Stage.UNDERSTAND),
        ("Wait, let me double-check.", Stage.VERIFY),
        ("Let me make sure that I counted both months.", Stage.VERIFY),
        ("Plugging 24 back in: 24 * 2 = 48.", Stage.VERIFY),
        ("That looks good.", Stage.VERIFY),
        ("Hmm, that can't be right.", Stage.VERIFY),
        ("But did I count May correctly?", Stage.VERIFY),
        ("So the answer should be 72.", Stage.EXECUTE),
    ],
)
def test_words_of_thinking_aloud(sentence: str, stage: Stage) -> None:
    assert stages(SOLVED["en"][1] + sentence)[3:] == [stage]


def test_double_check_is_no_number() -> None:
    steps = parse("48 / 2 = 24.\nLet me double-check.", question=EN, format="freeform").steps
    assert steps[1].value is None
    assert steps[1].depends_on == (0,)


def test_a_check_announced_after_a_word_of_doubt_covers_what_follows() -> None:
    text = SOLVED["en"][1] + "Wait, let me check that once more.\nIn May it was 48 / 2 = 24, and 24 + 48 = 72."
    assert stages(text)[3:] == [Stage.VERIFY, Stage.VERIFY]
