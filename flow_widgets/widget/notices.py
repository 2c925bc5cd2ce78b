"""What a viewer should know beside the run: that the flow has changed since, that runs are not kept."""

from __future__ import annotations

from typing import Any

from flow_widgets.engine.run import Run
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.flow.model import Flow
from flow_widgets.run.changes import changes
from flow_widgets.run.log import counted
from flow_widgets.run.view import NoticeView
from flow_widgets.widget.kept import Kept

MOST_ELSEWHERE = 3
WAIT = "It can be picked here when it has ended."


class Notices:
    """The notices of one widget."""

    def __init__(self, runner: FlowRunner, kept: Kept) -> None:
        """Begin with nothing to say."""
        self.unopened = ""
        """Why the last run is not shown, in a sentence or two."""
        self.is_redefined = False
        """Whether a definition came from code, or another run was taken up, since the newest work.

        What a person edits in place is seen where it is edited.
        """
        self.inputs_of: tuple[Run, dict[str, Any]] | None = None
        """The run that was taken up, and those of its inputs that are not the flow's defaults."""
        self._runner, self._kept = runner, kept
        self._compared: tuple[Flow, Flow, list[str]] | None = None

    def all(self, shown: Run | None) -> list[NoticeView]:
        """Return what to say now."""
        shelf, kept = self._runner.shelf, self._kept
        found = [shelf.notice or kept.trouble, getattr(shelf.store, "notice", ""), self.unopened]
        elsewhere = [f"{one} {WAIT}" for one in kept.elsewhere()[:MOST_ELSEWHERE]]
        texts = [*filter(None, found), *elsewhere]
        notices: list[NoticeView] = [
            {"kind": "store", "text": text, "details": []} for text in dict.fromkeys(texts)
        ]
        changed = self._changed(shown) if shown is not None and self.is_redefined else None
        return [*notices, *filter(None, [changed, self._other_inputs()])]

    def _other_inputs(self) -> NoticeView | None:
        """Say that the next run gets values of an earlier one, where the code names none."""
        if self.inputs_of is None:
            return None
        run, values = self.inputs_of
        now = self._runner.inputs
        names = [name for name, value in values.items() if now.get(name) == value]
        if not names:
            return None
        text = f"The inputs are those of run {run.number}, not the defaults: {', '.join(names)}."
        return {"kind": "changed", "text": text, "details": []}

    def _changed(self, run: Run) -> NoticeView | None:
        old, new = self._kept.made_with.get(run.id), self._runner.flow
        details = self._changes(old, new) if old is not None else []
        if not details:
            return None
        count = counted(len(details), "change")
        text = f"The flow has changed since run {run.number}: {count}. {self._left(run)}".strip()
        return {"kind": "changed", "text": text, "details": details}

    def _changes(self, old: Flow, new: Flow) -> list[str]:
        """Return what differs; it is asked for with every delta, so it is held while both stay."""
        known = self._compared
        if known is None or known[0] is not old or known[1] is not new:
            known = self._compared = (old, new, changes(old, new))
        return known[2]

    def _left(self, run: Run) -> str:
        """Return how many outputs are not stale, in a sentence."""
        state = self._runner.execution(run).state
        done = [one for step in state.steps for one in step.actions if one.status == "completed"]
        fresh = sum(one.stale is None for one in done)
        if not done:
            return ""
        if fresh == len(done):
            return "All outputs are up to date." if fresh > 1 else "The output is up to date."
        if not fresh:
            return "All outputs are stale." if len(done) > 1 else "The output is stale."
        verb = "is" if fresh == 1 else "are"
        return f"{fresh} of {counted(len(done), 'output')} {verb} up to date."
