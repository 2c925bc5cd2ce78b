"""What a flow is: steps joined by edges, actions in steps, inputs; frozen values, pleasant to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from pydantic import (
    Field,
    PrivateAttr,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from flow_widgets.errors import FlowError, NoSuchStep, Problem, nearest
from flow_widgets.flow import building, catalog
from flow_widgets.flow.base import Model, Part
from flow_widgets.flow.declared import Input, Slot
from flow_widgets.flow.identity import identified, index_in, slug
from flow_widgets.flow.limits import Budget, Retry

if TYPE_CHECKING:
    from flow_widgets.engine.run import Run

JoinMode = Literal["all_success", "all_done", "first_success", "no_wait"]


class Action(Model):
    """One unit of work inside a step; subclass it to make a type of your own.

    A subclass gives ``type`` as a ``Literal`` with a default, its fields, and ``async run(ctx)``
    returning an ``Outcome``; being defined registers it.
    """

    default_ports: ClassVar[tuple[str, ...]] = ("success",)
    """The ports of an action whose ports do not depend on its fields."""
    needs_provider: ClassVar[bool] = False
    """Whether it calls a model, so that a provider must be there before a run begins."""
    is_instant: ClassVar[bool] = False
    """Whether ``run`` never awaits anything: such an action needs no task of its own."""
    is_trigger: ClassVar[bool] = False
    """Whether a run can be begun here, by something that happened outside."""
    is_cacheable: ClassVar[bool] = False
    """Whether an equal action may take its output from an earlier run, where the owner wants that."""
    retries_itself: ClassVar[bool] = False
    """Whether it repeats what failed by itself, so that nobody else does."""
    not_sent: ClassVar[frozenset[str]] = frozenset({"id", "name", "retry", "budget"})
    """The fields that change nothing of what is sent or made, so that an output stands without them."""
    parts: ClassVar = {"retry": Part(lambda _: Retry), "budget": Part(lambda _: Budget)}

    type: str
    id: str = ""
    """Unique in its step; made from the name, or the place, when it is not given."""
    name: str = ""
    save_as: str | dict[str, str] | None = None
    """Where in the shared state the output goes: a path such as ``user.name``; or a dict of such
    paths, each with the path of a part of the output."""
    retry: Retry | None = None
    """How a failed attempt is repeated; None: as the flow says."""
    budget: Budget | None = None
    """What all its attempts in one visit may spend; beyond it, it fails."""

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports that an outcome may fire, the default one first; ``error`` is never listed."""
        return self.default_ports

    @property
    def writes(self) -> tuple[str, ...]:
        """The first names of the shared values that it sets when it completes."""
        return tuple(dict.fromkeys(path.split(".")[0] for path in self.saves))

    @property
    def saves(self) -> Mapping[str, str]:
        """Paths in the shared state, each with the path in the output that goes there."""
        if isinstance(self.save_as, str):
            return {self.save_as: ""}
        return self.save_as or {}

    @property
    def payload(self) -> Mapping[str, Input]:
        """What a trigger is handed when it begins a run, as values of the shared state."""
        return {}

    @property
    def bodies(self) -> Mapping[str, Body]:
        """The flows that it runs inside itself, by the name of the field that holds each."""
        return {}

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the fields taken together; places are relative to the action."""
        return ()

    def refusals(self, permissions: Any) -> Sequence[Problem]:
        """Return what the owner of a runner has not allowed, as ``Permissions`` say; found before a run."""
        return ()

    @model_serializer(mode="wrap")
    def _with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the type always: without it nobody could tell what an action is."""
        return {"type": self.type, **handler(self)}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        default = cls.model_fields["type"].default
        if not isinstance(default, str):
            return
        if default not in get_args(cls.model_fields["type"].annotation):
            what = f"{cls.__name__} can't be found by its type, as that may be any text."
            raise TypeError(f"{what} Write: type: Literal[{default!r}] = {default!r}.")
        catalog.register(default, cls)


class Body(NamedTuple):
    """A flow inside an action, and what it is run with."""

    flow: Flow
    variables: tuple[str, ...] = ()
    """Names that its templates find beside the shared state, such as ``item``."""
    is_isolated: bool = False
    """Whether it sees nothing but its own inputs."""


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

    parts: ClassVar = {
        "actions": Part(_action_class, many=True),
        "budget": Part(lambda _: Budget),
    }

    id: str = ""
    """Unique in its flow; made from the name, or the place, when it is not given."""
    name: str = ""
    actions: tuple[AnyAction, ...] = ()
    join: JoinMode | None = None
    """When the step starts if several edges lead to it; None: ``all_success``, in a sequence
    ``all_done``."""
    budget: Budget | None = None
    """What its actions may spend together in one visit; beyond it, those that run fail."""

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return ``{"actions": […]}`` for a bare action, whose id the step takes, or a list of them."""
        if isinstance(document, Action):
            return {"actions": (document,), "id": document.id}
        if isinstance(document, (list, tuple)):
            return {"actions": tuple(document)}
        if isinstance(document, Mapping) and _is_action(document):
            return {"actions": (document,), "id": document.get("id", "")}
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


class Flow(Model):
    """A flow: what runs, in which order, with which inputs.

    In ``steps`` a bare action is a step of its own, and a list is a step of parallel actions:
    ``Flow(steps=[[Chat(…), Chat(…)], Chat(…)])``. Without edges the steps follow one another.
    """

    parts: ClassVar[Mapping[str, Part]] = {
        "steps": Part(lambda _: Step, many=True),
        "edges": Part(lambda _: Edge, many=True),
        "inputs": Part(lambda _: Input, many=True),
        "state": Part(lambda _: Slot, many=True),
        "retry": Part(lambda _: Retry),
        "budget": Part(lambda _: Budget),
    }

    name: str = "Flow"
    id: str = Field(default="", validate_default=True)
    """Names the flow among others; made from its name when it is not given."""
    description: str = ""
    inputs: dict[str, Input] = Field(default_factory=dict)
    """What a run takes: a default value, or an ``Input``; a list of names means required texts."""
    state: dict[str, Slot] = Field(default_factory=dict)
    """Shared values that actions write, with their types; ``{"count": 0}`` is a number from 0."""
    model: str | None = None
    """The model of every action that names none."""
    provider: str | None = None
    """The name of the provider of every action that names none."""
    on_error: Literal["stop", "continue"] = "stop"
    """After a failed step without an ``error`` edge: start nothing new, or go on."""
    max_parallel: int | None = Field(default=None, ge=1)
    """How many actions may run at the same time; None: no limit."""
    max_iterations: int = Field(default=100, ge=1)
    """How often each step on a cycle of edges may be visited; ten times that, all of them together."""
    retry: Retry = Field(default_factory=Retry)
    """How failed attempts of its actions are repeated."""
    budget: Budget | None = None
    """What a run may spend; beyond it the run is stopped, and what has come is kept."""
    steps: tuple[Step, ...] = ()
    edges: tuple[Edge, ...] = ()
    _given: building.Given = PrivateAttr(default_factory=building.Given)
    """What ``add_step`` took, by identity, with the id that its step got."""

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

    def step_index(self, step: int | str | Step | Action) -> int:
        """Return the 0-based index of a step given by index, id, name, or what ``add_step`` took.

        Raises:
            NoSuchStep: The flow has no such step.
        """
        if isinstance(step, (Step, Action)):
            step = building.id_of(self, step)
        names = [(each.id, each.label) for each in self.steps]
        return index_in(step, names, "step", "the flow")

    def action_index(self, step: int, action: int | str) -> int:
        """Return the 0-based index of an action of a step, given by index, id or name.

        Raises:
            NoSuchStep: The step has no such action.
        """
        names = [(each.id, each.name) for each in self.steps[step].actions]
        return index_in(action, names, "action", f"step {step}")

    def add_step(
        self, step: Any, *, name: str = "", id: str = "", join: JoinMode | None = None
    ) -> Step:
        """Add a step, an action, or a list of actions that run in parallel, and return the step.

        While a flow is put together it grows; a runner, a widget or ``dump_flow`` takes it as it is then.

        Raises:
            InvalidFlow: This is no step.
            ValueError: The flow has a step with this id already.
        """
        return building.add_step(self, step, name=name, id=id, join=join)

    def add_edge(self, source: Any, target: Any, source_port: str | None = None) -> Edge:
        """Add an edge from a port of one step to another step, and return it.

        Steps are given by what ``add_step`` took or returned, or by id, name or index. Without a port the
        edge leaves at the first port of its source.

        Raises:
            ValueError: The flow has no such step, or the source has no such port; the message lists them.
        """
        return building.add_edge(self, source, target, source_port)

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger_step: Any = None,
        **options: Any,
    ) -> Run:
        """Start a run in the running event loop; the options are those of ``FlowRunner``.

        Await the run, or go through its events: ``async for event in flow.run(inputs={…})``; leaving that
        loop early cancels the run.
        """
        from flow_widgets.engine.runner import FlowRunner

        run = FlowRunner(self, **options).run_flow(inputs, trigger_step=trigger_step)
        run.stops_with_reader = True
        return run


def all_actions(flow: Flow) -> Iterator[Action]:
    """Yield every action of a flow, and of the flows inside its actions."""
    for step in flow.steps:
        for action in step.actions:
            yield action
            for body in action.bodies.values():
                yield from all_actions(body.flow)


def triggers_of(flow: Flow) -> list[int]:
    """Return the indices of the steps that something outside can begin a run with."""
    return [
        index
        for index, step in enumerate(flow.steps)
        if any(action.is_trigger for action in step.actions)
    ]


def trigger_of(flow: Flow, wanted: int | str | Step | Action | None) -> int | None:
    """Return the index of the step that begins a run: the one that is wanted, or the only trigger.

    None when the flow has no trigger, so that it begins with every step that no edge leads to.

    Raises:
        NoSuchStep: There is no such step, or it is no trigger and edges lead to it.
        FlowError: The flow has several triggers, and none is wanted.
    """
    triggers = triggers_of(flow)
    if wanted is None:
        if len(triggers) < 2:
            return triggers[0] if triggers else None
        names = ", ".join(repr(flow.steps[index].id) for index in triggers)
        what = f"This flow has {len(triggers)} triggers: {names}."
        raise FlowError(what, hint=f"Choose one: trigger_step={flow.steps[triggers[0]].id!r}.")
    index = flow.step_index(wanted)
    if index not in triggers and any(edge.target == flow.steps[index].id for edge in flow.edges):
        what = f"Step {flow.steps[index].id!r} is no trigger, and edges lead to it."
        names = ", ".join(repr(flow.steps[one].id) for one in triggers) or "none"
        raise NoSuchStep(what, hint=f"The triggers of this flow: {names}.")
    return index
