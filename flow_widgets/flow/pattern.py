"""Regular expressions that the author of a flow writes, searched for within limits.

Python's own ``re`` has no time limit, and a careless pattern takes a time that grows much faster than
the text. ``regex`` reads the same patterns and stops in time; what it would unfold to something huge is
refused before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

import regex

from flow_widgets.errors import InvalidValue, Problem
from flow_widgets.flow.template import has_reference

MAX_SEARCHED_CHARS = 10_000
"""How much of a text a pattern is searched in."""
MAX_SECONDS = 0.25
"""How long one search may take; nothing else happens meanwhile."""
MAX_PATTERN_CHARS = 2_000
MAX_UNFOLDED = 10_000
"""How many items a pattern may have once its counted repeats, ``a{1000}``, are written out."""

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d*)(?:,(\d*))?\}|.", re.DOTALL)


def pattern_problems(operator: str, right: Any) -> list[Problem]:
    """Return what keeps ``right`` from being searched for; nothing when it isn't a pattern."""
    if operator != "matches" or (isinstance(right, str) and has_reference(right)):
        return []
    fault = pattern_fault(right)
    return [Problem("right", fault, "Write one, such as '^yes'.")] if fault else []


def pattern_fault(pattern: Any) -> str:
    """Return why something is no regular expression that can be used, or an empty text."""
    if not isinstance(pattern, str):
        return f"a regular expression is a text, not {type(pattern).__name__}."
    if len(pattern) > MAX_PATTERN_CHARS or _unfolded(pattern) > MAX_UNFOLDED:
        return "the regular expression can't be used: it is too large."
    try:
        _compiled(pattern)
    except regex.error as error:
        words = str(error).rpartition(" at position ")  # its type tells less than it has
        where = f" at character {int(words[2]) + 1}" if words[1] and words[2].isdigit() else ""
        return f"{pattern!r} is no regular expression: {words[0] or words[2]}{where}."
    except RecursionError:
        return "the regular expression can't be used: it is nested too deeply."
    except (ValueError, OverflowError) as error:
        return f"the regular expression can't be used: {error}."
    return ""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


@lru_cache(maxsize=512)
def _unfolded(pattern: str) -> int:
    """Return at most how many items a pattern has when its counted repeats are written out.

    A repeat counts for the largest item before it in its group, so it is never taken for too small.
    """
    groups = [[0, 1]]  # how many items, and how large the largest one is
    for token in _TOKEN.finditer(pattern):
        written = token[0]
        if written == "(":
            groups.append([0, 1])
        elif written == ")" and len(groups) > 1:
            size, largest = groups.pop()
            groups[-1][0] += size
            groups[-1][1] = max(groups[-1][1], size, largest)
        elif token[1] is not None and (token[1] or token[2]):
            times = max(int(count[:9]) for count in (token[1] or "0", token[2] or "0"))
            groups[-1][0] += groups[-1][1] * times
        else:
            groups[-1][0] += 1
    return sum(size for size, _ in groups)


def found_in(
    pattern: str,
    text: str,
    where: Literal["anywhere", "beginning", "whole"] = "anywhere",
    *,
    chars: int = MAX_SEARCHED_CHARS,
) -> bool:
    """Return whether a pattern matches, in the first ``chars`` characters of a text.

    Raises:
        InvalidValue: It takes too long, or is none.
    """
    fault = pattern_fault(pattern)
    if fault:
        raise InvalidValue(fault)
    compiled = _compiled(pattern)
    ways = {"anywhere": compiled.search, "beginning": compiled.match, "whole": compiled.fullmatch}
    try:
        return ways[where](text[:chars], timeout=MAX_SECONDS) is not None
    except (TimeoutError, MemoryError):
        what = f"The pattern {pattern[:80]!r} takes too long."
        hint = "Let its repeats differ in how they begin: '(a+)+' matches one text in many ways."
        raise InvalidValue(what, hint=hint) from None
