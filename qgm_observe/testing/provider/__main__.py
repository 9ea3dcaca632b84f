"""A provider for other processes: `python -m qgm_observe.testing.provider --devices fake_fez`.

Prints the variables with which `QiskitRuntimeService()` of another process comes here, then serves
until it is interrupted or terminated.
"""

import argparse
import signal
import sys
import threading

from qgm_observe.errors import Error
from qgm_observe.testing.provider.clock import VirtualClock
from qgm_observe.testing.provider.ibm import SECONDS_PER_REQUEST, IBMProvider


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m qgm_observe.testing.provider",
        description="Serve IBM's REST interface on 127.0.0.1, with devices from snapshots.",
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument(
        "--devices", nargs="+", default=["fake_fez"], metavar="NAME", help="as fake_fez"
    )
    parser.add_argument("--seed", type=int, default=0, help="of results, ids and faults")
    parser.add_argument("--queue", type=int, default=0, help="jobs of others on each device")
    parser.add_argument(
        "--seconds-per-request",
        type=float,
        default=SECONDS_PER_REQUEST,
        help="virtual seconds that pass with each request (default: %(default)s)",
    )
    parser.add_argument(
        "--speed", type=float, default=0.0, help="virtual seconds that pass with each real one"
    )
    return parser.parse_args()


def main() -> int:
    """Serve until told to stop; return the exit code."""
    arguments = _arguments()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        clock = VirtualClock(per_request=arguments.seconds_per_request, speed=arguments.speed)
        provider = IBMProvider(
            arguments.devices, clock=clock, seed=arguments.seed, port=arguments.port
        )
    except Error as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with provider:
        for device in provider.devices.values():
            device.queue = arguments.queue
        for name, value in provider.env.items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
