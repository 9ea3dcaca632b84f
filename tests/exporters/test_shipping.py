"""Tests of shipping: what is acknowledged is stored, what is not is sent again and counted once."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qgm_observe.cli import main
from qgm_observe.errors import UsageError
from qgm_observe.journal import Blob, open_journal
from qgm_observe.settings import Settings
from qgm_observe.telemetry.shipping import Shipper, receiver_of

from .central import Central
from .journals import (
    fill,
    finished,
    jobs_on,
    opened,
    samples,
)

TOKEN = "canary-0123456789-token"


def stored(central: Central) -> list[str]:
    with open_journal(central.journal, read_only=True) as journal:
        return [event.id for event in journal.events()]


def test_all_that_a_journal_holds_arrives(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """Every event arrives with its id, subject, own time and body, and is counted."""
    local = fill(tmp_path / "a.db", opened("run", "r1"), finished(run="r1"), finished("run"))

    shipper = ship(tmp_path / "a.db")

    assert shipper.shipped == 3
    with open_journal(central.journal, read_only=True) as journal:
        told = [(e.id, e.verb, e.subject, e.run, e.at, e.body) for e in journal.events()]
    assert told == [(e.id, e.verb, e.subject, e.run, e.at, e.body) for e in local.events()]
    assert jobs_on(central.look()) == 1


@pytest.mark.parametrize("trouble", ["cut", "forget", "500", "503", "429", "401"])
def test_a_bad_network_loses_nothing_and_counts_nothing_twice(
    trouble: str, central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """What was not acknowledged stays in the journal and is sent again, stored once."""
    fill(tmp_path / "a.db", *[finished() for _ in range(2500)])
    central.behaviors = ["take", trouble]

    first = ship(tmp_path / "a.db")
    second = ship(tmp_path / "a.db")

    assert first.shipped == 1000
    assert first.trouble
    assert second.shipped == 1500
    assert not second.trouble
    assert len(stored(central)) == len(set(stored(central))) == 2500
    assert jobs_on(central.look()) == 2500


def test_files_of_lines_are_shipped_once(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """In the JSONL form too, what was acknowledged to one process no later one sends again."""
    lines = fill(tmp_path / "lines", form="jsonl")
    for _ in range(5):
        lines.append([finished() for _ in range(500)])
    central.behaviors = ["take", "500"]

    shipped = [ship(tmp_path / "lines").shipped for _ in range(3)]

    assert shipped == [1000, 1500, 0]
    assert len(stored(central)) == 2500


def test_contents_go_along_when_asked(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """A circuit that the journal keeps stays at home, unless contents are to be shipped."""
    blob = Blob("circuits", b"QPY" * 1000)
    event = finished(blobs={"circuits": [blob.hash]})
    local = fill(tmp_path / "a.db")
    local.append([event], blobs=[blob])
    ship(tmp_path / "a.db")
    other = fill(tmp_path / "b.db")
    second = Blob("circuits", b"another" * 1000)
    other.append([finished(blobs={"circuits": [second.hash]})], blobs=[second])
    ship(tmp_path / "b.db", ship_blobs=True)

    with open_journal(central.journal, read_only=True) as journal:
        assert journal.blob(blob.hash) is None
        assert journal.blob(second.hash) == second.data


def test_a_shipment_that_is_too_large_goes_in_parts(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """A receiver that takes less at once gets halves."""
    fill(tmp_path / "a.db", *[finished() for _ in range(8)])
    central.behaviors = ["413", "take", "413"]

    assert ship(tmp_path / "a.db").shipped == 8
    assert len(stored(central)) == 8


def test_a_journal_that_is_followed_anyhow_is_not_stored_again(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """A journal that the receiver reads itself counts once, though it is shipped as well."""
    fill(tmp_path / "a.db", finished())
    central.exporter._paths = (str(tmp_path / "a.db"),)
    central.look()
    ship(tmp_path / "a.db")

    assert jobs_on(central.look()) == 1


def test_the_login_is_sent_and_told_nowhere(
    central: Central,
    ship: Callable[..., Shipper],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The token's file is read anew for each request; neither log nor settings show the token."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    fill(tmp_path / "a.db", finished())
    central.behaviors = ["401"]
    settings = Settings(ship_to=central.url, ship_token=TOKEN)
    ship(tmp_path / "a.db", ship_token_file=tmp_path / "token")

    assert central.logins[0] is not None
    assert central.logins[0].startswith("Basic ")
    assert TOKEN not in repr(settings) + caplog.text
    assert "the login is refused" in caplog.text


@pytest.mark.parametrize(
    "url", ["", "host:9464", "ftp://host", "https://user:secret-word@host", "http://host:99999"]
)
def test_a_bad_address_gets_one_line(url: str) -> None:
    """An address that cannot be shipped to is refused, and what may be a password is not shown."""
    with pytest.raises(UsageError, match="write http:// or https://HOST:PORT") as caught:
        receiver_of(Settings(ship_to=url))
    assert "secret-word" not in str(caught.value)


def test_the_command_ships_and_tells_what_is_left(
    central: Central, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ship` exits with 0 when all has arrived and with 1 when some waits in the journal."""
    fill(tmp_path / "a.db", finished(), finished())
    central.behaviors = ["503"]

    failed = main(["ship", str(tmp_path / "a.db"), "--to", central.url])
    told = capsys.readouterr().err
    done = main(["ship", str(tmp_path / "a.db"), "--to", central.url])

    assert (failed, done) == (1, 0)
    assert told.startswith("0 events shipped, the rest waits in the journal: status 503")
    assert capsys.readouterr().err == "2 events shipped, nothing is left\n"


def test_one_process_ships_a_journal(central: Central, tmp_path: Path) -> None:
    """While one ships, another leaves it to that one and says so."""
    fill(tmp_path / "a.db", finished())
    receiver = receiver_of(Settings(ship_to=central.url))
    with open_journal(tmp_path / "a.db") as journal:
        journal.lease(receiver.name, 9e9, 60.0)
        shipper = Shipper(tmp_path / "a.db", receiver, 5.0)
        whole = shipper.finish(5)

    assert not whole
    assert shipper.trouble == "another process ships it just now"


def test_the_command_creates_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped path is told, and is still no journal afterwards."""
    assert main(["ship", str(tmp_path / "no.db"), "--to", "http://127.0.0.1:9"]) == 2
    assert "no journal at" in capsys.readouterr().err
    assert not (tmp_path / "no.db").exists()


TRAIN = """
import sys, time
import qgm_observe as qgm
for _ in range(3):
    with qgm.run(model="qcbm"), qgm.job(shots=100):
        pass
if "wait" in sys.argv:
    with qgm.run(model="qcbm"):
        print("open", flush=True)
        time.sleep(60)
print(time.monotonic(), flush=True)
"""


def train(path: Path, url: str, *words: str) -> "subprocess.Popen[str]":
    variables = {"QGM_OBSERVE_JOURNAL": str(path), "QGM_OBSERVE_SHIP_TO": url}
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, *words],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_short_process_ships_at_its_exit(central: Central, tmp_path: Path) -> None:
    """A process of a second leaves nothing behind in its volume that is not at the receiver."""
    ended = train(tmp_path / "a.db", central.url)
    ended.communicate(timeout=60)

    with open_journal(tmp_path / "a.db", read_only=True) as journal:
        assert {event.id for event in journal.events()} == set(stored(central))
    assert jobs_on(central.look()) == 3


def test_the_exit_is_bounded_and_the_rest_is_shipped_later(
    central: Central, ship: Callable[..., Shipper], tmp_path: Path
) -> None:
    """A receiver that never answers costs three seconds at most; the journal keeps everything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = train(tmp_path / "a.db", url)
        out, _ = process.communicate(timeout=60)
        seconds = time.monotonic() - float(out)
    ship(tmp_path / "a.db")

    assert process.returncode == 0
    assert seconds < 4.5
    assert jobs_on(central.look()) == 3


@pytest.mark.slow
def test_a_sidecar_gives_the_live_view_and_the_end_of_a_killed_process(
    central: Central, tmp_path: Path
) -> None:
    """`ship --follow` mirrors what is open; at SIGTERM it tells that a killed process is lost."""
    path = tmp_path / "a.db"
    command = Path(sys.executable).with_name("qgm-observe")
    variables = {"QGM_OBSERVE_SHIP_INTERVAL": "0.1"}
    sidecar = subprocess.Popen(
        [command, "ship", path, "--to", central.url, "--follow"],
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    process = train(path, "", "wait")
    assert process.stdout is not None
    process.stdout.readline()
    deadline = time.monotonic() + 30
    central.clock.now = time.time()
    in_flight: list[float] = []
    while in_flight != [1] and time.monotonic() < deadline:
        central.exporter.tick()
        in_flight = [v for _, v in samples(central.exporter, "qgm_runs_in_flight")]
        threading.Event().wait(0.1)
    process.kill()
    process.communicate()
    sidecar.terminate()
    _, told = sidecar.communicate(timeout=60)

    ended = [label for label, v in samples(central.look(), "qgm_runs_total") if v]
    assert in_flight == [1]
    assert sidecar.returncode == 0
    assert "nothing is left" in told
    assert {'outcome="lost"' in label for label in ended} == {True, False}
