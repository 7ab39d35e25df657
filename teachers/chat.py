"""Small talk in Portuguese: greetings, thanks, farewells and questions about identity, with suitable replies.

"Meu nome é Ana. Bom dia, MiniAxion!"  ->  "Bom dia! Como posso ajudar?", or another of the accepted replies
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from teachers.drawing import Drawn, Widths
from teachers.stories_pt import NAMES


@dataclass(frozen=True, slots=True)
class Talk:
    """One kind of small talk. In `wordings`, {who} is the listener and {a} the vowel for the speaker's gender."""

    topic: str
    plan: str
    wordings: tuple[str, ...]
    replies: tuple[str, ...]
    """All accepted replies; the first is the taught reply."""


PRESENTATIONS = ("Eu sou {name}. ", "Meu nome é {name}. ", "Aqui é {name}. ", "Quem fala é {name}. ", "{name} aqui. ")
LISTENERS = ("", ", MiniAxion", ", meu amigo", ", professor", ", assistente")
_HELP = "Como posso ajudar?"
_HELLO = (f"Olá! {_HELP}", f"Oi! {_HELP}", "Olá!", "Oi!")

TALKS = (
    Talk(
        "saudação",
        "cumprimentar",
        ("Oi{who}!", "Olá{who}!", "Opa{who}!", "Saudações{who}!", "Oi, tudo bem{who}?", "Olá, como vai{who}?",
         "E aí, tudo certo{who}?", "Olá, prazer em conhecer você{who}!"),
        _HELLO,
    ),
    Talk(
        "bom dia",
        "cumprimentar",
        ("Bom dia{who}!", "Bom dia, tudo bem{who}?", "Olá, bom dia{who}!", "Oi, bom dia{who}!",
         "Muito bom dia{who}!", "Bom dia, como vai{who}?"),
        (f"Bom dia! {_HELP}", "Bom dia!", *_HELLO),
    ),
    Talk(
        "boa tarde",
        "cumprimentar",
        ("Boa tarde{who}!", "Boa tarde, tudo bem{who}?", "Olá, boa tarde{who}!", "Oi, boa tarde{who}!",
         "Muito boa tarde{who}!", "Boa tarde, como vai{who}?"),
        (f"Boa tarde! {_HELP}", "Boa tarde!", *_HELLO),
    ),
    Talk(
        "boa noite",
        "cumprimentar",
        ("Boa noite{who}!", "Boa noite, tudo bem{who}?", "Olá, boa noite{who}!", "Oi, boa noite{who}!",
         "Muito boa noite{who}!", "Boa noite, como vai{who}?"),
        (f"Boa noite! {_HELP}", "Boa noite!", *_HELLO),
    ),
    Talk(
        "agradecimento",
        "agradecer de volta",
        ("Obrigad{a}{who}!", "Muito obrigad{a}{who}!", "Obrigad{a} pela ajuda{who}!", "Obrigad{a} por explicar{who}.",
         "Valeu{who}!", "Agradeço a sua ajuda{who}.", "Fico muito grat{a}{who}.",
         "Você ajudou bastante, obrigad{a}{who}!"),
        ("De nada! Estou aqui para ajudar.", "De nada!", "Por nada!", "Não há de quê!", "Disponha!"),
    ),
    Talk(
        "despedida",
        "despedir-se",
        ("Tchau{who}!", "Até logo{who}!", "Até mais{who}!", "Até amanhã{who}!", "Adeus{who}!",
         "Preciso ir, tchau{who}!", "Vou embora, até a próxima{who}!", "Por hoje é só, até mais{who}!"),
        ("Até logo! Bons estudos.", "Até logo!", "Até mais!", "Até a próxima!", "Tchau!"),
    ),
    Talk(
        "identidade",
        "apresentar-se",
        ("Quem é você{who}?", "Qual é o seu nome{who}?", "Como você se chama{who}?", "O que você é{who}?",
         "Você pode se apresentar{who}?", "Com quem estou falando{who}?", "O que você sabe fazer{who}?",
         "Diga quem você é{who}."),
        ("Sou o MiniAxion. Faço contas passo a passo.", "Sou o MiniAxion.", "Eu sou o MiniAxion."),
    ),
)  # fmt: skip


def draw_talk(random: Random, widths: Widths | None = None) -> Drawn:
    """An utterance, the taught reply, and all accepted replies; `widths` is ignored, as there are no numbers."""
    talk = random.choice(TALKS)
    name, gender = random.choice(NAMES)
    presentation = random.choice(PRESENTATIONS).format(name=name) if random.random() < 0.7 else ""
    said = random.choice(talk.wordings).format(who=random.choice(LISTENERS), a="a" if gender == "f" else "o")
    return Drawn(presentation + said, talk.replies[0], None, talk.replies)


def talk_of(reply: str) -> Talk:
    """The kind of small talk whose taught reply this is.

    Raises:
        ValueError: no kind of small talk has this reply.
    """
    for talk in TALKS:
        if talk.replies[0] == reply:
            return talk
    raise ValueError(f"no small talk is answered with {reply!r}")
