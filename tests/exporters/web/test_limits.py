"""Limits: tokens over time, and clients that are closed for what the kernel knows of them."""

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.exporters.web.limits import (
    LONGEST_SECONDS,
    SILENT_SECONDS,
    TokenBucket,
    Traffic,
    aside,
    close_clients,
    dawdles,
)
from qgm_observe.journal import open_journal


@given(
    burst=st.integers(1, 20),
    steps=st.lists(st.integers(0, 50), min_size=1, max_size=100),
)
def test_no_window_sees_more_than_the_burst_and_the_rate(burst, steps):
    """Whenever requests come, at most the burst and one an interval are let through."""
    now = [0.0]
    bucket = TokenBucket(1.0, burst, lambda: now[0])
    passed = 0
    for step in steps:
        now[0] += step / 8
        passed += bucket.take()
        assert passed <= burst + now[0]


def test_a_bucket_fills_up_again():
    """After the burst one more is let through for each interval."""
    now = [0.0]
    bucket = TokenBucket(2.0, 2, lambda: now[0])

    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] = 2.0
    assert [bucket.take() for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("traffic", "closed"),
    [
        (Traffic(SILENT_SECONDS + 0.1, began=False), True),
        (Traffic(SILENT_SECONDS - 0.1, began=False), False),
        (Traffic(SILENT_SECONDS + 0.1, began=True), False),
        (Traffic(LONGEST_SECONDS + 0.1, began=True), True),
    ],
)
def test_who_dawdles(traffic, closed):
    """Who never said a word has seconds, who once did has a minute."""
    assert dawdles(traffic) is closed


@pytest.fixture
def pair():
    """A listening socket, a client and the server's side of it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
    ):
        server, _ = listening.accept()
        with server:
            yield listening, client, server


def test_only_chosen_clients_of_the_port_are_closed(pair):
    """A chosen client reads the end; the listening socket and the client's own are left alone."""
    listening, client, _ = pair
    port = listening.getsockname()[1]

    assert close_clients(port, chosen=lambda _: False) == 0
    assert close_clients(port + 1, chosen=lambda _: True) == 0
    assert close_clients(port, chosen=lambda _: True) == 1
    assert client.recv(1) == b""


def test_the_kernel_tells_who_began(pair):
    """A client that has sent a byte is known to have begun."""
    listening, client, server = pair
    port, seen = listening.getsockname()[1], []

    close_clients(port, chosen=lambda traffic: bool(seen.append(traffic)))
    client.sendall(b"x")
    server.recv(1)
    close_clients(port, chosen=lambda traffic: bool(seen.append(traffic)))

    assert [traffic.began for traffic in seen] == [False, True]
    assert all(0 <= traffic.silent < 5 for traffic in seen)


def test_looking_leaves_no_file_open(pair):
    """A look at every file of the process opens none for longer."""
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(20):
        close_clients(pair[0].getsockname()[1])

    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_looking_lets_go_of_no_lock(pair, tmp_path):
    """A journal that is open here keeps its log when the last writer elsewhere ends."""
    path = tmp_path / "journal.db"
    write = (
        "import sys; from qgm_observe.journal import Event, open_journal\n"
        "with open_journal(sys.argv[1]) as journal:\n"
        "    facts = {'verb': 'noted', 'noun': 'process', 'at': 1.0, 'body': {}}\n"
        "    journal.append([Event(id=sys.argv[2], subject='here', **facts)])"
    )

    with open_journal(path) as journal:
        assert list(journal.events()) == []
        log = Path(f"{path}-wal").stat().st_ino
        close_clients(pair[0].getsockname()[1])
        for name in ("first", "second"):
            subprocess.run([sys.executable, "-c", write, path, name], check=True, timeout=60)

        assert Path(f"{path}-wal").stat().st_ino == log
        assert [each.id for each in journal.events()] == ["first", "second"]


def test_without_proc_nobody_is_closed(tmp_path):
    """Where the kernel tells nothing, nothing is done."""
    assert close_clients(1, folder=tmp_path / "absent") == 0


def test_aside_gives_results_and_errors():
    """What a call aside returns or raises comes back to who awaits it, from another thread."""

    async def main():
        thread = await aside(threading.current_thread)
        with pytest.raises(ZeroDivisionError):
            await aside(lambda: 1 // 0)
        return thread

    thread = asyncio.run(main())

    assert thread is not threading.main_thread()
    assert thread.daemon
