"""Who drives a run: a process, told apart from every other, and whether it still lives."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from flow_widgets.errors import RunInUse

HEARTBEAT_SECONDS = 10.0
"""How often the owner of a run says that it lives."""
GONE_SECONDS = 30.0
"""Where a process can't be looked at, it is gone when it said nothing for so long."""

LIVE: set[str] = set()
"""The tokens of the claims of this process."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that holds a run, and the one claim by which it does."""

    host: str
    boot: str
    """Marks one start of one machine, and the space of its process numbers."""
    pid: int
    began: str
    """When the process began, as its machine counts; numbers of processes are used again."""
    token: str
    """Unique for each claim."""

    @property
    def record(self) -> str:
        """The owner as it is stored."""
        return json.dumps(asdict(self))

    @property
    def words(self) -> str:
        """The owner as a user is told of it."""
        if not self.is_here:
            return f"process {self.pid} on {self.host}"
        if self.pid == os.getpid():
            return "another widget or runner of this process"
        return f"process {self.pid} on this machine"

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine since it was started."""
        return (self.host, self.boot) == (_host(), _boot())

    def is_alive(self, silent_seconds: float) -> bool:
        """Whether it still holds what it claimed, as far as can be known from here."""
        if not self.is_here or not _is_visible():
            return silent_seconds < GONE_SECONDS
        if self.pid == os.getpid():
            return self.token in LIVE
        return self.began == _began(self.pid)


def this_process(token: str) -> Owner:
    """Return the owner that a claim of this process has."""
    return Owner(_host(), _boot(), os.getpid(), _began(os.getpid()) or "", token)


def owner_of(record: str | None) -> Owner | None:
    """Return a stored owner; None for nobody, or what can't be read."""
    try:
        fields = json.loads(record) if record else None
        return Owner(**fields) if isinstance(fields, dict) else None
    except (ValueError, TypeError):
        return None


def in_use(run_id: str, owner: str) -> RunInUse:
    """Return the error for a run that somebody else drives."""
    what = f"The run {run_id!r} is driven by {owner}."
    hint = "Wait until it has ended there, or close it there."
    return RunInUse(what, hint=hint, run_id=run_id, owner=owner)


@cache
def _host() -> str:
    return socket.gethostname()


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _is_visible() -> bool:
    """Whether processes of this machine can be looked at."""
    return os.name == "posix"


def _began(pid: int) -> str | None:
    """Return when a process began, an empty text where nobody can tell, None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        fields = stat.rsplit(b")", 1)[1].split()
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return ""


def _forget() -> None:
    """In a process that was forked: what its parent claimed is its parent's."""
    LIVE.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
