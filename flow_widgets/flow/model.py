"""What a flow is: steps joined by edges, actions in steps, inputs; frozen values, pleasant to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    Field,
    JsonValue,
    SerializeAsAny,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from flow_widgets.errors import NoSuchStep, Problem, nearest
from flow_widgets.flow import catalog
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Model, Part

if TYPE_CHECKING:
    from flow_widgets.engine.run import Run

JoinMode = Literal["all_success", "all_done", "first_success", "no_wait"]
InputType = Literal["text", "number", "integer", "boolean", "json", "file"]


class Action(Model):
    """One unit of work inside a step; subclass it to make a type of your own.

    A subclass gives ``type`` as a ``Literal`` with a default, its fields, and ``async run(ctx)``
    returning an ``Outcome``; being defined registers it.
    """

    default_ports: ClassVar[tuple[str, ...]] = ("success",)
    """The ports of an action whose ports do not depend on its fields."""
    streams: ClassVar[bool] = False
    """Whether its output arrives piece by piece."""

    type: str
    id: str = ""
    """Unique in its step; made from the name, or the place, when it is not given."""
    name: str = ""

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports that an outcome may fire, the default one first; ``error`` is never listed."""
        return self.default_ports

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the fields taken together; places are relative to the action."""
        return ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        default = cls.model_fields["type"].default
        if isinstance(default, str) and default in get_args(cls.model_fields["type"].annotation):
            catalog.register(default, cls)


def type_of(document: Mapping[str, Any]) -> str:
    """Return the action type of a raw action: ``chat`` when it has messages or a prompt and no type."""
    given = document.get("type")
    if given is None and ("messages" in document or "prompt" in document):
        return "chat"
    return str(given or "")


def _action_class(document: Any) -> type[Model] | None:
    if isinstance(document, Action):
        return type(document)
    return catalog.find(type_of(document)) if isinstance(document, Mapping) else None


def _as_action(value: Any, handler: ValidatorFunctionWrapHandler) -> Action:
    if isinstance(value, Action):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("no_action", "is no action: an action or a dict is.")
    found = catalog.find(type_of(value))
    if found is None:
        names, given = catalog.known(), type_of(value)
        what = (
            f"{given!r} is not a known action type." if given else "It has no type and no prompt."
        )
        raise PydanticCustomError(
            "unknown_action_type", "{what}", {"what": what, "hint": nearest(given, names)}
        )
    return found.model_validate(value)


AnyAction = Annotated[SerializeAsAny[Action], WrapValidator(_as_action)]
"""An action of any type, found through the catalog."""


class Step(Model):
    """One place in the flow's graph; its actions run in parallel."""

    parts: ClassVar[Mapping[str, Part]] = {"actions": Part(_action_class, many=True)}

    id: str = ""
    """Unique in its flow; made from the name, or the place, when it is not given."""
    name: str = ""
    actions: tuple[AnyAction, ...] = ()
    join: JoinMode | None = None
    """When the step starts if several edges lead to it; None: ``all_success``, in a sequence
    ``all_done``."""

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return ``{"actions": […]}`` for a bare action or a list of actions."""
        if isinstance(document, Action):
            return {"actions": (document,)}
        if isinstance(document, (list, tuple)):
            return {"actions": tuple(document)}
        if isinstance(document, Mapping) and _is_action(document):
            return {"actions": (document,)}
        return document

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))

    @property
    def label(self) -> str:
        """Its name, else that of its only action, else an empty text."""
        return self.name or (self.actions[0].name if len(self.actions) == 1 else "")

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports of its only action, else ``success``; then ``error``, which every step has."""
        own = self.actions[0].ports if len(self.actions) == 1 else ("success",)
        return (*own, "error")


def _is_action(document: Mapping[str, Any]) -> bool:
    """Whether a dict in the place of a step is a bare action."""
    return "actions" not in document and bool({"type", "prompt", "messages"} & set(document))


class Edge(Model):
    """Leads from a port of one step to another step."""

    source: str
    """Id of the step it leaves."""
    target: str
    """Id of the step it leads to."""
    source_port: str | None = None
    """The port it leaves from; None means the first port of the source."""


class Input(Model):
    """A value that a run takes."""

    type: InputType = "text"
    description: str = ""
    required: bool = True
    """Whether a run must be given it; False when there is a default."""
    default: JsonValue | File = None

    @field_validator("default", mode="before")
    @classmethod
    def _as_file(cls, value: Any, info: ValidationInfo) -> Any:
        """Take a file that was written as data."""
        is_file = isinstance(value, Mapping) and set(value) == set(File.model_fields)
        return File(**value) if is_file and info.data.get("type") == "file" else value

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return the keys of an input for a bare default, with type and ``required`` worked out.

        A dict is a default too, unless its keys are all keys of an input.
        """
        if not (isinstance(document, Mapping) and set(document) <= set(cls.model_fields)):
            document = {"default": document}
        if "default" not in document:
            return document
        return {"type": _input_type(document["default"]), "required": False, **document}

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))


def _input_type(value: Any) -> InputType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, File):
        return "file"
    kinds: dict[type, InputType] = {
        int: "integer",
        float: "number",
        str: "text",
        type(None): "text",
    }
    return kinds.get(type(value), "json")


class Flow(Model):
    """A flow: what runs, in which order, with which inputs.

    In ``steps`` a bare action is a step of its own, and a list is a step of parallel actions:
    ``Flow(steps=[[Chat(…), Chat(…)], Chat(…)])``. Without edges the steps follow one another.
    """

    parts: ClassVar[Mapping[str, Part]] = {
        "steps": Part(lambda _: Step, many=True),
        "edges": Part(lambda _: Edge, many=True),
        "inputs": Part(lambda _: Input, many=True),
    }

    name: str = "Flow"
    id: str = Field(default="", validate_default=True)
    """Names the flow among others; made from its name when it is not given."""
    description: str = ""
    inputs: dict[str, Input] = Field(default_factory=dict)
    """What a run takes: a default value, or an ``Input``; a list of names means required texts."""
    model: str | None = None
    """The model of every action that names none."""
    provider: str | None = None
    """The name of the provider of every action that names none."""
    on_error: Literal["stop", "continue"] = "stop"
    """After a failed step without an ``error`` edge: start nothing new, or go on."""
    max_parallel: int | None = Field(default=None, ge=1)
    """How many actions may run at the same time; None: no limit."""
    steps: tuple[Step, ...] = ()
    edges: tuple[Edge, ...] = ()

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return the document with its inputs as keys of ``Input`` where they have a short form."""
        inputs = document.get("inputs") if isinstance(document, Mapping) else None
        if isinstance(inputs, (list, tuple)) and all(isinstance(name, str) for name in inputs):
            return {**document, "inputs": {name: {"type": "text"} for name in inputs}}
        if isinstance(inputs, Mapping):
            written = {
                name: {"default": one} if isinstance(one, Mapping) and not one else one
                for name, one in inputs.items()
            }
            return {**document, "inputs": written}
        return document

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))

    @field_validator("id")
    @classmethod
    def _named(cls, given: str, info: ValidationInfo) -> str:
        return given or slug(str(info.data.get("name", ""))) or "flow"

    @field_validator("steps")
    @classmethod
    def _identified(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return identified(steps)

    def __len__(self) -> int:
        return len(self.steps)

    def step_index(self, step: int | str) -> int:
        """Return the 0-based index of a step given by index, id or name.

        Raises:
            NoSuchStep: The flow has no such step.
        """
        names = [(each.id, each.label) for each in self.steps]
        return _index(step, names, "step", "the flow")

    def action_index(self, step: int, action: int | str) -> int:
        """Return the 0-based index of an action of a step, given by index, id or name.

        Raises:
            NoSuchStep: The step has no such action.
        """
        names = [(each.id, each.name) for each in self.steps[step].actions]
        return _index(action, names, "action", f"step {step}")

    def run(self, inputs: Mapping[str, Any] | None = None, **options: Any) -> Run:
        """Start a run in the running event loop; the options are those of ``FlowRunner``."""
        from flow_widgets.engine.runner import FlowRunner

        return FlowRunner(self, **options).run_flow(inputs)


def _index(wanted: int | str, names: list[tuple[str, str]], kind: str, owner: str) -> int:
    """Find an index in ``names``, which holds the id and the name of each item; ids come first."""
    count = len(names)
    if isinstance(wanted, int) and 0 <= wanted < count:
        return wanted
    for which in (0, 1):
        known = [pair[which] for pair in names]
        if wanted and wanted in known:
            return known.index(str(wanted))
    counted = f"{count} {kind}{'' if count == 1 else 's'}"
    what = f"There is no {kind} {wanted!r}: {owner} has {counted}."
    if isinstance(wanted, str):
        words = [name for pair in names for name in pair if name]
        raise NoSuchStep(what, hint=nearest(wanted, words))
    raise NoSuchStep(what, hint=f"Indices run from 0 to {count - 1}." if count else "")


def slug(name: str) -> str:
    """Return a name as it can stand in a reference: lower case words joined by underscores."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return words if words and not words[0].isdigit() else ""


def identified(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps with an id on each and on each action, unique where they were not given."""
    taken = {step.id for step in steps if step.id}
    named: list[Step] = []
    for index, step in enumerate(steps):
        ids = {action.id for action in step.actions if action.id}
        actions = tuple(
            action
            if action.id
            else action.model_copy(update={"id": _fresh(action.name, "a", i, ids)})
            for i, action in enumerate(step.actions)
        )
        identity = step.id or _fresh(step.label, "s", index, taken)
        named.append(step.model_copy(update={"id": identity, "actions": actions}))
    return tuple(named)


def _fresh(name: str, letter: str, index: int, taken: set[str]) -> str:
    base = slug(name) or f"{letter}{index}"
    candidate, count = base, 2
    while candidate in taken:
        candidate, count = f"{base}_{count}", count + 1
    taken.add(candidate)
    return candidate
