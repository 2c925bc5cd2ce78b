"""Who a request is from: secrets named in a flow, and read where the flow is run."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from pydantic import model_validator

from flow_widgets import payload
from flow_widgets.errors import Problem, RequestFailed
from flow_widgets.flow.base import Model

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PASTED = re.compile(r"(?:gh[opsur]_|github_pat_|hf_|AKIA|eyJ|AIza|npm_|dop_v1_)\w{8,}")
"""How secrets begin that could be taken for the name of a variable."""


class Auth(Model):
    """Who the request is from; every secret is given as the name of an environment variable.

    Exactly one of ``bearer``, ``basic`` (user name and password) and ``api_key``.
    """

    bearer: str | None = None
    """The variable that holds a token, sent as ``Authorization: Bearer``."""
    basic: tuple[str, str] | None = None
    """The variables that hold the name of the user and the password."""
    api_key: str | None = None
    """The variable that holds a key, sent in ``header`` or ``query``."""
    header: str | None = None
    """The header that carries ``api_key``; ``X-API-Key`` unless ``query`` is given."""
    query: str | None = None
    """The parameter of the URL that carries ``api_key``."""

    @model_validator(mode="after")
    def _is_one(self) -> Auth:
        if sum(one is not None for one in (self.bearer, self.basic, self.api_key)) != 1:
            raise ValueError("takes exactly one of bearer, basic and api_key")
        if self.api_key is None and (self.header or self.query):
            raise ValueError("header and query go with api_key only")
        if self.header and self.query:
            raise ValueError("api_key goes into a header or into the query, not both")
        return self

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Hide what may be a secret that was given in place of a name."""
        for name, value in super().__repr_args__():
            is_open = name in ("header", "query") or not any(self.pasted())
            yield name, value if is_open else payload.REMOVED

    def variables(self) -> Mapping[str, str]:
        """Return the names of the variables, by the place of each."""
        if self.basic:
            return {"auth.basic[0]": self.basic[0], "auth.basic[1]": self.basic[1]}
        name = "bearer" if self.bearer is not None else "api_key"
        return {f"auth.{name}": self.bearer or self.api_key or ""}

    def pasted(self) -> Iterator[str]:
        """Yield the places that hold no name of a variable, but perhaps a secret."""
        for place, name in self.variables().items():
            if not _VARIABLE.fullmatch(name) or _PASTED.match(name):
                yield place

    def refused(self, allowed: Container[str]) -> Iterator[Problem]:
        """Yield the variables that the owner of the runner has not allowed."""
        pasted = {*self.pasted()}
        for place, name in self.variables().items():
            if place not in pasted and name not in allowed:
                yield _refusal(place, name)

    def read(self, allowed: Container[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
        """Return headers, parameters of the URL, and the secrets in them.

        Raises:
            RequestFailed: A variable is not set, or the owner of the runner did not allow it.
        """
        values = [_variable(place, name, allowed) for place, name in self.variables().items()]
        if self.bearer:
            return {"authorization": f"Bearer {values[0]}"}, {}, values
        if self.basic:
            pair = base64.b64encode(":".join(values).encode()).decode("ascii")
            return {"authorization": f"Basic {pair}"}, {}, [values[1], pair]
        if self.query:
            return {}, {self.query: values[0]}, values
        return {(self.header or "X-API-Key").lower(): values[0]}, {}, values


def _refusal(place: str, name: str) -> Problem:
    what = f"this flow may not send the environment variable {name!r}."
    return Problem(place, what, f"Allow it: FlowRunner(flow, allowed_secrets=[{name!r}]).")


def _variable(place: str, name: str, allowed: Container[str]) -> str:
    value = os.environ.get(name, "").strip()
    if not _VARIABLE.fullmatch(name) or _PASTED.match(name):
        raise RequestFailed("not_configured", f"{place}: {NO_NAME}", hint=NAME_IT)
    if name not in allowed:
        refused = _refusal(place, name)
        raise RequestFailed("not_allowed", f"{place}: {refused.what}", hint=refused.hint)
    if not value or not value.isprintable():
        wrong = "holds control characters" if value else "is not set"
        what = f"{place}: the environment variable {name!r} {wrong}."
        raise RequestFailed("not_configured", what, hint="Set it before the flow is run.")
    return value


NO_NAME = "it is not the name of an environment variable."
NAME_IT = "Keep the secret in a variable such as API_TOKEN, and write that name here."
