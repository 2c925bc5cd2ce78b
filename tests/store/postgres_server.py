"""A PostgreSQL server for the tests: a private one, or the one that ``FLOW_WIDGETS_TEST_POSTGRES`` names.

A private one listens on the loopback only, lets everybody in but the role ``guarded``, and is deleted
when the tests have ended. Where no programs of PostgreSQL are found, tests that need it are skipped,
and fail under CI.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    import pwd

VARIABLE = "FLOW_WIDGETS_TEST_POSTGRES"
GIVEN = os.environ.get(VARIABLE, "")
PASSWORD = "the-right-one"
"""That of the role ``guarded``."""
MISSING = (
    "PostgreSQL's programs (pg_ctl, initdb, postgres) are not on PATH, nor in /usr/lib/postgresql; "
    f"install them, or name a server by {VARIABLE}=postgresql://user@host/database"
)
_TOOLS = ("pg_ctl", "initdb", "postgres")
_PLACES = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local")
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "lc_messages": "C",
}


class Server:
    """A private server in a folder of its own."""

    def __init__(self) -> None:
        programs = folder_of_programs()
        if programs is None:
            missing()
        self._programs = programs
        self._user = _another_user()
        self.folder = Path(tempfile.mkdtemp(prefix="flow-pg-", dir=_short_folder()))
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._data = self.folder / "data"
        self._make()
        self.port = 0
        self.start()
        self._add_guarded()

    @property
    def url(self) -> str:
        return f"postgresql://flow@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server; where its port was taken meanwhile, it takes another the first time."""
        for _ in range(1 if self.port else 3):
            port = self.port or _free_port()
            settings = _SETTINGS | {"port": str(port), "listen_addresses": "127.0.0.1"}
            settings["unix_socket_directories"] = str(self.folder)
            options = " ".join(f"-c {name}={value}" for name, value in settings.items())
            log = str(self.folder / "log")
            done = self._call("pg_ctl", "start", "-w", "-t", "60", "-l", log, "-o", options)
            if done.returncode == 0:
                self.port = port
                return
        raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()}")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast``, or ``immediate`` as in a crash."""
        self._call("pg_ctl", "stop", "-w", "-t", "60", "-m", mode)

    def delete(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        done = self._call(
            "initdb", "--no-sync", "-U", "flow", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}")
        rules = self._data / "pg_hba.conf"
        guarded = "host all guarded all scram-sha-256\n"
        rules.write_text(guarded + rules.read_text())

    def _add_guarded(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")

    def _call(self, program: str, *options: str) -> subprocess.CompletedProcess[str]:
        # The server keeps what it is given open, so its output goes to a file.
        with (self.folder / "output").open("w+") as output:
            done = subprocess.run(
                [str(self._programs / program), *options, "-D", str(self._data)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                check=False,
                **self._identity(),
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read())

    def _identity(self) -> dict[str, object]:
        """Return who runs the programs: PostgreSQL refuses root."""
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def new_url() -> str:
    """Return the URL of a schema that is not there yet, on the server that all tests share."""
    schema = f"test_{uuid.uuid4().hex}"
    url = shared_url()
    if GIVEN:
        atexit.register(_drop, url, schema)
    return f"{url}{'&' if '?' in url else '?'}schema={schema}"


@cache
def shared_url() -> str:
    """Return the URL of the server that all tests of this process share."""
    if GIVEN:
        return GIVEN
    server = Server()
    atexit.register(server.delete)
    return server.url


def folder_of_programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, the newest there is."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    for place in _PLACES:
        folders += sorted(Path(place).glob("*/bin"), key=_version, reverse=True)
    return next((one for one in folders if all((one / tool).exists() for tool in _TOOLS)), None)


def missing() -> None:
    """End a test that needs a server where none can be made."""
    if not GIVEN and os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


def _version(folder: Path) -> list[int]:
    return [int(part) for part in folder.parts if part.isdecimal()]


def _another_user() -> pwd.struct_passwd | None:
    """Return who may run a server instead of root; None for whoever runs the tests."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd

    known = {one.pw_name: one for one in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _short_folder() -> str | None:
    """Return where folders have short names, as those of sockets must have."""
    return "/tmp" if Path("/tmp").is_dir() else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _drop(url: str, schema: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
