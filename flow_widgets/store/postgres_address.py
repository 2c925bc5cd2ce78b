"""Where a PostgreSQL store is: what its URL says, shown without the password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from flow_widgets.errors import FlowError

SCHEMA = "flow_widgets"
"""The schema that is used when the URL names none."""
_FORM = "postgresql://user:password@host:5432/database?schema=name"
_SECRETS = (
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
)
_PATIENT: Mapping[str, Any] = {
    "application_name": "flow_widgets",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How a connection behaves where the URL says nothing else; milliseconds in the last, else seconds."""


class Address:
    """A server, a database and a schema, with what is needed to get in."""

    def __init__(self, url: str) -> None:
        """Read a URL as PostgreSQL's own programs do; ``schema`` in it is ours.

        Raises:
            FlowError: It is no such URL; the message does not hold it, as it may hold a password.
        """
        plain, schema = _without_schema(url)
        given = _options(plain)
        self.schema = SCHEMA if schema is None else schema
        problem = _problem(plain, given, self.schema)
        if problem:
            hint = f"Write it as {_FORM}, and characters such as @ : / ? in the password as %40."
            raise FlowError(f"The store's postgresql:// URL can't be used: {problem}.", hint=hint)
        assert given is not None
        self._given = given
        self.place = _place(given, self.schema)

    def __repr__(self) -> str:
        return f"Address({self.place!r})"

    @property
    def quoted_schema(self) -> str:
        """The schema as it stands in SQL."""
        return '"{}"'.format(self.schema.replace('"', '""'))

    def options(self) -> dict[str, Any]:
        """Return what a connection is made of, secrets included."""
        return {**_PATIENT, **self._given, "client_encoding": "utf8"}

    def cleaned(self, text: str) -> str:
        """Return somebody else's words without the secrets of this address."""
        secrets = [self._given.get(name) for name in _SECRETS] + [os.environ.get("PGPASSWORD")]
        for secret in filter(None, secrets):
            for form in {secret, quote(secret), quote(secret, safe="")}:
                text = text.replace(form, "***")
        return text


def _without_schema(url: str) -> tuple[str, str | None]:
    """Return a URL as the driver takes it, and the schema that it named."""
    begin, question, query = _parted(url)
    found, rest = None, []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name == "schema":
            found = unquote(value)
        else:
            rest.append(part)
    return (f"{begin}{question}{'&'.join(rest)}" if rest else begin), found


def _parted(url: str) -> tuple[str, str, str]:
    """Part a URL before its options; a question mark in a password is none that begins them."""
    user = re.match(r"[a-z]+://[^@/]*@", url)
    begin = user.end() if user else 0
    front, question, query = url[begin:].partition("?")
    return url[:begin] + front, question, query


def _options(url: str) -> dict[str, str] | None:
    """Return what a URL says, None where it can't be read."""
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except (Error, UnicodeError):
        return None


def _problem(url: str, given: Mapping[str, str] | None, schema: str) -> str:
    """Return what is wrong with a URL without repeating it; an empty text when nothing is."""
    if given is None:
        return "it can't be read"
    front = re.sub(r"^[a-z]+://([^@/]*@)?", "", _parted(url)[0])
    if "@" in front:
        return "it has an @ too many"
    if not re.fullmatch(r"[\d,]*", given.get("port", "")):
        return "its port is no number"
    if not schema or "\0" in schema or len(schema.encode(errors="replace")) > 63:
        return "its schema has to be a name of 1 to 63 bytes"
    return ""


def _place(given: Mapping[str, str], schema: str) -> str:
    user = given.get("user") or os.environ.get("PGUSER", "")
    hosts = (given.get("host") or os.environ.get("PGHOST") or "localhost").split(",")
    ports = (given.get("port") or os.environ.get("PGPORT") or "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = ",".join(f"{host}:{port or 5432}" for host, port in zip(hosts, ports, strict=False))
    database = given.get("dbname") or os.environ.get("PGDATABASE") or user
    shown = f"postgresql://{user}{'@' if user else ''}{places}/{database}"
    return shown if schema == SCHEMA else f"{shown}?schema={schema}"
