"""Compiled circuits kept on disk, for every process of a user: compiling is paid for once.

An entry is a file that is named by its key and begins with the digest of its content. It is
written beside its place and moved there, so a reader sees all of it or nothing; what does not fit
its digest counts as missing and goes. The files used longest ago make room for new ones.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from qgm_observe.errors import UsageError
from qgm_observe.providers.calibration import canonical_json

MOST_BYTES = 256 * 2**20
MOST_ENTRIES = 10_000
ABANDONED_SECONDS = 3600.0
"""Age at which a file that was never moved to its place belongs to a process that is gone."""

_SUFFIX, _BEGUN = ".circuit", ".begun"
_DIGEST_BYTES = 32


def key_of(
    *,
    structure: str,
    calibration: str,
    backend: str,
    compiler: str,
    options: Mapping[str, object] | None = None,
) -> str:
    """Return the key of a compiled circuit, 64 hexadecimal digits; any difference is another key.

    Args:
        structure: Hash of the circuit's gates, qubits and free parameters.
        calibration: Hash of the calibration it is compiled for, see
            `qgm_observe.providers.calibration_content.content_of`.
        backend: Name and version of the backend.
        compiler: Name and version of the compiler.
        options: What else decides the result, such as effort and seed; JSON can write it.
    """
    told = {"structure": structure, "calibration": calibration, "backend": backend}
    told |= {"compiler": compiler, "options": canonical_json(dict(options or {})).decode()}
    return hashlib.sha256(canonical_json(told)).hexdigest()


class CompiledCircuits:
    """A folder of compiled circuits; used from any thread and process.

    A folder that cannot be read or written costs the saving, never the circuit.

    Args:
        folder: Made at the first entry, for its owner alone.
        most_bytes: Of all entries together.
        most_entries: How many there are at most.

    Raises:
        UsageError: a bound is below 1.
    """

    def __init__(
        self, folder: Path, most_bytes: int = MOST_BYTES, most_entries: int = MOST_ENTRIES
    ) -> None:
        if most_bytes < 1 or most_entries < 1:
            raise UsageError("compiled circuits: write bounds of 1 or more")
        self.folder = folder
        self._most_bytes = most_bytes
        self._most_entries = most_entries

    def find(self, key: str, compile_: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Return the content of a key and whether it was there; else compile and keep it.

        Args:
            key: As `key_of` gives it.
            compile_: Gives the content; what it raises is raised, and nothing is kept.
        """
        kept = self.get(key)
        if kept is not None:
            return kept, True
        content = compile_()
        self.put(key, content)
        return content, False

    def get(self, key: str) -> bytes | None:
        """Return the content of a key, `None` where there is none or only a damaged one."""
        path = self._path(key)
        try:
            whole = path.read_bytes()
        except OSError:
            return None
        digest, content = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # its turn to go comes later
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep the content of a key, and let go what was used longest ago."""
        if len(content) + _DIGEST_BYTES > self._most_bytes:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._path(key), hashlib.sha256(content).digest() + content)
            self._make_room()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _write(self, path: Path, whole: bytes) -> None:
        number, begun = tempfile.mkstemp(suffix=_BEGUN, dir=self.folder)  # mode 0600
        try:
            with os.fdopen(number, "wb") as file:
                file.write(whole)
            os.replace(begun, path)  # noqa: PTH105  a path of its own would be made only for this
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(begun)  # noqa: PTH108  likewise
            raise

    def _make_room(self) -> None:
        entries = sorted(self._entries(), reverse=True)
        size = 0
        for number, (_, length, path) in enumerate(entries):
            size += length
            if size > self._most_bytes or number >= self._most_entries:
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108  likewise

    def _entries(self) -> Iterator[tuple[float, int, str]]:
        """Yield when each was used last, its size and path; what a crash left behind goes."""
        with os.scandir(self.folder) as files:
            for file in files:
                with contextlib.suppress(OSError):  # another process may have taken it away
                    told = file.stat()
                    if file.name.endswith(_SUFFIX):
                        yield told.st_mtime, told.st_size, file.path
                    elif file.name.endswith(_BEGUN) and _is_abandoned(told.st_mtime):
                        os.unlink(file.path)  # noqa: PTH108  likewise


def _is_abandoned(changed_at: float) -> bool:
    return time.time() - changed_at > ABANDONED_SECONDS
