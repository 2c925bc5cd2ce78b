"""``FlowWidget``: a flow in a notebook's output, live, with the same commands in code."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from flow_widgets.clock import Clock, now
from flow_widgets.engine.observers import Observer, checked
from flow_widgets.engine.run import Run
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.engine.shelf import DEFAULT
from flow_widgets.errors import FlowError, InvalidInputs, StoreError
from flow_widgets.export.frames import save
from flow_widgets.export.html import record
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.limits import Budget, Retry
from flow_widgets.flow.model import Flow
from flow_widgets.flow.wiring import NO_TRIGGER
from flow_widgets.providers import preload
from flow_widgets.providers.base import Provider
from flow_widgets.run import events as ev
from flow_widgets.run.log import counted
from flow_widgets.run.spending import checked_budget
from flow_widgets.widget.commands import answer
from flow_widgets.widget.controls import Controls
from flow_widgets.widget.definition import flow_view
from flow_widgets.widget.inputs import first_inputs, kept_inputs
from flow_widgets.widget.sync import Sync

if TYPE_CHECKING:
    import pandas as pd

STATIC = Path(__file__).parent / "static"
MAX_DISPLAYS = 8
"""How many of the newest displays are refreshed with the static record when a run ends."""


def _built(name: str) -> Path:
    """Return the path of a built front-end file.

    Raises:
        FlowError: It was not built, which an installed package never shows.
    """
    path = STATIC / name
    if not path.is_file():
        raise FlowError(
            f"The front end is not built: {name} is missing.",
            hint="Run 'pip install -e .' again, or 'npm ci && npm run build' in js/.",
        )
    return path


class FlowWidget(Controls, anywidget.AnyWidget):
    """Shows a flow's steps and actions with play buttons, outputs that stream in live, and a log.

    ``await widget.run_flow()`` does what the button does. Runs live on a thread of their own: not
    awaiting leaves the kernel free, and callbacks given to ``on_event`` are called on that thread.
    Every run is kept in a store, and a widget shows the last run of its flow from there.
    """

    _esm = _built("flow_widget.js")
    _css = _built("flow_widget.css")

    flow = traitlets.Any().tag(
        sync=True,
        to_json=lambda value, widget: widget._flow_json(),
        from_json=lambda value, widget: widget.flow,
    )
    """The flow; assigning another one keeps the outputs of actions with the same ids."""
    run = traitlets.Any(None, allow_none=True).tag(
        sync=True,
        to_json=lambda value, widget: widget._run_json(),
        from_json=lambda value, widget: widget.run,
    )
    """The newest run, None before the first; what is synced is the view of the shown run."""

    def __init__(
        self,
        flow: Any,
        *,
        inputs: Mapping[str, Any] | None = None,
        provider: str | Provider | Any | None = None,
        store: Any = DEFAULT,
        observers: Iterable[Observer] = (),
        max_parallel: int | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
        prices: Mapping[str, Any] | None = None,
        retry: Retry | None = None,
        cache: bool = False,
        reopen: bool = True,
        allow_custom_code: bool = False,
        allow_private_network: bool = False,
        allowed_hosts: Iterable[str] = (),
        allowed_secrets: Iterable[str] = (),
        clock: Clock = now,
    ) -> None:
        """Make a widget of whatever ``load_flow`` takes; most options are as for ``FlowRunner``.

        It shows the last run of the flow that is kept, whoever ran it; ``reopen=False`` begins with none.

        Raises:
            StoreError: A store that was asked for can't be read.
            InvalidFlow, UnknownFormat: The flow can't be loaded.
            InvalidInputs: An input is not declared, or does not fit.
        """
        self.original: Flow = load_flow(flow)
        self.runner = FlowRunner(
            self.original,
            provider=provider,
            store=store,
            observers=[self._observe, *observers],
            max_parallel=max_parallel,
            budget=budget,
            prices=prices,
            retry=retry,
            cache=cache,
            allow_custom_code=allow_custom_code,
            allow_private_network=allow_private_network,
            allowed_hosts=allowed_hosts,
            allowed_secrets=allowed_secrets,
            clock=clock,
        )
        self.sync = Sync(self.runner, self.post, clock=clock)
        self.sync.on_settled = self._after_run
        self.sync.kept.on_look = self._look_again
        self.sync.inputs = first_inputs(self.original, inputs or {})
        self.runner.inputs = self.sync.inputs
        self._handles: list[Any] = []
        self._reopens = reopen
        if reopen:
            self.engine.call(lambda: self._take_up(inputs or {}))
        super().__init__(flow=self.runner.flow, run=self.runner.run)
        preload()
        self.on_msg(_received)
        _pin(self.comm)

    # Looking.

    def reopen(self, run_id: str | None = None) -> Run | None:
        """Take up a kept run of this flow, as it is now, and show it: by default the last one.

        Returns None when there is none to take up, or somebody else drives the last one.

        Raises:
            NoSuchRun, StoreError: The run can't be read.
            RunInUse: Somebody else drives it.
            AlreadyRunning: A run has not settled yet.
        """

        def take() -> Run | None:
            self.runner._must_be_idle()
            kept = self.sync.kept
            run = kept.last() if run_id is None else kept.opened(run_id)
            if run is not None:
                self.take_run(run)
                self.sync.show(run)
            return run

        return self.engine.call(take)

    @property
    def budget(self) -> Budget | None:
        """What each of the next runs may spend, None for what the flow says; assign to change it.

        A dict of limits will do: ``widget.budget = {"usd": 0.50}``. A run that goes on keeps its own.
        """
        return self.runner.budget

    @budget.setter
    def budget(self, budget: Budget | Mapping[str, Any] | None) -> None:
        taken = checked_budget(budget)
        self.engine.call(lambda: self.take_budget(taken))

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of this widget, oldest first."""
        return tuple(self.runner.runs)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs that the next run gets; assign to change them."""
        return dict(self.sync.inputs)

    @inputs.setter
    def inputs(self, values: Mapping[str, Any]) -> None:
        taken = first_inputs(self.runner.flow, {**self.sync.inputs, **values})
        self.engine.call(lambda: self.take_inputs(taken))

    def on_event(self, callback: Observer) -> Callable[[], None]:
        """Tell a callback every event of every run from now on; the returned call ends that.

        It is called on the engine's thread, so it should be quick; what it raises is logged.
        """
        observers = self.runner.observers
        self.engine.call(lambda: observers.append(checked(callback)))

        def remove() -> None:
            if callback in observers:
                observers.remove(callback)

        return lambda: self.engine.call(remove)

    def to_frame(self, of: str = "actions", *, expand: bool = False) -> pd.DataFrame:
        """Return all runs of this widget as one DataFrame, with the columns of ``to_frame``."""
        return self.engine.call(lambda: self.runner.to_frame(of, expand=expand))

    def save(self, path: str | Path, of: str = "actions") -> Path:
        """Write the frame of all runs as ``.csv``, ``.parquet`` or ``.json``, by the path's ending."""
        return save(self.to_frame(of), path)

    def display(self) -> None:
        """Show the widget in the running cell's output."""
        self._ipython_display_()

    # What the commands of the browser use; on the engine's thread only.

    def take_flow(self, flow: Flow) -> None:
        """Take an edited definition and show it."""
        self.runner.revise(flow)
        self.flow = flow
        self.sync.mark()

    def take_run(self, run: Run) -> None:
        """Make a run the current one, with its inputs; buttons and calls then act on it."""
        before = self.sync.kept.made_with.get(run.id, run.flow)
        self.runner.select(run)
        self.sync.notices.is_redefined, self.sync.notices.unopened = True, ""
        self.take_inputs(kept_inputs(self.runner.flow, before, run.inputs))
        self.set_trait("run", run)

    def look_at(self, run: Run) -> None:
        """Show a run while another goes on, with the definition as it is now."""
        execution, flow = self.runner.execution(run), self.runner.flow
        self.sync.notices.is_redefined = True
        if execution.state.status != "running" and run.flow != flow:
            execution.record((ev.FlowRevised, None, None, flow))

    def renew(self, run_id: str) -> None:
        """Take up a run again that went on elsewhere, with the inputs that are on the screen."""
        run, inputs = self.sync.kept.opened(run_id), self.sync.inputs
        self.take_run(run)
        self.take_inputs(inputs)
        self.sync.show(run)

    def take_budget(self, budget: Budget | None) -> None:
        """Take another budget for the next runs, and show what is wrong with it."""
        self.runner.budget = budget
        self.sync.mark()
        if self.comm is not None:
            self.send_state("flow")

    def take_inputs(self, inputs: dict[str, Any]) -> None:
        """Take edited inputs: what used them becomes stale, unless a run goes on."""
        self.sync.inputs = inputs
        self.runner.inputs = inputs
        if not self.runner.is_running:
            with contextlib.suppress(InvalidInputs):  # an input that is still to be filled in
                self.runner.revise_inputs(inputs)
        self.sync.mark()

    def asset(self, name: str) -> bytes:
        """Return a part of the front end that is loaded on demand.

        Raises:
            FlowError: There is no such part.
        """
        path = STATIC / f"{Path(name).name}.js"
        if not path.is_file():
            raise FlowError(f"There is no part {name!r} of the front end.")
        return path.read_bytes()

    def post(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send the browser a message; without one, nothing happens."""
        if self.comm is not None:
            with contextlib.suppress(RuntimeError, OSError):  # the kernel is shutting down
                self.send(message, buffers=list(buffers) or None)

    # How.

    def _take_up(self, inputs: Mapping[str, Any]) -> None:
        """Take up the last kept run, with other inputs where some are given; say so if it can't be read."""
        self.runner.shelf.kept(self.runner.flow, limit=1)  # raises where the store was asked for
        try:
            run = self.sync.kept.last()
        except StoreError as error:
            self.sync.notices.unopened = f"The last run can't be opened. {error}"
            return
        if run is not None:
            self.take_run(run)
            taken = first_inputs(self.runner.flow, {**self.sync.inputs, **inputs})
            self.take_inputs(taken)
            usual = first_inputs(self.runner.flow, inputs)
            others = {n: value for n, value in taken.items() if usual.get(n) != value}
            self.sync.notices.inputs_of = (run, others)

    def _look_again(self) -> None:
        """Take up what somebody else has finished, where nothing is shown yet."""
        if self._reopens and self.runner.run is None:
            with contextlib.suppress(StoreError):
                self._take_up({})
        self.sync.mark()

    def _observe(self, event: Any) -> None:
        self.sync.observe(event)
        if self.run is not self.runner.run:
            self.set_trait("run", self.runner.run)

    def _should_send_property(self, key: str, value: Any) -> bool:
        """Keep ``run`` from being sent whenever it is set: its viewers get deltas."""
        return key != "run" and bool(super()._should_send_property(key, value))

    @traitlets.validate("flow")
    def _loaded(self, proposal: Any) -> Flow:
        is_known = proposal["value"] is self.runner.flow
        if is_known:
            return self.runner.flow
        flow = load_flow(proposal["value"])
        self.engine.call(lambda: self._take_new_flow(flow))
        return flow

    def _take_new_flow(self, flow: Flow) -> None:
        """Take another flow in place of the old one, with the inputs that both have."""
        before = self.runner.flow
        self.runner.revise(flow)
        self.original = flow
        self.sync.notices.is_redefined = True
        self.sync.kept.expire()
        self.sync.inputs = kept_inputs(flow, before, self.sync.inputs)
        self.runner.inputs = self.sync.inputs
        self.sync.mark()

    def _flow_json(self) -> Any:
        return self.engine.call(self._flow_view)

    def _flow_view(self) -> Any:
        models: list[str] = []
        with contextlib.suppress(FlowError):
            models = [self.runner.provider_named(None).default_model or ""]
        problems = [one for one in self.runner.check() if not one.what.startswith(NO_TRIGGER)]
        return flow_view(self.runner.flow, self.original, problems, models)

    def _run_json(self) -> Any:
        return self.engine.call(self.sync.snapshot)

    def _after_run(self) -> None:
        """Take what was edited meanwhile, and store what is shown for readers without a kernel."""
        self.take_inputs(self.sync.inputs)
        if self.comm is not None:
            self.send_state("run")
        bundle = self._repr_mimebundle_() if self.comm is not None else None
        if bundle is not None:
            for handle in self._handles:
                handle.update(bundle[0], metadata=bundle[1], raw=True)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = self._repr_mimebundle_() if self.comm is not None else None
        if bundle is None:  # the widget was closed
            return
        handle = display(  # type: ignore[no-untyped-call]
            bundle[0], metadata=bundle[1], raw=True, display_id=True
        )
        self._handles = [*self._handles[1 - MAX_DISPLAYS :], handle]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        flow = self.runner.flow
        actions = sum(len(step.actions) for step in flow.steps)
        status = self.run.status if self.run is not None else "not run yet"
        size = f"{counted(len(flow.steps), 'step')}, {counted(actions, 'action')}"
        data["text/plain"] = f"FlowWidget({flow.name!r}, {size}, {status})"
        data["text/html"] = record(flow, self.run)
        return data, metadata


def _received(widget: FlowWidget, message: Any, buffers: Any) -> None:
    """Hand a message of the browser over; it may come on any thread."""
    if isinstance(message, Mapping) and "op" in message:
        widget.engine.post(lambda: answer(widget, message))


def _pin(comm: Any) -> None:
    """Let a click reach Python while the main thread computes.

    ipykernel 7.4 sends a comm's messages to whichever shell published on it last, and the engine's
    thread counts as the main one; before and after, the front end's choice is followed. To be removed
    when ipykernel follows it again.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
