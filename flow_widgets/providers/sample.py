"""Makes a JSON value that follows a JSON schema; which one depends on the dice only."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from re import _constants as codes  # type: ignore[attr-defined]  # the parser's names; see _of_pattern
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from pydantic import JsonValue

Speak = Callable[[str, int], str]
"""Makes the text of a field with this name, of about at most so many words."""

_DEEP = 5
"""From this depth on, optional parts are left out, so that recursive schemas end."""
_FORMATS = {
    "date": "2025-06-14",
    "time": "09:30:00Z",
    "date-time": "2025-06-14T09:30:00Z",
    "duration": "P3D",
    "email": "reader@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.10",
    "ipv6": "2001:db8::10",
    "uri": "https://example.com/page",
    "uri-reference": "/page",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "json-pointer": "/a/b",
    "regex": "^a+$",
}


def sample(schema: Any, dice: random.Random, speak: Speak) -> JsonValue:
    """Return a value for ``schema``; what JSON schema can say beyond the usual is best effort."""
    return _Sampler(schema, dice, speak).value(schema, "", 0)


class _Sampler:
    def __init__(self, root: Any, dice: random.Random, speak: Speak) -> None:
        self._root = root
        self._dice = dice
        self._speak = speak

    def value(self, schema: Any, name: str, depth: int) -> JsonValue:
        if not isinstance(schema, Mapping):
            return self._speak(name, 3)
        schema = self._resolved(schema, depth)
        if "const" in schema:
            constant: JsonValue = schema["const"]
            return constant
        if schema.get("enum"):
            choice: JsonValue = self._dice.choice(schema["enum"])
            return choice
        match self._type(schema, depth):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return int(self._number(schema, whole=True))
            case "number":
                return self._number(schema, whole=False)
            case "boolean":
                return self._dice.random() < 0.5
            case "null":
                return None
            case _:
                pass
        return self._string(schema, name)

    def _resolved(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """Return the schema with its reference, ``allOf`` and one of its alternatives merged in."""
        for _ in range(32):
            if "$ref" in schema:
                target = self._target(str(schema["$ref"]))
                schema = _merged(target, {k: v for k, v in schema.items() if k != "$ref"})
            elif "allOf" in schema:
                parts = schema["allOf"]
                schema = {k: v for k, v in schema.items() if k != "allOf"}
                for part in parts:
                    schema = _merged(self._resolved(part, depth), schema)
            elif "anyOf" in schema or "oneOf" in schema:
                key = "anyOf" if "anyOf" in schema else "oneOf"
                rest = {k: v for k, v in schema.items() if k != key}
                schema = _merged(self._alternative(schema[key], depth), rest)
            else:
                break
        return schema

    def _alternative(self, options: list[Any], depth: int) -> Any:
        if depth >= _DEEP:  # the one that ends soonest
            return min(
                options, key=lambda option: len(str(option)) + 1000 * ("$ref" in str(option))
            )
        full = [option for option in options if option != {"type": "null"}]
        return self._dice.choice(full or options)

    def _target(self, reference: str) -> Any:
        found = self._root
        for part in reference.lstrip("#").strip("/").split("/"):
            if not part:
                continue
            key = part.replace("~1", "/").replace("~0", "~")
            found = found[int(key)] if isinstance(found, list) else found.get(key, {})
        return found if isinstance(found, Mapping) else {}

    def _type(self, schema: Mapping[str, Any], depth: int) -> str:
        declared = schema.get("type")
        if isinstance(declared, list):
            full = [name for name in declared if name != "null"]
            return "null" if "null" in declared and depth >= _DEEP else str((full or ["null"])[0])
        if declared is not None:
            return str(declared)
        for key, implied in (
            ("properties", "object"), ("required", "object"), ("additionalProperties", "object"),
            ("items", "array"), ("prefixItems", "array"), ("minItems", "array"),
            ("minimum", "number"), ("maximum", "number"), ("multipleOf", "number"),
        ):  # fmt: skip
            if key in schema:
                return implied
        return "string"

    def _object(self, schema: Mapping[str, Any], depth: int) -> JsonValue:
        properties = schema.get("properties") or {}
        required = list(schema.get("required") or [])
        names = [n for n in properties if n in required or depth < _DEEP]
        limit = schema.get("maxProperties", len(names) + len(required))
        names = [*required, *(n for n in names if n not in required)][: max(limit, len(required))]
        ordered = [n for n in properties if n in names] + [n for n in names if n not in properties]
        extra = schema.get("additionalProperties", True)
        result: dict[str, JsonValue] = {}
        for name in ordered:
            part = properties.get(name, extra if isinstance(extra, Mapping) else {"type": "string"})
            result[name] = self.value(part, name, depth + 1)
        wanted = schema.get("minProperties", 0 if properties or extra is False else 1)
        while len(result) < wanted and extra is not False:
            part = extra if isinstance(extra, Mapping) else {"type": "string"}
            result[f"{self._speak('key', 1)}_{len(result) + 1}"] = self.value(part, "", depth + 1)
        return result

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> JsonValue:
        least = int(schema.get("minItems", 0))
        usual = max(least, 0 if depth >= _DEEP else self._dice.randint(2, 3))
        count = min(usual, int(schema.get("maxItems", usual)))
        prefix = schema.get("prefixItems") or []
        items = schema.get("items", {"type": "string"})
        if items is False or items is True:
            count, items = (min(count, len(prefix)), {}) if items is False else (count, {})
        result: list[JsonValue] = []
        for _ in range(count * 20):
            if len(result) == max(count, 0):
                break
            part = prefix[len(result)] if len(result) < len(prefix) else items
            value = self.value(part, name.removesuffix("s"), depth + 1)
            if not schema.get("uniqueItems") or value not in result:
                result.append(value)
        return result

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> float:
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        step = schema.get("multipleOf") or (1 if whole else 0.01)
        if isinstance(above, (int, float)) and not isinstance(above, bool):
            low = max(x for x in (low, above) if x is not None)
        if isinstance(below, (int, float)) and not isinstance(below, bool):
            high = min(x for x in (high, below) if x is not None)
        if low is None:
            low = min(0, high - 10 * step) if high is not None else 0 if not whole else 1
        if high is None:
            high = low + max(10, 10 * step)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if above is not None and first * step <= above:
            first += 1
        if below is not None and last * step >= below:
            last -= 1
        if first > last:  # no multiple of our step lies between: any number does
            return float((low + high) / 2)
        number = self._dice.randint(first, last) * step
        return number if isinstance(step, int) else round(number, 10)

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if isinstance(schema.get("pattern"), str):
            return _of_pattern(schema["pattern"], self._dice)
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 400))
        text = self._speak(name, max(1, most // 7))
        if len(text) > most:
            text = text[:most].rsplit(" ", 1)[0].rstrip(" ,;:") if most > 20 else text[:most]
        while len(text) < least:
            text = f"{text} {self._speak(name, 3)}"[: max(most, 0)]
        return text


def _merged(first: Any, second: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return two schemas as one that asks for both, as far as they touch different things."""
    if not isinstance(first, Mapping):
        return second
    both = {**first, **second}
    if "properties" in first and "properties" in second:
        both["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        both["required"] = list(dict.fromkeys([*first["required"], *second["required"]]))
    return both


def _of_pattern(pattern: str, dice: random.Random) -> str:
    """Return a text that matches a regular expression, or an empty one if it is too clever."""
    try:
        text = "".join(_piece(op, argument, dice) for op, argument in parser.parse(pattern))
        return text if re.search(pattern, text) else ""
    except (re.error, KeyError, ValueError, IndexError):
        return ""


def _piece(op: Any, argument: Any, dice: random.Random) -> str:
    def run(items: Any) -> str:
        return "".join(_piece(inner, value, dice) for inner, value in items)

    match str(op):
        case "LITERAL":
            return chr(argument)
        case "IN":
            return _member(argument, dice)
        case "CATEGORY":
            return _of_category(argument)
        case "ANY":
            return "a"
        case "NOT_LITERAL":
            return "b" if argument == ord("a") else "a"
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return ""
        case "SUBPATTERN":
            return run(argument[-1])
        case "BRANCH":
            return run(dice.choice(argument[1]))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, items = argument
            count = least if most == least else dice.randint(least, min(int(most), least + 3))
            return "".join(run(items) for _ in range(count))
        case _:
            pass
    raise KeyError(str(op))


def _member(items: list[Any], dice: random.Random) -> str:
    if items[0][0] is codes.NEGATE:
        refused = {argument for op, argument in items if op is codes.LITERAL}
        return next(char for char in "ax0-_ " if ord(char) not in refused)
    op, argument = dice.choice(items)
    if op is codes.RANGE:
        return chr(dice.randint(argument[0], argument[1]))
    return chr(argument) if op is codes.LITERAL else _of_category(argument)


def _of_category(category: Any) -> str:
    return {"DIGIT": "7", "WORD": "w", "SPACE": " ", "NOT_DIGIT": "d", "NOT_SPACE": "s"}[
        str(category).removeprefix("CATEGORY_")
    ]
