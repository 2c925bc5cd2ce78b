"""Where the runs of a runner are kept: its store, the runs that were kept before, and taking them up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.execution import Execution
from flow_widgets.errors import (
    NoSuchRun,
    RunChanged,
    RunInUse,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreUnreachable,
)
from flow_widgets.flow.model import Flow
from flow_widgets.run.reduce import reduce
from flow_widgets.run.state import RunState

if TYPE_CHECKING:
    from flow_widgets.store.base import RunInfo, Store

_LOG = logging.getLogger("flow_widgets.store")
DEFAULT = "default"
"""The store beside the notebook, or the one that ``FLOW_WIDGETS_STORE`` names."""


class Shelf:
    """The store of a runner.

    A store that was asked for by name has to work. The default one may fail: then runs go on without
    being kept, and ``notice`` says why.
    """

    def __init__(self, where: Any) -> None:
        """Take a store, its place, or None for no store; nothing is opened yet."""
        from flow_widgets.store.opening import open_store

        self.is_default = isinstance(where, str) and where == DEFAULT
        self.store: Store | None = open_store(where)
        self.notice = ""
        """Why runs are not kept, in a sentence; empty while they are."""

    def claim(self, execution: Execution) -> None:
        """Take a run before work on it begins, or before it is edited, where it can be kept.

        Raises:
            StoreError: It can't be kept, in a store that was asked for; or it is driven elsewhere.
        """
        if execution.keeping.store is None:
            return
        try:
            execution.claim()
            self.notice = ""
        except (RunInUse, RunChanged):
            raise
        except NoSuchRun:
            self._say("This run is not in its store any more, so it is not kept.")
            execution.keeping.give_up()
        except StoreError as error:
            if not self.is_default:
                raise
            self._say(f"This run is not kept. {error}")
            if not isinstance(error, (StoreFull, StoreLocked, StoreUnreachable)):
                execution.keeping.give_up()  # else it is kept with the next claim that succeeds

    def _say(self, notice: str) -> None:
        """Tell a widget's viewers, and whoever reads the log of a script."""
        if notice != self.notice:
            self.notice = notice
            _LOG.warning(notice)

    def last_number(self, flow: Flow) -> int:
        """Return the number of the newest kept run of a flow, 0 when there is none."""
        newest = self.kept(flow, limit=1)
        return newest[0].number if newest else 0

    def kept(self, flow: Flow, *, limit: int = 50) -> list[RunInfo]:
        """Return what is known of the newest kept runs of a flow, newest first."""
        if self.store is None:
            return []
        try:
            return self.store.list(flow_id=flow.id, limit=limit)
        except StoreError as error:
            if not self.is_default:
                raise
            self._say(f"Earlier runs can't be read, and new ones are not kept. {error}")
            return []

    def last_heard_of(self, run_id: str) -> float:
        """Return when a kept run was written last, in seconds since the epoch; 0 where nobody knows."""
        try:
            return self.store.info(run_id).updated_at if self.store is not None else 0.0
        except StoreError:
            return 0.0

    def flow_of(self, run_id: str) -> Flow:
        """Return the flow that a kept run began with, without reading all of the run.

        Raises:
            NoSuchRun, StoreDamaged, StoreError: It can't be read.
        """
        assert self.store is not None
        flow: Flow = next(iter(self.store.events(run_id))).flow
        return flow

    def state_of(self, run_id: str) -> RunState:
        """Return the state that the events of a kept run fold into.

        Raises:
            RunInUse: Somebody drives it.
            NoSuchRun, StoreDamaged, StoreError: It can't be read.
        """
        assert self.store is not None
        info = self.store.info(run_id)
        if info.status == "running":
            what = f"The run {run_id!r} is driven by {info.owner}."
            hint = "Wait until it has ended there, or close it there."
            raise RunInUse(what, hint=hint, run_id=run_id, owner=info.owner)
        state: RunState | None = None
        for event in self.store.events(run_id):
            state = reduce(state, event)
        assert state is not None
        return state


def is_of(before: Flow, flow: Flow) -> bool:
    """Whether a run of one flow is a run of another: the same id, and not only by chance.

    A flow that nobody has named shares its id with every other such flow, so it must have an action in
    common with the run.
    """
    if before.id != flow.id:
        return False
    if flow.name != type(flow).model_fields["name"].default:
        return True
    had = {_content(action) for step in before.steps for action in step.actions}
    return any(_content(action) in had for step in flow.steps for action in step.actions)


def _content(action: Any) -> str:
    return str(action.model_dump_json(exclude={"id", "name"}))
