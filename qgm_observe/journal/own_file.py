"""Files of the JSONL form as a process writes them: its own, line by line, and others at once."""

import os
import time
from pathlib import Path
from typing import Self

from qgm_observe.errors import JournalError
from qgm_observe.journal import lines
from qgm_observe.journal.files import unwritable
from qgm_observe.journal.lines import SUFFIX
from qgm_observe.journal.store import identity
from qgm_observe.records import current_process


class OwnFile:
    """The file that this process appends to."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.pid = os.getpid()
        self.size = 0
        self._descriptor = descriptor
        self._torn = False

    @classmethod
    def begin(cls, directory: Path) -> Self:
        """Create a file with a header.

        Raises:
            JournalError: it cannot be created.
        """
        path = directory / f"{time.time_ns():x}-{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        try:
            own = cls(path, os.open(path, flags, 0o600))
        except OSError as error:
            raise unwritable(directory, error) from None
        own.write(lines.header(identity(current_process())))
        return own

    def is_ours(self) -> bool:
        """Return whether this process began it and it is still there."""
        return self.pid == os.getpid() and self.path.exists()

    def write(self, line: bytes) -> None:
        """Append a line wholly or not at all.

        Raises:
            JournalError: the disk did not take it.
        """
        rest = b"\n" + line if self._torn else line
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._torn = not self._cut()
            raise JournalError(f"journal {self.path}: {error.strerror}") from error
        self._torn = False
        self.size = os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)

    def _cut(self) -> bool:
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            return False
        return True


def create(path: Path, said: bytes) -> bool:
    """Create a file; return whether nobody else had."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise unwritable(path, error) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(said)
    return True


def replace_file(path: Path, said: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        create(draft, said)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise unwritable(path, error) from None
