"""JSON and YAML in a text, read as plain data, with the place of a mistake."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, NoReturn

import yaml

from flow_widgets.errors import InvalidValue


def json_data(text: str) -> Any:
    """Return what a JSON text holds.

    Raises:
        InvalidValue: It can't be read; the message names line and column.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidValue(f"the JSON can't be read at {where}: {error.msg}.") from None
    except ValueError as error:
        raise InvalidValue(f"the JSON can't be read: {error}.") from None
    except RecursionError:
        raise InvalidValue("the JSON is nested too deeply.") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def yaml_data(text: str) -> Any:
    """Return what a YAML text holds, as JSON data: dates as text, keys as text; aliases are refused.

    Raises:
        InvalidValue: It can't be read; the message names line and column.
    """
    try:
        aliases = (one for one in yaml.parse(text) if isinstance(one, yaml.AliasEvent))
        alias = next(aliases, None)
        plain = None if alias else json.dumps(yaml.safe_load(text), default=_plain, allow_nan=False)
    except yaml.MarkedYAMLError as error:
        where = _where(error.problem_mark)
        raise InvalidValue(f"the YAML can't be read{where}: {error.problem}.") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        # Besides its own errors PyYAML raises whatever a tag's text runs into: "!!bool x", "2020-13-01".
        raise InvalidValue(f"the YAML can't be read: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise InvalidValue("the YAML is nested too deeply.") from None
    if plain is None:
        what = f"the YAML holds an alias{_where(alias and alias.start_mark)}."
        raise InvalidValue(what, hint="Write the value out: aliases can grow without limit.")
    return json.loads(plain)


def _where(mark: Any) -> str:
    """Return the place of a mark of PyYAML, or an empty text when it has none."""
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _plain(value: Any) -> Any:
    """Return a value that YAML has and JSON has not."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is no data of JSON")
