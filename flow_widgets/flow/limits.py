"""What a run, a step or an action may spend, and how often a failed call is sent again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from flow_widgets.flow.base import Model


class Budget(Model):
    """What may be spent; whichever limit is reached first ends the work, and what has come is kept.

    ``Budget(usd=0.50, tokens=20_000, seconds=60)``. Dollars need the prices of the models; of a model
    without one only the tokens and the seconds are counted. The budget of a step or an action is for one
    visit, that of a run for all of it, reruns included.
    """

    usd: float | None = Field(default=None, gt=0)
    """US dollars."""
    tokens: int | None = Field(default=None, gt=0)
    """Tokens of prompts and answers, estimated while an answer streams."""
    seconds: float | None = Field(default=None, gt=0)
    """Seconds of work, without the times between reruns."""

    @model_validator(mode="after")
    def _limits_something(self) -> Budget:
        if self.usd is None and self.tokens is None and self.seconds is None:
            raise ValueError("limits nothing: give usd, tokens or seconds")
        return self


class Price(Model):
    """What a model costs, in US dollars for a million tokens."""

    input: float = Field(ge=0)
    """Of the prompt."""
    output: float = Field(ge=0)
    """Of the answer."""


class Retry(Model):
    """When a failed call is sent again: only failures that may pass, each time as a new attempt."""

    max_attempts: int = Field(default=3, ge=1)
    """How many attempts there are at most, the first included; 1 means no retry."""
    max_wait_seconds: float = Field(default=120.0, ge=0)
    """How long all waits of one action may be together."""
    lost_stream: Literal["restart", "fail"] = "restart"
    """What to do when an answer breaks off: begin again, or fail with the text that has come."""
