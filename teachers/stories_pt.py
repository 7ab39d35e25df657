"""The project's own word problems in Portuguese: names, things, and the wordings of each operation.

{a}, {b}, {c} are numbers of at least 2, {name} and {other} are people, {things} are counted. The words agree in gender:
{o} is the vowel for the things ("quant{o}s", "nov{o}s"), {e} the vowel in "del{e}s", {ele} the pronoun for {name}.
"""

from __future__ import annotations

NAMES = (
    ("Ana", "f"), ("Beatriz", "f"), ("Camila", "f"), ("Daniela", "f"), ("Eduarda", "f"), ("Fernanda", "f"),
    ("Helena", "f"), ("Isabela", "f"), ("Júlia", "f"), ("Larissa", "f"), ("Mariana", "f"), ("Sofia", "f"),
    ("Bruno", "m"), ("Caio", "m"), ("Diego", "m"), ("Enzo", "m"), ("Felipe", "m"), ("Gabriel", "m"),
    ("João", "m"), ("Lucas", "m"), ("Mateus", "m"), ("Pedro", "m"), ("Rafael", "m"), ("Tiago", "m"),
)  # fmt: skip

THINGS = (
    ("maçãs", "f"), ("laranjas", "f"), ("figurinhas", "f"), ("moedas", "f"), ("conchas", "f"), ("canetas", "f"),
    ("flores", "f"), ("balas", "f"), ("pedras", "f"), ("fotos", "f"), ("velas", "f"), ("cartas", "f"),
    ("livros", "m"), ("lápis", "m"), ("selos", "m"), ("botões", "m"), ("biscoitos", "m"), ("ovos", "m"),
    ("adesivos", "m"), ("brinquedos", "m"), ("cadernos", "m"), ("bombons", "m"), ("carrinhos", "m"), ("balões", "m"),
)  # fmt: skip

ADDITION = (
    "{name} tem {a} {things} e ganha mais {b}. Com quant{o}s {things} {ele} fica?",
    "{name} achou {a} {things} no sábado e {b} no domingo. Quant{o}s {things} {ele} achou no total?",
    "Há {a} {things} numa caixa e {b} {things} em outra caixa. Quant{o}s {things} há ao todo?",
    "{name} tem {a} {things} e {other} tem {b}. Quant{o}s {things} {name} e {other} têm no total?",
    "{name} comprou {a} {things} e depois comprou mais {b}. Quant{o}s {things} {ele} comprou?",
    "Uma loja tinha {a} {things} e recebeu {b} nov{o}s. Quant{o}s {things} a loja tem agora?",
    "{other} deu {b} {things} para {name}, que já tinha {a}. Quant{o}s {things} {name} tem agora?",
)
SUBTRACTION = (
    "{name} tinha {a} {things} e deu {b} para {other}. Com quant{o}s {things} {name} ficou?",
    "{name} tinha {a} {things} e perdeu {b} del{e}s. Quant{o}s {things} {ele} ainda tem?",
    "Havia {a} {things} na mesa. {name} pegou {b}. Quant{o}s {things} sobraram na mesa?",
    "{name} tem {a} {things} e {other} tem {b}. Quant{o}s {things} {name} tem a mais do que {other}?",
    "Uma loja tinha {a} {things} e vendeu {b}. Quant{o}s {things} restam na loja?",
    "{name} precisa de {a} {things} e já tem {b}. Quant{o}s {things} ainda faltam?",
    "D{o}s {a} {things} de {name}, {b} quebraram. Quant{o}s {things} estão inteir{o}s?",
)
MULTIPLICATION = (
    "{name} tem {a} caixas com {b} {things} em cada uma. Quant{o}s {things} {ele} tem?",
    "Há {a} sacolas, e cada sacola leva {b} {things}. Quant{o}s {things} há ao todo?",
    "{name} compra {b} {things} por dia durante {a} dias. Quant{o}s {things} {ele} compra?",
    "{a} crianças recebem {b} {things} cada uma. Quant{o}s {things} elas recebem no total?",
    "Uma parede tem {a} prateleiras, e em cada prateleira cabem {b} {things}. Quant{o}s {things} cabem na parede?",
    "{name} põe {b} {things} em cada uma de {a} filas. Quant{o}s {things} há nas filas?",
    "{name} fez {a} pacotes com {b} {things} em cada um. Quant{o}s {things} {ele} usou?",
)
# Two steps.
ADD_TWICE = (
    "{name} tem {a} {things}, ganha {b} de {other} e acha mais {c}. Quant{o}s {things} {name} tem agora?",
    "Uma loja recebeu {a} {things} de manhã, {b} à tarde e {c} à noite. Quant{o}s {things} ela recebeu?",
    "Há {a} {things} na sala, {b} no quarto e {c} na cozinha. Quant{o}s {things} há na casa?",
    "{name} comprou {a} {things} no sábado, {b} no domingo e {c} hoje. Quant{o}s {things} {ele} comprou?",
    "{name} guardou {a} {things} na gaveta, {b} na caixa e {c} na mochila. Quant{o}s {things} {ele} guardou?",
    "{other} tinha {a} {things}. {name} trouxe {b} e depois mais {c}. Quant{o}s {things} há agora?",
)
SUBTRACT_TWICE = (
    "{name} tinha {a} {things}, deu {b} para {other} e perdeu {c}. Quant{o}s {things} {name} ainda tem?",
    "Uma loja tinha {a} {things}, vendeu {b} de manhã e {c} à tarde. Quant{o}s {things} restam?",
    "Havia {a} {things} na mesa. {name} pegou {b} e {other} pegou {c}. Quant{o}s {things} sobraram?",
    "D{o}s {a} {things} de {name}, {b} sumiram e {c} quebraram. Quant{o}s {things} restam?",
    "{name} precisa de {a} {things}, já tem {b} e ganhou {c}. Quant{o}s {things} ainda faltam?",
    "{name} levou {a} {things} à feira, vendeu {b} e deu {c}. Quant{o}s {things} {ele} trouxe de volta?",
)
MULTIPLY_THEN_ADD = (
    "{name} tem {a} caixas com {b} {things} em cada uma e mais {c} na mochila. Quant{o}s {things} {ele} tem?",
    "{name} compra {a} sacolas com {b} {things} em cada uma e já tinha {c}. Quant{o}s {things} {ele} tem agora?",
    "Há {a} filas de {b} {things} e mais {c} no chão. Quant{o}s {things} há ao todo?",
    "{a} crianças trazem {b} {things} cada uma, e a professora traz {c}. Quant{o}s {things} há ao todo?",
    "{name} junta {b} {things} por dia durante {a} dias e depois mais {c}. Quant{o}s {things} {ele} junta?",
    "Em cada uma de {a} prateleiras cabem {b} {things}, e numa caixa cabem {c}. Quant{o}s {things} cabem ao todo?",
)
MULTIPLY_THEN_SUBTRACT = (
    "{name} tem {a} caixas com {b} {things} em cada uma e dá {c} para {other}. Com quant{o}s {things} {name} fica?",
    "{name} compra {a} sacolas com {b} {things} em cada uma e perde {c}. Quant{o}s {things} {ele} ainda tem?",
    "Havia {a} filas de {b} {things}, e {c} foram vendid{o}s. Quant{o}s {things} restam?",
    "{a} crianças trazem {b} {things} cada uma, e {c} se quebram. Quant{o}s {things} ficam inteir{o}s?",
    "{name} junta {b} {things} por dia durante {a} dias e dá {c} para {other}. Quant{o}s {things} sobram?",
    "Em cada uma de {a} prateleiras havia {b} {things}. {name} tirou {c}. Quant{o}s {things} ficaram?",
)
STORIES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "word_addition": (("{a}+{b}", ADDITION), ("{a}+{b}+{c}", ADD_TWICE)),
    "word_subtraction": (("{a}-{b}", SUBTRACTION), ("{a}-{b}-{c}", SUBTRACT_TWICE)),
    "word_multiplication": (
        ("{a}*{b}", MULTIPLICATION),
        ("{a}*{b}+{c}", MULTIPLY_THEN_ADD),
        ("{a}*{b}-{c}", MULTIPLY_THEN_SUBTRACT),
    ),
}
"""Task -> pairs (expression, its wordings); the pair with a single step comes first."""

# True or false: the claims, and the questions about them.
GREATER = ("{a} > {b}", "{a} é maior que {b}")
SUM = ("{a} + {b} = {c}", "{a} + {b} é igual a {c}")
EVEN = ("{n} é par", "o número {n} é par")
CLAIM_FRAMES = (
    "Verdadeiro ou falso: {claim}?",
    "É verdadeiro ou falso que {claim}?",
    "Diga se é verdadeiro ou falso: {claim}.",
    "Responda verdadeiro ou falso: {claim}.",
    "Isto é verdadeiro ou falso: {claim}?",
    "Verdadeiro ou falso? Afirmação: {claim}.",
    "Afirmo que {claim}. Verdadeiro ou falso?",
    "Será que {claim}? Diga verdadeiro ou falso.",
)
