"""Ship what a journal holds to a central exporter, once or as a sidecar."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from qgm_observe.cli import login
from qgm_observe.errors import Error
from qgm_observe.journal import open_journal
from qgm_observe.settings import load_settings
from qgm_observe.telemetry.shipping import Shipper, receiver_of

FINAL_HEARTBEAT = 5.0
"""At the end of a sidecar its pod's work has ended: silence for so many seconds means lost."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("journal", nargs="?", type=Path, metavar="PATH", help="default: your own")
    parser.add_argument("--to", metavar="URL", help="the exporter (or QGM_OBSERVE_SHIP_TO)")
    login.configure(parser)
    parser.add_argument("--follow", action="store_true", help="go on until SIGTERM, as a sidecar")
    parser.add_argument("--blobs", action="store_true", help="circuits and parameters go along")
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="at the end")


def main(args: argparse.Namespace) -> int:
    """Ship; 1 if something is left in the journal."""
    given = {"ship_to": args.to, "ship_blobs": args.blobs or None}
    given = {name: value for name, value in given.items() if value is not None}
    settings = load_settings(**given, **login.given(args))
    path = args.journal or settings.journal_path
    if not args.follow:
        open_journal(path, read_only=True).close()  # a mistyped path creates nothing
    receiver = receiver_of(settings)
    shipper = Shipper(path, receiver, settings.ship_interval, blobs=settings.ship_blobs)
    whole = _follow(shipper, path, args.timeout) if args.follow else shipper.finish(args.timeout)
    sys.stderr.write(_told(shipper, whole=whole))
    return 0 if whole else 1


def _follow(shipper: Shipper, path: Path, timeout: float) -> bool:
    """Ship until a signal, then once more, with what is lost by then."""
    ended = threading.Event()

    def end(*_: Any) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not path.exists() and not ended.wait(0.2):
        pass
    if not path.exists():
        return True
    shipper.start()
    ended.wait()
    deadline = time.monotonic() + timeout
    _reap(path)
    return shipper.stop(max(0.0, deadline - time.monotonic()))


def _reap(path: Path) -> None:
    try:
        with open_journal(path) as journal:
            journal.reap(time.time(), heartbeat_timeout=FINAL_HEARTBEAT)
    except (Error, OSError) as error:
        sys.stderr.write(f"qgm-observe: {error}\n")


def _told(shipper: Shipper, *, whole: bool) -> str:
    rest = "nothing is left" if whole else f"the rest waits in the journal: {shipper.trouble}"
    return f"{shipper.shipped:,} events shipped, {rest}\n"
