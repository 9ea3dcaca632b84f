"""Bad input at the command line: one clear line, exit code 2, nothing lost."""

import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qgm_observe.journal import open_journal

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("demo", "--port", "0", "--device", "fezz"), "did you mean"),
        (("demo", "--port", "0", "--target", "cats"), "bars-and-stripes"),
        (("demo", "--iterations", "0"), "write 1 or more"),
        (("demo", "--iterations", "many"), "invalid int value"),
        (("demo", "--journal", "/proc/nowhere/j.db"), "give another path"),
        (("demo", "--port", "99999"), "port"),
        (("run", "missing.py"), "missing.py"),
        (("journal", "info", "--journal", "missing.db"), "no journal"),
        (("journal", "export", "--since", "yesterday"), "write a date"),
        (("check", "http://127.0.0.1:1/metrics"), "127.0.0.1:1"),
        (("chekc",), "invalid choice"),
        (("catalog", "--format", "xml"), "invalid choice"),
    ],
)
def test_one_line_and_exit_code_2(shell: Shell, words: tuple[str, ...], told: str) -> None:
    """Whatever is wrong, standard error has one line that tells the way out."""
    done = shell(*words)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr


def test_a_taken_port(shell: Shell) -> None:
    """A port that is taken is told before anything is trained."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = shell("demo", "--replay", "--port", str(server.getsockname()[1]))

    assert done.returncode == 2
    assert "is taken: use --port 0" in done.stderr


@pytest.mark.parametrize("command", ["demo", "journal"])
def test_a_corrupt_journal_is_left_as_it_is(shell: Shell, tmp_path: Path, command: str) -> None:
    """A damaged journal is refused in one line and not touched."""
    path = tmp_path / "journal.db"
    open_journal(path).close()
    damaged = path.read_bytes()[:100] + b"damage" * 500
    path.write_bytes(damaged)
    words = ("demo", "--port", "0") if command == "demo" else ("journal", "info")
    done = shell(*words, "--journal", str(path))

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == damaged


def test_a_journal_of_a_newer_version(shell: Shell, tmp_path: Path) -> None:
    """A journal that a later version wrote is refused and not touched."""
    path = tmp_path / "journal.db"
    open_journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()
    done = shell("demo", "--port", "0", "--journal", str(path))

    assert done.returncode == 2
    assert "upgrade" in done.stderr


def test_a_file_that_is_no_journal(shell: Shell, tmp_path: Path) -> None:
    """Somebody's notes are not taken for a journal and stay what they are."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 100)
    done = shell("demo", "--port", "0", "--journal", str(path))

    assert done.returncode == 2
    assert path.read_text() == "my notes\n" * 100
