"""The types of recipe keys: numbers that may be written as text, strict booleans, and the base of every section."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """One level of a recipe: frozen, without unknown keys, without infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _number(value: object) -> object:
    """Turn text such as `2e-4` into a number; refuse booleans, which Python counts as 0 and 1."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ValueError(f'"{value}" is not a number') from None
    return value


def default_tag(key: str, tag: str) -> BeforeValidator:
    """Insert `key: tag` into a section that does not select a branch of a union."""
    return BeforeValidator(lambda section: {key: tag, **section} if isinstance(section, dict) else section)


Float = Annotated[float, BeforeValidator(_number)]
Int = Annotated[int, BeforeValidator(_number)]
Bool = Annotated[bool, Field(strict=True)]
Positive = Annotated[Float, Field(gt=0)]
NonNegative = Annotated[Float, Field(ge=0)]
Share = Annotated[Float, Field(ge=0, le=1)]
Count = Annotated[Int, Field(ge=1)]
CountOrZero = Annotated[Int, Field(ge=0)]
Seed = Annotated[Int, Field(ge=0, lt=2**32)]
