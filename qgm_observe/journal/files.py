"""Where a journal lies: private files, and file systems on which SQLite cannot share memory."""

import os
import re
from pathlib import Path

from qgm_observe.errors import JournalError

NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs"),
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs"),
        *("fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.mount-s3"),
    )
)
"""File system types whose clients do not share memory, which WAL mode needs."""

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def file_system(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the file system type a path lies on, empty where the system does not tell.

    Source: proc(5), `/proc/[pid]/mountinfo`: field 5 is the mount point with blanks in octal, the
    first field after the lone hyphen is the type.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = path.absolute().resolve()
    best, found = -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), left.split()[4]))
        if place.is_relative_to(mount) and len(mount.parts) >= best:
            best, found = len(mount.parts), right.split()[0]
    return found


def is_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Return whether a path lies on a network file system."""
    return file_system(path, mounts) in NETWORK


def make_private_directory(path: Path) -> None:
    """Create a directory and what is missing above it, all for the user alone.

    Raises:
        JournalError: it cannot be created.
    """
    try:
        for each in reversed((path, *path.parents)):
            if not each.exists():
                each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from None


def make_private_file(path: Path) -> None:
    """Create an empty file for the user alone, unless it exists.

    Raises:
        JournalError: it cannot be created.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> JournalError:
    """Return the one line for a path that cannot be written."""
    return JournalError(
        f"cannot write a journal at {path} ({error.strerror}): "
        "give another path, or set QGM_OBSERVE_JOURNAL"
    )
