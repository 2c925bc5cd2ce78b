"""The frozen pydantic base of every part of a flow, and errors that say where and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from flow_widgets.errors import InvalidFlow, Problem, nearest
from flow_widgets.flow.data import joined_surrogates

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # pydantic does not export its metaclass


class _Meta(ModelMetaclass):
    """Turns pydantic's errors into ours where a user writes a class, or calls a constructor by hand."""

    if TYPE_CHECKING:  # a typed __call__ would hide the constructors from type checkers
        pass
    else:

        def __new__(mcs, name: str, *args: Any, **kwargs: Any) -> Any:  # of a metaclass
            """Return the new class, or say how a constraint goes with ``Templated``."""
            try:
                return super().__new__(mcs, name, *args, **kwargs)
            except RuntimeError as error:
                if "union_mode" not in str(error):
                    raise
                what = f"A field of {name} has a constraint beside Templated."
                fix = "Write it inside: Templated[Annotated[float, Field(gt=0)]]."
                raise TypeError(f"{what} {fix}") from None

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # cls of a metaclass
            """Return the new value, or raise InvalidFlow with every problem found."""
            try:
                return super().__call__(*args, **kwargs)
            except ValidationError as error:
                raise InvalidFlow(problems_of(error, cls, kwargs), subject=cls.__name__) from None


class Model(BaseModel, metaclass=_Meta):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    parts: ClassVar[Mapping[str, Part]] = {}
    """Which classes stand at which keys, so that a problem can name the keys known there."""

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return a raw document with its short forms written out; other documents as they are."""
        return document

    @field_validator("*", mode="before")
    @classmethod
    def _in_whole_characters(cls, value: Any) -> Any:
        return joined_surrogates(value) if isinstance(value, str) else value

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show what is not at its default."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if field.repr and value != field.get_default(call_default_factory=True):
                yield name, value


def place_of(location: Sequence[str | int]) -> str:
    """Return ``steps[1].actions[0].model`` for a path of keys and indices."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def problems_of(error: ValidationError, model: type[Model], document: Any) -> list[Problem]:
    """Return what a validation error says as problems, in document order."""
    found: dict[str, tuple[list[int], Problem]] = {}
    for item in error.errors(include_url=False, include_input=False):
        spot = _spot(model, document, item["loc"], is_new=item["type"] in _ABOUT_NEW)
        for problem in _problems(item, spot):
            found.setdefault(problem.place, (spot.order, problem))
    kept = [one for one in found.values() if not _has_deeper(one[1].place, found)]
    return [problem for _, problem in sorted(kept, key=lambda one: one[0])]


_ABOUT_NEW = frozenset({"missing", "extra_forbidden"})
"""Kinds of error whose last key need not stand in the document."""


def _has_deeper(place: str, places: Iterable[str]) -> bool:
    """Whether something inside a place is wrong too, which says more than the place itself."""
    return any(other.startswith((f"{place}[", f"{place}.")) for other in places)


def _problems(item: Any, spot: _Spot) -> list[Problem]:
    """Return one item of a validation error as problems; several when a part has listed its own."""
    inner = (item.get("ctx") or {}).get("error")
    if not isinstance(inner, InvalidFlow):
        return [_problem(item, spot)]
    start = place_of(spot.place)
    return [replace(one, place=f"{start}.{one.place}") for one in inner.problems]


def _problem(item: Any, spot: _Spot) -> Problem:
    place, kind, context = place_of(spot.place), item["type"], item.get("ctx") or {}
    if kind == "extra_forbidden":
        key, owner = str(spot.place[-1]), spot.owner
        what = f"{key!r} is not a key of {owner.__name__ if owner else 'this part'}."
        return Problem(place, what, nearest(key, tuple(owner.model_fields) if owner else ()))
    if kind == "missing":
        return Problem(place, f"{str(spot.place[-1])!r} is required.", "Add it.")
    if kind == "finite_number":
        return Problem(place, "must be a finite number: JSON has no NaN and no infinity.")
    if "hint" in context:
        return Problem(place, str(item["msg"]), str(context["hint"]))
    message = str(item["msg"]).removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    return Problem(place, message if message.endswith((".", "?")) else f"{message}.")


_WORDS = {"Input should be": "must be", "a valid tuple": "a list", "a valid dictionary": "a dict"}


class Part(NamedTuple):
    """What stands at a key of a model: the class for a raw value, once or in a list or dict."""

    resolve: Callable[[Any], type[Model] | None]
    many: bool = False


class _Spot(NamedTuple):
    """A location of a raw document, without what pydantic names beside keys and indices."""

    place: list[str | int]
    order: list[int]
    """Sorts spots as they stand in the document."""
    owner: type[Model] | None
    """The class that has the last key."""
    here: type[Model] | None
    """The class that stands at the spot."""


def model_at(
    model: type[Model], document: Any, location: Sequence[str | int]
) -> type[Model] | None:
    """Return the class that stands at a location of a raw document, or None when it is not a model."""
    return _spot(model, document, location).here


def _spot(
    model: type[Model], document: Any, location: Sequence[str | int], *, is_new: bool = False
) -> _Spot:
    place: list[str | int] = []
    order: list[int] = []
    owner: type[Model] | None = None
    here: type[Model] | None = model
    value = document
    many: Callable[[Any], type[Model] | None] | None = None
    for depth, part in enumerate(location, start=1):
        value = here.normal(value) if here else value
        if not _is_place(part, value, is_new=is_new and depth == len(location)):
            continue
        place.append(part)
        order.append(_rank(part, value))
        value = _value_at(value, part)
        if many is not None:
            owner, here, many = None, many(value), None
            continue
        rule = _part_at(here, str(part)) if here else None
        owner, here = here, rule.resolve(value) if rule and not rule.many else None
        many = rule.resolve if rule and rule.many else None
    return _Spot(place, order, owner, here)


def _part_at(model: type[Model], key: str) -> Part | None:
    """Return what stands at a key of a model, as it says itself, or a class that it inherits from."""
    named: list[Mapping[str, Part]] = [vars(one).get("parts") or {} for one in model.__mro__]
    return next((parts[key] for parts in named if key in parts), None)


def _is_place(part: str | int, value: Any, *, is_new: bool) -> bool:
    """Whether a part of pydantic's location is a key or index, not the name of a union's member."""
    if isinstance(value, Mapping):
        return part in value or (is_new and isinstance(part, str))
    return isinstance(part, int)


def _rank(part: str | int, value: Any) -> int:
    if isinstance(value, Mapping):
        keys = list(value)
        return keys.index(part) if part in keys else len(keys)
    return int(part)


def _value_at(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None
