"""JSONPath within limits: what a query looks at and finds is counted, and its patterns end in time.

Theory of operation. A query is a chain of segments, each of which goes from nodes to nodes; a filter
holds queries of its own. Every segment is replaced by one that counts the nodes it is given, with what
they hold, in one budget for all of them. The budget travels with the nodes, as what jsonpath calls the
context of its filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from jsonpath import JSONPathEnvironment
from jsonpath.function_extensions import ExpressionType, FilterFunction
from jsonpath.match import JSONPathMatch
from jsonpath.parse import Parser
from jsonpath.segments import (
    JSONPathChildSegment,
    JSONPathRecursiveDescentSegment,
    JSONPathSegment,
)

from flow_widgets.errors import InvalidValue
from flow_widgets.flow.pattern import MAX_SEARCHED_CHARS, found_in, pattern_fault

MAX_VISITED = 500_000
"""How many nodes a query may look at; that takes about a second."""
MAX_FOUND = 100_000
"""How many values a query may find."""


class _Budget:
    """How many nodes a query may still look at."""

    def __init__(self) -> None:
        self.left = MAX_VISITED

    def spend(self, node: JSONPathMatch) -> None:
        self.left -= 1 + (len(node.obj) if isinstance(node.obj, (dict, list)) else 0)
        if self.left < 0:
            raise InvalidValue(
                f"The JSONPath looks at more than {MAX_VISITED:,} values.",
                hint="Say where to look: '..' and '*' multiply.",
            )


_BUDGET = "budget"


def _counted(nodes: Iterable[JSONPathMatch]) -> Iterator[JSONPathMatch]:
    for node in nodes:
        node.filter_context()[_BUDGET].spend(node)
        yield node


class _Children(JSONPathChildSegment):
    def resolve(self, nodes: Iterable[JSONPathMatch]) -> Iterable[JSONPathMatch]:
        return super().resolve(_counted(nodes))


class _Descendants(JSONPathRecursiveDescentSegment):
    def _visit(self, node: JSONPathMatch, depth: int = 1) -> Iterable[JSONPathMatch]:
        return _counted_first(node, super()._visit(node, depth))


def _counted_first(node: JSONPathMatch, nodes: Iterable[JSONPathMatch]) -> Iterator[JSONPathMatch]:
    node.filter_context()[_BUDGET].spend(node)
    yield from nodes


class _CountingParser(Parser):
    def parse_query(self, stream: Any) -> Iterable[JSONPathSegment]:
        for one in super().parse_query(stream):
            is_deep = isinstance(one, JSONPathRecursiveDescentSegment)
            kind = _Descendants if is_deep else _Children
            yield kind(env=one.env, token=one.token, selectors=one.selectors)


class _Pattern(FilterFunction):
    """``match`` or ``search`` with a limit of time; as in RFC 9535, what is no pattern finds nothing."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012  # as in its base
    return_type = ExpressionType.LOGICAL

    def __init__(self, *, is_whole: bool) -> None:
        self._is_whole = is_whole

    def __call__(self, value: object, pattern: object) -> bool:
        if not isinstance(value, str) or not isinstance(pattern, str) or pattern_fault(pattern):
            return False
        if self._is_whole:
            return len(value) <= MAX_SEARCHED_CHARS and found_in(pattern, value, "whole")
        return found_in(pattern, value)


class _Environment(JSONPathEnvironment):
    parser_class = _CountingParser

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions["match"] = _Pattern(is_whole=True)
        self.function_extensions["search"] = _Pattern(is_whole=False)


@cache
def environment() -> JSONPathEnvironment:
    """Return what JSONPaths are compiled with; it follows RFC 9535 strictly."""
    return _Environment(strict=True)


def found_by(query: Any, data: Any) -> list[Any]:
    """Return the values that a query finds in data.

    Raises:
        InvalidValue: It looks at too much, or finds too much, or a pattern takes too long.
    """
    found: list[Any] = []
    for match in query.finditer(data, filter_context={_BUDGET: _Budget()}):
        found.append(match.obj)
        if len(found) > MAX_FOUND:
            what = f"The JSONPath finds more than {MAX_FOUND:,} values."
            raise InvalidValue(what, hint="Say which of them: '$.items[:100]'.")
    return found
