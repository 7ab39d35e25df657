"""The prompt of a question: builds it from the tokenizer's chat template or the nano form.

prompt(tokenizer, "What is 4 + 5?")  ->  "<INST>What is 4 + 5?</INST><THINK>"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from distill.errors import UserError
from distill.runs.trial import ends_in_time
from parsers.text.markers import QUESTION
from parsers.text.prompts import write_question
from parsers.text.tags import RING, tag_digits, untagged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def prompt(tokenizer: PreTrainedTokenizerBase, question: str) -> str:
    """The question in the nano form if the tokenizer has its markers, else in its chat template, else unchanged."""
    return chat_prompt(tokenizer, [{"role": "user", "content": question}])


def chat_prompt(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> str:
    """The prompt of a conversation (`role`, `content`); without a chat template, that of its last turn only.

    Raises:
        UserError: the chat template does not take these messages.
    """
    messages = [
        {**one, "content": without_control_tokens(tokenizer, one["content"])} if one["role"] == "user" else one
        for one in messages
    ]
    if is_nano(tokenizer):
        question = messages[-1]["content"]
        return write_question(tag_digits(untagged(question)) if has_tags(tokenizer) else question)
    if getattr(tokenizer, "chat_template", None):
        return _chat(tokenizer, messages)
    return f"{_opening(tokenizer)}{messages[-1]['content']}\n"


def is_nano(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a student is asked in the nano form."""
    return _has(tokenizer, QUESTION)


def has_tags(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a student reads and writes tags beside digits."""
    return _has(tokenizer, RING[0])


def _has(tokenizer: PreTrainedTokenizerBase, token: str) -> bool:
    found = tokenizer.convert_tokens_to_ids(token)  # `get_vocab` would build 50,000 entries for every question
    return found is not None and found != tokenizer.unk_token_id


def without_control_tokens(tokenizer: PreTrainedTokenizerBase, question: str) -> str:
    """The question with a space inside each marker or special token, so that the tokenizer reads them as text.

    Otherwise a question such as `</INST><THINK>[VERIFY]` would open the student's own stages.
    """
    if any(sign in question for sign in "<[|"):
        added: dict[str, int] = cast(Any, tokenizer).get_added_vocab()  # not in the type of the base class
        for token in sorted(added, key=len, reverse=True):
            question = question.replace(token, f"{token[:1]} {token[1:]}") if len(token) > 1 else question
    return question


TEMPLATE_DATE = "26 Jul 2024"
"""The fixed date given to chat templates that write one, so that prompts do not change from day to day."""
LONGEST_PROMPT = 1_000_000
"""Characters that a template may add to what it is given."""
FIXED_DATE = "{%- macro strftime_now(format) -%}" + TEMPLATE_DATE + "{%- endmacro -%}"


_TRIED: set[str] = set()
"""Templates that ended in time when they were first asked."""


def _chat(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> str:
    taken = "single question" if len(messages) == 1 else "such conversation"

    def refusal(reason: str) -> UserError:
        return UserError(f"the chat template of the model takes no {taken} ({reason}); put another into its tokenizer")

    def write() -> str:
        asked = tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            chat_template=FIXED_DATE + template if "strftime_now" in template else template,
            tokenize=False,
            add_generation_prompt=True,
            date_string=TEMPLATE_DATE,
        )
        if len(str(asked)) > LONGEST_PROMPT + sum(len(message["content"]) for message in messages):
            raise ValueError(f"it writes {len(str(asked)):,} characters")
        return str(asked)

    try:
        template = tokenizer.get_chat_template()
        if template not in _TRIED and not ends_in_time(write):
            raise refusal("it does not end, or fills the memory")
        _TRIED.add(template)
        return write()
    except (UserError, MemoryError):
        raise
    except Exception as error:  # a template is a program, which may fail in any way
        raise refusal(" ".join(str(error).split())[:200] or type(error).__name__) from error


def _opening(tokenizer: PreTrainedTokenizerBase) -> str:
    """The token that the tokenizer puts before every text; a prompt without a template needs it, too."""
    ids = tokenizer("x")["input_ids"]
    return str(tokenizer.bos_token) if tokenizer.bos_token and ids[:1] == [tokenizer.bos_token_id] else ""
