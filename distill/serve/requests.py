"""Checks a request for `/v1/chat/completions` in OpenAI's format, and turns it into rows to decode.

    request = read_request(body)                      ApiError, in one line, if it is wrong
    rows = rows_of(request, served)

Own extension: `vote` ("plain" or "verify") turns `n` samples into one choice. Unknown fields are ignored, as by other
servers; unsupported fields that would change the answer are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from distill.data.prompts import chat_prompt
from distill.errors import UserError
from distill.evaluation.votes import SAMPLING_TEMPERATURE
from distill.serve.decoder import Decoder
from students.continuous import Row
from students.decoding import Decoding

MAX_BODY = 1_000_000
"""Bytes of a request."""
MAX_PROMPT = 8_192
"""Tokens of a prompt, where the model's own context is longer."""
CHARACTERS_PER_TOKEN = 32
"""A text with more characters a token than this is not tokenized to find out that it is too long."""
MAX_SAMPLES = 16
DEFAULT_LENGTH = 1_024
"""Tokens of an answer where the request does not say."""

UNSUPPORTED = (
    "tools", "tool_choice", "functions", "function_call", "logit_bias", "presence_penalty", "frequency_penalty",
    "response_format", "modalities", "audio", "prediction", "web_search_options",
)  # fmt: skip
SAYS_NOTHING = (None, [], {}, 0, "none", "auto", {"type": "text"}, ["text"])
"""Values of those fields that ask for nothing."""


class ApiError(Exception):
    """An error in a request, in OpenAI's format."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = {401: "authentication_error", 429: "rate_limit_error", 503: "server_error", 500: "server_error"}
        kind_of_error = kind.get(status, "invalid_request_error")
        self.body = {"error": {"message": message, "type": kind_of_error, "param": param, "code": code}}


class _Part(BaseModel):
    type: Literal["text"]
    text: StrictStr


class Message(BaseModel):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: StrictStr | Annotated[list[_Part], Field(max_length=64)]

    @property
    def text(self) -> str:
        """The parts of the content, joined."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class _StreamOptions(BaseModel):
    include_usage: StrictBool | None = None


_Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Stop = Annotated[str, Field(min_length=1, max_length=256, strict=True)]


class ChatRequest(BaseModel):
    """A request for chat completions; names and meanings are OpenAI's."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: StrictStr
    messages: Annotated[list[Message], Field(min_length=1, max_length=256)]
    n: Annotated[StrictInt, Field(ge=1, le=MAX_SAMPLES)] | None = None
    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    temperature: Annotated[_Finite, Field(ge=0, le=2)] | None = None
    top_p: Annotated[_Finite, Field(gt=0, le=1)] | None = None
    top_k: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = None
    repetition_penalty: Annotated[_Finite, Field(gt=0, le=10)] | None = None
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: _Stop | Annotated[list[_Stop], Field(max_length=4)] | None = None
    stream: StrictBool | None = None
    stream_options: _StreamOptions | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    vote: Literal["plain", "verify"] | None = None

    @property
    def samples(self) -> int:
        """The number of samples."""
        return self.n or 1

    @property
    def stops(self) -> list[str]:
        """The stop texts."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def how(self) -> Decoding:
        """How to choose tokens: greedily, unless there is a temperature or several samples."""
        default = SAMPLING_TEMPERATURE if self.samples > 1 else 0.0
        return Decoding(
            temperature=default if self.temperature is None else self.temperature,
            top_k=self.top_k or 0,
            top_p=1.0 if self.top_p is None else self.top_p,
            repetition_penalty=1.0 if self.repetition_penalty is None else self.repetition_penalty,
        )


_FIELDS = {*ChatRequest.model_fields, *Message.model_fields, *_Part.model_fields, *_StreamOptions.model_fields}


@dataclass(frozen=True, slots=True)
class Served:
    """A served model and its name."""

    name: str
    decoder: Decoder

    @property
    def context(self) -> int:
        """The model's context in tokens, answer included."""
        return getattr(self.decoder.model.config, "max_position_embeddings", None) or 10**9

    @property
    def keeps_turns(self) -> bool:
        """Whether it reads a conversation; students trained on single questions read only the last one."""
        turns = [{"role": role, "content": content} for role, content in (("user", "first"), ("assistant", "…"))]
        return "first" in _written(self, [*turns, {"role": "user", "content": "last"}])

    @property
    def has_gate(self) -> bool:
        """Whether it has a verification adapter, which [VERIFY] switches on."""
        return hasattr(self.decoder.model, "verify_gate")


def read_request(body: bytes) -> ChatRequest:
    """The request of a body.

    Raises:
        ApiError: it is not JSON, or a field is missing, wrong or not supported.
    """
    try:
        request = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in _FIELDS)
        raise ApiError(f"{place or 'body'}: {first['msg']}"[:300], param=place or None) from None
    extra = request.model_extra or {}
    for name in UNSUPPORTED:
        if extra.get(name) not in SAYS_NOTHING:
            raise ApiError(f"{name}: not supported here; leave it out", param=name, code="unsupported_parameter")
    if request.messages[-1].role == "assistant":
        raise ApiError("messages: the last message is from the assistant; end with a user's question", param="messages")
    if not request.messages[-1].text.strip():
        raise ApiError("messages: the last message is empty; write a question", param="messages")
    return request


def rows_of(request: ChatRequest, served: Served) -> list[Row]:
    """One row per sample; sample i uses the seed + i.

    Raises:
        ApiError: the prompt is too long for the model, or its chat template does not take these messages.
    """
    prompt = prompt_ids(request.messages, served)
    length = request.max_completion_tokens or request.max_tokens or DEFAULT_LENGTH
    length = min(length, served.context - len(prompt))
    num_likeliest = (request.top_logprobs or 0) if request.logprobs else None
    first = (request.seed or 0) % 2**32
    return [
        Row(prompt, length, how=request.how, seed=first + i, num_likeliest=num_likeliest)
        for i in range(request.samples)
    ]


def prompt_ids(messages: Sequence[Message], served: Served) -> list[int]:
    """The prompt's tokens; a model without conversations gets only the last message."""
    tokenizer = served.decoder.tokenizer
    limit = min(served.context - 1, MAX_PROMPT)
    asked = list(messages) if served.keeps_turns else list(messages[-1:])
    if sum(len(message.text) for message in asked) > limit * CHARACTERS_PER_TOKEN:
        raise _too_long(served, limit)
    turns = [
        {"role": "system" if message.role == "developer" else message.role, "content": message.text}
        for message in asked
    ]
    ids = tokenizer(_written(served, turns), add_special_tokens=False)["input_ids"]
    if len(ids) > limit:
        raise _too_long(served, limit)
    return ids


def _written(served: Served, turns: list[dict[str, str]]) -> str:
    try:
        return chat_prompt(served.decoder.tokenizer, turns)
    except UserError as error:
        raise ApiError(f"messages: {error}", param="messages") from None


def _too_long(served: Served, limit: int) -> ApiError:
    message = f"messages: too long; {served.name} takes a prompt of {limit} tokens, shorten it"
    return ApiError(message, param="messages", code="context_length_exceeded")
