"""Words with an arithmetic meaning, by language: operations, relations and the remainder of a division, as data.

Every row has an example that the parser must read. It also has a counter-example, in which the same words must not
compute. A test runs both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Role = Literal["operator", "relation", "opening", "remainder", "part"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words with one meaning, which `sign` gives.

    For an operator it is the operator itself, for an opening such as "the sum of" the operation that joins the numbers,
    for a part such as "half of" the factor. `example` is "text -> value". `counter` is a text with the words in which
    they do not compute.
    """

    words: tuple[str, ...]
    role: Role
    sign: str
    example: str
    counter: str

    @property
    def stem(self) -> str:
        """The longest word that all its phrases share: a text without this word contains none of the phrases."""
        shared = set.intersection(*(set(words.split()) for words in self.words))
        return max(shared, key=len)


def _shares(names: str, one: str, many: str, plural: str, of: str) -> Iterator[Phrase]:
    """The phrases for fractions of a number, singular and plural.

    `names` lists the denominators: "third 3 quarter 4".
    """
    pairs = names.split()
    for name, digits in zip(pairs[::2], pairs[1::2], strict=True):
        below = int(digits)
        counts = [(1, tuple(f"{word} {name} {of}" for word in one.split(",")))]
        counts += [(above, (f"{word} {name}{plural} {of}",)) for above, word in enumerate(many.split(","), start=2)]
        for above, words in counts:
            if above < below:
                example = f"{words[0]} {below * 4} = {above * 4} -> {above * 4}"
                yield Phrase(words, "part", f"{above}/{below}", example, f"{words[0]} x: 4.")


ENGLISH = (
    Phrase(("plus",), "operator", "+", "12 plus 30 is 42 -> 42", "Paper plus 2 pens."),
    Phrase(("minus",), "operator", "-", "30 minus 12 is 18 -> 18", "It is minus 4 degrees."),
    Phrase(("times", "multiplied by"), "operator", "*", "7 times 8 is 56 -> 56", "He won 3 times in 8 years."),
    Phrase(("divided by",), "operator", "/", "54 divided by 9 equals 6 -> 6", "We divided by hand in 2 days."),
    Phrase(("modulo", "mod"), "operator", "mod", "17 mod 5 = 2 -> 2", "The mod of 5 games."),
    Phrase(("is equal to", "are equal to", "equals to", "equals", "equal"), "relation", "=",
           "9 + 4 equals 13 -> 13", "Use 3 equal parts."),
    Phrase(("which is", "that is", "is", "are", "was", "would be", "will be"), "relation", "=",
           "9 * 4 is 36 -> 36", "There is 1 dog."),
    Phrase(("which gives us", "which gives", "gives us", "gives you", "to give", "gives", "giving", "give"),
           "relation", "=", "9 - 4 gives 5 -> 5", "She gives 4 coins."),
    Phrase(("makes", "make", "making"), "relation", "=", "6 + 6 makes 12 -> 12", "He makes 12 toys."),
    Phrase(("yields", "results in", "totals", "comes to", "comes out to be", "comes out to", "adds up to"),
           "relation", "=", "50 / 2 comes to 25 -> 25", "He comes to 2 shows."),
    Phrase(("to get", "we get", "you get", "we have", "leaves", "leaving"), "relation", "=",
           "Take 18 - 3 to get 15 -> 15", "We get 4 apples."),
    Phrase(("the sum of", "sum of", "add", "adding"), "opening", "+", "The sum of 8 and 5 is 13 -> 13", "Add 5 eggs."),
    Phrase(("the product of", "product of", "multiply", "multiplying"), "opening", "*",
           "Multiply 8 by 5 to get 40 -> 40", "Multiply 8 numbers."),
    Phrase(("difference between", "difference of", "subtract", "subtracting"), "opening", "-",
           "Subtracting 8 from 50 gives 42 -> 42", "Subtract 8 coins."),
    Phrase(("quotient of", "divide", "dividing"), "opening", "/",
           "Dividing 50 by 5 gives 10 -> 10", "Divide 50 cards."),
    Phrase(("with a remainder of", "with remainder", "remainder", "R", "r"), "remainder", "",
           "17 / 5 = 3 remainder 2 -> 3", "The remainder is 2."),
    Phrase(("twice as many as", "twice as much as", "twice"), "part", "2", "Twice 24 is 48 -> 48", "She called twice."),
    Phrase(("double of", "double"), "part", "2", "Double 24 is 48 -> 48", "A double room."),
    Phrase(("triple of", "triple"), "part", "3", "Triple 15 is 45 -> 45", "A triple room for 3."),
    Phrase(("half of", "one half of", "a half of", "half as many as", "half as much as"), "part", "1/2",
           "Half of 48 is 24 -> 24", "Half of them are 24."),
    *_shares("third 3 quarter 4 fourth 4 fifth 5 sixth 6 eighth 8 tenth 10", "one,a", "two,three,four,five", "s", "of"),
)  # fmt: skip
PORTUGUESE = (
    Phrase(("mais",), "operator", "+", "12 mais 30 é 42 -> 42", "Comprou mais 3 livros."),
    Phrase(("menos",), "operator", "-", "30 menos 12 dá 18 -> 18", "Tem menos 3 livros."),
    Phrase(("vezes", "multiplicado por", "multiplicada por"), "operator", "*",
           "7 vezes 8 é 56 -> 56", "Foi 3 vezes em 2 dias."),
    Phrase(("dividido por", "dividida por", "divididos por"), "operator", "/",
           "54 dividido por 9 é igual a 6 -> 6", "Foi dividido por 2."),
    Phrase(("é igual a", "são iguais a", "igual a"), "relation", "=",
           "9 + 4 é igual a 13 -> 13", "O lado é igual a 5."),
    Phrase(("que é", "é", "são", "fica", "ficam"), "relation", "=", "9 * 4 são 36 -> 36", "São 36 alunos."),
    Phrase(("o que dá", "que dá", "dá", "dão", "resulta em", "totaliza", "totalizando", "obtemos", "temos",
            "resultando em"),
           "relation", "=", "9 - 4 dá 5 -> 5", "Ela dá 5 moedas."),
    Phrase(("soma de", "soma entre", "somar", "somando"), "opening", "+",
           "A soma de 8 e 5 é 13 -> 13", "A soma de 8 números."),
    Phrase(("produto de", "produto entre"), "opening", "*", "O produto de 8 e 5 é 40 -> 40", "O produto de 8 dias."),
    Phrase(("multiplicando", "multiplicar"), "opening", "*",
           "Multiplicando 12 por 5, obtemos 60 -> 60", "Multiplicando 12 vezes."),
    Phrase(("dividindo", "dividir"), "opening", "/", "Dividindo 60 por 5, temos 12 -> 12", "Dividindo 60 balas."),
    Phrase(("subtraindo", "subtrair"), "opening", "-",
           "Subtraindo 12 de 50, temos 38 -> 38", "Subtraindo 12 pontos."),
    Phrase(("diferença entre",), "opening", "-", "A diferença entre 9 e 4 é 5 -> 5", "A diferença entre 2 turmas."),
    Phrase(("o dobro de", "dobro de", "o dobro dos", "o dobro das"), "part", "2",
           "O dobro de 24 é 48 -> 48", "O dobro de pontos em 2 dias."),
    Phrase(("o triplo de", "triplo de"), "part", "3", "O triplo de 15 é 45 -> 45", "O triplo de pontos em 3 dias."),
    Phrase(("a metade de", "metade de", "metade dos", "metade das"), "part", "1/2",
           "Metade de 48 é 24 -> 24", "Metade dos alunos tem 24 anos."),
    *_shares("terço 3 quarto 4 quinto 5 sexto 6 oitavo 8 décimo 10", "um", "dois,três,quatro,cinco", "s", "de"),
    Phrase(("com resto", "resto", "sobram", "sobra"), "remainder", "", "17 / 5 = 3 resto 2 -> 3", "O resto é 2."),
)  # fmt: skip
VIETNAMESE = (
    Phrase(("cộng với", "cộng"), "operator", "+", "12 cộng 30 bằng 42 -> 42", "Điểm cộng là 2."),
    Phrase(("trừ đi", "trừ"), "operator", "-", "30 trừ 12 là 18 -> 18", "Bị trừ 3 điểm."),
    Phrase(("nhân với", "nhân"), "operator", "*", "7 nhân 8 bằng 56 -> 56", "Có 8 nhân viên."),
    Phrase(("chia cho", "chia"), "operator", "/", "54 chia cho 9 được 6 -> 6", "Được chia 6 phần."),
    Phrase(("bằng", "là", "được", "ta được", "ra", "còn"), "relation", "=", "9 + 4 là 13 -> 13", "Lan là 1 học sinh."),
    Phrase(("tổng của",), "opening", "+", "Tổng của 8 và 5 là 13 -> 13", "Tổng của 8 số."),
    Phrase(("tích của",), "opening", "*", "Tích của 8 và 5 là 40 -> 40", "Tích của 8 số."),
    Phrase(("hiệu của",), "opening", "-", "Hiệu của 9 và 4 là 5 -> 5", "Hiệu của 2 số."),
    Phrase(("gấp đôi của", "gấp đôi số", "gấp đôi"), "part", "2",
           "Gấp đôi 24 là 48 -> 48", "Lan có gấp đôi số kẹo là 48 cái."),
    Phrase(("gấp ba lần", "gấp ba"), "part", "3", "Gấp ba 15 là 45 -> 45", "Lan có gấp ba số kẹo."),
    Phrase(("một nửa của", "nửa của", "một nửa số"), "part", "1/2",
           "Một nửa của 48 là 24 -> 24", "Một nửa của lớp là 24."),
    *_shares("ba 3 tư 4 năm 5 sáu 6 tám 8 mười 10", "một phần", "hai phần,ba phần,bốn phần,năm phần", "", "của"),
    Phrase(("dư",), "remainder", "", "17 : 5 = 3 dư 2 -> 3", "Còn dư 2."),
)  # fmt: skip
BY_LANGUAGE = {"en": ENGLISH, "pt": PORTUGUESE, "vi": VIETNAMESE}
PHRASES = (*ENGLISH, *PORTUGUESE, *VIETNAMESE)

JOINS = frozenset(("and", "by", "to", "from", "with", "e", "por", "de", "a", "và", "cho", "với"))
"""Words between the two numbers after an opening: the sum of 3 and 4, multiply 3 by 4."""
APPROXIMATIONS = ("about", "approximately", "roughly", "around", "nearly", "almost", "cerca de", "aproximadamente",
                  "khoảng", "xấp xỉ")  # fmt: skip
FILLERS = ("a total of", "exactly", "only", "just", "also", "indeed", "equal to", "um total de", "tổng cộng")
"""Words between a relation and its number."""
COMPARISONS = frozenset(("more", "less", "fewer", "times", "percent", "mais", "menos", "vezes", "lần"))
"""Words after a number which show that a relation in words compares: "is 3 more than"."""
PERCENT = ("percent", "per cent", "por cento", "phần trăm")
POWERS = {"squared": "2", "cubed": "3", "ao quadrado": "2", "ao cubo": "3", "bình phương": "2", "lập phương": "3"}
OF = frozenset(("of", "de", "do", "da", "của"))
TELLS_WHOSE = re.compile(r"[^\W\d_] (?:at|of|for|in|from|on|with|a|com|de|do|da|em|por|para|của|cho|với)$", re.I)
"""The end of words after which a number says what a quantity belongs to, not how many: "cost of 3 pens"."""
_QUANTITIES = """cost price money total weight amount value number distance time preço custo valor dinheiro peso
quantidade número tempo tiền giá số tổng quãng khối thời lượng"""
QUANTITIES = frozenset(_QUANTITIES.split())
"""Nouns whose following number is part of the name: "tiền 3 bút", the money for 3 pens."""
_UNITS = """km cm mm dm kg mg ml cl dl lb lbs oz ft in yd mi hr hrs min sec th st nd rd am pm mph kmh kb mb gb tb cal
kgs kms cms gms mls pts qts pcs fps kph rpm kwh usd vnd"""
UNITS = frozenset(_UNITS.split())
"""Short words that are units, not products of unknowns."""


def words_of(role: Role) -> dict[str, str]:
    """The words of a role with their signs."""
    return {words: phrase.sign for phrase in PHRASES if phrase.role == role for words in phrase.words}
