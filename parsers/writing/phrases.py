"""The words of derived steps in English, Portuguese and Vietnamese."""

from __future__ import annotations

from dataclasses import dataclass

from parsers.arithmetic.lexer import SIGNS


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of one language. `wrong` and `follows` have the fields step, computation and stated."""

    given: str
    asked: str
    unknown_problem: str
    find_answer: str
    add: str
    subtract: str
    multiply: str
    divide: str
    combine: str
    correct: str
    wrong: str
    follows: str
    not_confirmed: str
    answer_not_computed: str
    nothing_to_check: str

    def operation(self, expression: str) -> str:
        """The name of the operation in an expression."""
        names = {"+": self.add, "-": self.subtract, "*": self.multiply, "/": self.divide}
        signs = {SIGNS.get(letter, letter) for letter in expression[1:]} & names.keys()
        return names[signs.pop()] if len(signs) == 1 else self.combine


PHRASES = {
    "en": Phrases(
        given="Given",
        asked="Asked",
        unknown_problem="The problem is not stated.",
        find_answer="Find the answer",
        add="Add the parts",
        subtract="Find the difference",
        multiply="Multiply",
        divide="Divide",
        combine="Combine the numbers",
        correct="Correct.",
        wrong="Step {step} is wrong: {computation}, not {stated}.",
        follows="So step {step} becomes {computation}, not {stated}.",
        not_confirmed="The answer is not confirmed.",
        answer_not_computed="The answer itself is not computed by any step, so it is not confirmed.",
        nothing_to_check="Not checked: no step can be re-computed.",
    ),
    "pt": Phrases(
        given="Dados",
        asked="Pede-se",
        unknown_problem="O problema não foi dado.",
        find_answer="Encontrar a resposta",
        add="Somar as partes",
        subtract="Encontrar a diferença",
        multiply="Multiplicar",
        divide="Dividir",
        combine="Combinar os números",
        correct="Correto.",
        wrong="O passo {step} está errado: {computation}, e não {stated}.",
        follows="Então o passo {step} passa a ser {computation}, e não {stated}.",
        not_confirmed="A resposta não está confirmada.",
        answer_not_computed="Nenhum passo calcula a própria resposta, por isso não está confirmada.",
        nothing_to_check="Não verificado: nenhum passo pode ser recalculado.",
    ),
    "vi": Phrases(
        given="Cho",
        asked="Hỏi",
        unknown_problem="Không có đề bài.",
        find_answer="Tìm đáp án",
        add="Cộng các phần",
        subtract="Tìm hiệu",
        multiply="Nhân",
        divide="Chia",
        combine="Kết hợp các số",
        correct="Đúng.",
        wrong="Bước {step} sai: {computation}, không phải {stated}.",
        follows="Vậy bước {step} thành {computation}, không phải {stated}.",
        not_confirmed="Đáp án chưa được xác nhận.",
        answer_not_computed="Không có bước nào tính ra chính đáp án, nên đáp án chưa được xác nhận.",
        nothing_to_check="Chưa kiểm tra: không bước nào có thể tính lại.",
    ),
}


def phrases_of(language: str) -> Phrases:
    """The phrases of the language, or the English ones if it has none."""
    return PHRASES.get(language, PHRASES["en"])
