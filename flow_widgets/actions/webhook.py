"""A flow that is begun by an HTTP request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.declared import Input

_PAYLOAD = {
    "body": Input(type="json", required=False, description="The request's body."),
    "headers": Input(type="json", required=False, description="Its headers, in lower case."),
    "method": Input(type="text", required=False, description="Its method."),
    "query": Input(type="json", required=False, description="The values behind the ``?``."),
}


class Webhook(Action):
    """Begins the flow when a request comes in at its path; the server of flows listens.

    Its output, and the shared state, hold the request's ``body``, ``headers``, ``method`` and ``query``.
    """

    is_trigger: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True

    type: Literal["webhook"] = "webhook"
    path: str = ""
    """Where it listens: ``/orders``."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    """The method that a request must have."""

    @property
    def payload(self) -> Mapping[str, Input]:
        """What a request brings."""
        return _PAYLOAD

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the path."""
        if re.fullmatch(r"/[^\s?#]*", self.path):
            return []
        what = f"{self.path!r} is no path." if self.path else "the path is missing."
        return [Problem("path", what, "Write one such as '/orders'.")]

    async def run(self, ctx: Context) -> Outcome:
        """Return what the request brought."""
        output: dict[str, Any] = {name: ctx.shared.get(name) for name in self.payload}
        return Outcome(output=output)
