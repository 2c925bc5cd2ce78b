"""Whether a folder lies on a network, where SQLite's WAL mode does not work."""

from __future__ import annotations

from pathlib import Path

NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "drvfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "virtiofs",
    }
)
"""Kinds of file system that more than one machine may write."""
TABLE = Path("/proc/self/mountinfo")


def is_on_network(folder: Path, table: Path = TABLE) -> bool:
    """Whether a folder lies on a file system of another machine; False where nobody can tell."""
    try:
        lines = table.read_text(errors="replace").splitlines()
    except OSError:
        return False
    best, kind = -1, ""
    for line in lines:
        before, found, after = line.partition(" - ")
        fields = before.split()
        if not found or len(fields) < 5:
            continue
        mount = fields[4].replace("\\040", " ")
        if len(mount) >= best and folder.is_relative_to(mount):
            best, kind = len(mount), after.split()[0]
    return kind in NETWORK
