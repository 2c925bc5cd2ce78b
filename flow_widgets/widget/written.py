"""What a person wrote as an output: the text itself, or the JSON data in it."""

from __future__ import annotations

import json
from typing import Any

from flow_widgets.errors import InvalidValue
from flow_widgets.flow.model import Action
from flow_widgets.run.state import AttemptState


def value_of(text: str, action: Action, before: AttemptState | None) -> Any:
    """Return the output that a text stands for: data where the action gives data, else the text.

    Raises:
        InvalidValue: It is to be data, and is no JSON.
    """
    if not _gives_data(action, before):
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        why = f"{error.msg}, line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    what = f"The output of this action is data, and the text is no JSON: {why}."
    raise InvalidValue(what, hint="Write a text in quotes.")


def _gives_data(action: Action, before: AttemptState | None) -> bool:
    if getattr(action, "output_schema", None) is not None:
        return True
    return before is not None and not isinstance(before.output, (str, type(None)))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")
