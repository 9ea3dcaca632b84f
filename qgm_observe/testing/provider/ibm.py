"""IBM's interface on loopback, for the unmodified client."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import Any, Self

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.testing.provider.account import INSTANCE, Account
from qgm_observe.testing.provider.clock import VirtualClock
from qgm_observe.testing.provider.devices import Device
from qgm_observe.testing.provider.faults import Fault, Faults
from qgm_observe.testing.provider.http import Reply, Request, refused
from qgm_observe.testing.provider.jobs import Fate, Job
from qgm_observe.testing.provider.rest import Interface
from qgm_observe.testing.provider.scheduling import Scheduler
from qgm_observe.testing.provider.server import Hung, LoopbackServer
from qgm_observe.testing.provider.sessions import Session

KEY = "a-key-of-the-test-provider"
SECONDS_PER_REQUEST = 5.0
MAX_REQUESTS = 10_000

_environment = threading.RLock()


class Requests:
    """What was asked: the newest requests, and how many there were of each kind."""

    def __init__(self) -> None:
        self._newest: deque[Request] = deque(maxlen=MAX_REQUESTS)
        self._lock = threading.Lock()

    def add(self, request: Request) -> None:
        """Note a request, without its body and its secrets."""
        with self._lock:
            self._newest.append(replace(request, body=b"", authorization="", instance=""))

    def __iter__(self) -> Iterator[Request]:
        with self._lock:
            return iter(list(self._newest))

    def __len__(self) -> int:
        return len(self._newest)

    def count(self, method: str = "*", path: str = "**") -> int:
        """Return how many there are of a method and path, written as in `Fault`."""
        kind = Fault(method=method, path=path)
        return sum(1 for request in self if kind.fits(request))

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._newest.clear()


class IBMProvider:
    """A provider that speaks IBM's REST interface on 127.0.0.1.

    Args:
        devices: Names of snapshots, as `fake_fez`; the interface calls them as the snapshot does,
            for instance `ibm_fez`.
        clock: Time of the provider. By default each request lets 5 s pass, so that a script which
            waits for a result comes to an end.
        seed: Of the results, the ids and the faults' dice.
        noise: Whether gates and readout err as the calibration says that is in force when a job
            starts; else the results are ideal.
        key: The API key that the provider knows.
        instance: The CRN of the account's instance.
        port: 0 for a free one.

    Raises:
        UsageError: If there is no such device or the port is taken.
        MissingExtra: If the client's package is not installed.
    """

    def __init__(
        self,
        devices: Sequence[str] = ("fake_fez",),
        *,
        clock: VirtualClock | None = None,
        seed: int = 0,
        noise: bool = False,
        key: str = KEY,
        instance: str = INSTANCE,
        port: int = 0,
    ) -> None:
        if not devices:
            raise UsageError("a provider needs a device: name at least one, as fake_fez")
        self.clock = clock or VirtualClock(per_request=SECONDS_PER_REQUEST)
        self.seed = seed
        self.noise = noise
        self.account = Account(key, instance=instance)
        made = [Device(name) for name in devices]
        self.devices: Mapping[str, Device] = {device.name: device for device in made}
        self.scheduler = Scheduler(self.clock, self.account, made, self._execute, seed=seed)
        self.faults = Faults(seed)
        self.requests = Requests()
        self._interface = Interface(self.clock, self.account, self.devices, self.scheduler)
        self._server = LoopbackServer(self._answer, port)
        self._is_closed = False
        self._broken: Exception | None = None

    # ----------------------------------------------------------------------------- state

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs, oldest first, by id."""
        return self.scheduler.jobs

    @property
    def sessions(self) -> Mapping[str, Session]:
        """The sessions and batches, by id."""
        return self.scheduler.sessions

    def job_of(self, request: Request) -> Job | None:
        """Return the job that a request asks about, for the condition of a fault."""
        return self.jobs.get(_named(request, "jobs"))

    def session_of(self, request: Request) -> Session | None:
        """Return the session that a request asks about or submits a job to."""
        if (request.method, request.path) == ("POST", "/jobs"):
            return self.sessions.get(str(request.json.get("session_id")))
        return self.sessions.get(_named(request, "sessions"))

    def fail_jobs(self, **fields: Any) -> Fate:
        """Let the next jobs end otherwise; `fields` are those of `Fate`."""
        fate = Fate(**fields)
        self.scheduler.fates.append(fate)
        return fate

    # ---------------------------------------------------------------------------- client

    @property
    def env(self) -> dict[str, str]:
        """Variables with which `QiskitRuntimeService()` of another process comes here."""
        return {
            "IAM_URL": self.url,
            "GLOBAL_SEARCH_URL": self.url,
            "GLOBAL_CATALOG_URL": f"{self.url}/api/v1",
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "QISKIT_IBM_TOKEN": self.account.key,
            "QISKIT_IBM_URL": f"{self.url}/experimental",
            "QISKIT_IBM_INSTANCE": self.account.instance,
        }

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """Set the variables of `env` within, and put back what was there."""
        with _environment:
            before = {name: os.environ.get(name) for name in self.env}
            os.environ.update(self.env)
            try:
                yield
            finally:
                for name, value in before.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value

    def service(self) -> Any:
        """Return an unmodified `QiskitRuntimeService` that talks to this provider.

        Raises:
            MissingExtra: If the client's package is not installed.
        """
        try:
            from qiskit_ibm_runtime import QiskitRuntimeService
        except ImportError as error:
            raise MissingExtra("the client of IBM", "testing") from error
        with self.environment():
            return QiskitRuntimeService(
                channel="ibm_quantum_platform",
                token=self.account.key,
                url=self.url,
                instance=self.account.instance,
                url_resolver=lambda *_: f"{self.url}/api/v1",
            )

    # ---------------------------------------------------------------------------- server

    def _answer(self, request: Request, is_gone: Hung) -> Reply | None:
        try:
            return self._answer_or_raise(request, is_gone)
        except Exception as error:  # noqa: BLE001  # a condition of a test can raise anything
            self._broken = self._broken or error
            return refused(500, 500, f"The test provider broke: {error!r}")

    def _answer_or_raise(self, request: Request, is_gone: Hung) -> Reply | None:
        self.clock.tick()
        request = replace(request, at=self.clock.now)
        self.requests.add(request)
        fault = self.faults.match(request)
        if fault is None:
            return self._interface.answer(request)
        if fault.after:
            self._interface.answer(request)
        if fault.hang:
            self.faults.hang(is_gone)
        return fault.reply() if fault.status is not None else None

    def _execute(self, job: Job) -> str:
        return _simulating(os.getpid()).submit(self._simulated, job).result()

    def _simulated(self, job: Job) -> str:
        from qgm_observe.testing.provider.execution import execute

        calibration = job.device.calibration_of(job.calibration_id or "")
        properties = calibration.properties if self.noise and calibration else None
        seed = (self.seed * 1_000 + job.number) * 1_000  # the pubs of a job count on from here
        return execute(job, seed % 2**32, self.clock.now, properties)

    def close(self) -> None:
        """Free the port, end every connection and thread. May be called again.

        Raises:
            Exception: What a scripted condition or process raised while a request was answered.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self.faults.clear()
        self._server.close()
        if self._broken:
            raise self._broken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@cache
def _simulating(process: int) -> ThreadPoolExecutor:
    """The thread that loads Qiskit, and ends with the process.

    Where the thread that loaded Qiskit 2.6 has ended, as those of connections do, threads after it
    crash in the allocator that Qiskit brings (mimalloc 3).
    """
    return ThreadPoolExecutor(1, f"qgm-provider-{process}")


def _named(request: Request, kind: str) -> str:
    parts = request.path.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == kind else ""  # noqa: PLR2004  # /KIND/ID
