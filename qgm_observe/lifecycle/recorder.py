"""The process's recorder: a bounded ring that the training appends to, and what is open."""

import atexit
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qgm_observe.catalog import Signal
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import events, spending
from qgm_observe.lifecycle.devices import NO_DEVICE, Device, describe
from qgm_observe.lifecycle.guard import Guard
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.job import AttemptHandle
from qgm_observe.lifecycle.provenance import Provenance
from qgm_observe.lifecycle.run import RunHandle
from qgm_observe.lifecycle.writer import Pending, Writer
from qgm_observe.records import Estimate, Verdict, Work
from qgm_observe.settings import Settings, load_settings
from qgm_observe.spend.foresight import History
from qgm_observe.spend.guards import BudgetGuard
from qgm_observe.spend.limiter import Limiter
from qgm_observe.telemetry.aggregates import Aggregates

if TYPE_CHECKING:
    from qgm_observe.lifecycle.baselines import Baselines
    from qgm_observe.lifecycle.tracing import Tracing
    from qgm_observe.spend.pricing import Tariff
    from qgm_observe.telemetry.shipping import Shipper

_DEVICES_KEPT = 256
_WORKS_KEPT = 1024
_BRIM = 8
"""The part of the ring at which the writer is woken before its time."""


class Recorder:
    """Takes handles from any thread without waiting; its writer does the rest.

    Args:
        settings: What may be configured.
        now: Monotonic clock, nanoseconds.
        wall: Wall clock, epoch nanoseconds.
        provider: The user's own OpenTelemetry `TracerProvider`, to whose processors spans go.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], int] = time.perf_counter_ns,
        wall: Callable[[], int] = time.time_ns,
        provider: Any = None,
    ) -> None:
        self.settings = settings
        self.now = now
        self.wall = wall
        self.work = Work(
            settings.project, settings.pipeline, settings.model, settings.model_version
        )
        self.guard = Guard(strict=settings.strict)
        self.provider = provider
        self.epoch = 0
        self.sleep: Callable[[float], None] = time.sleep
        self._tariff: Tariff | None = None
        self._works: dict[tuple[Any, ...], Work] = {}
        self._devices: dict[int, tuple[Any, Device]] = {}
        self._reset()
        self.outer: Handle | None = None
        if settings.parent is not None:
            self.outer = RunHandle(self, None, None, run_id=settings.parent)

    def _reset(self) -> None:
        interval = self.settings.scrape_interval
        self.aggregates = Aggregates("process", interval, self.seconds)
        self.ring: deque[Handle | Pending] = deque()
        self.open: set[Handle] = set()
        self.skews: dict[str, float] = {}
        self.benefits: dict[tuple[str, str, str], deque[float]] = {}
        self.counted: deque[tuple[Signal, float, tuple[str, ...]]] = deque()
        self.history = History()
        self.limiters: dict[str, Limiter] = {}
        self.waiting: set[AttemptHandle] = set()
        self.budget: BudgetGuard | None = None
        self.tracing: Tracing | None = None
        self.shipper: Shipper | None = None
        self.dropped = 0
        self.gaps = 0
        self.closed = False
        self.provenance = Provenance(self)
        self.writer = Writer(self)
        self.started = self.settings.disabled
        self.room = 0 if self.settings.disabled else self.settings.ring
        self.brim = self.room // _BRIM

    def seconds(self) -> float:
        """Return the wall clock, epoch seconds."""
        return self.wall() / 1e9

    def epoch_seconds(self, stamp: int) -> float:
        """Return a stamp of the monotonic clock as epoch seconds."""
        return (self.wall() - self.now() + stamp) / 1e9

    def commit(self, attempt: AttemptHandle, verb: str) -> None:
        """Wait, within a bound, until the verb of a remote attempt is on disk."""
        with self.guard("intent"):
            try:
                self._ask(attempt, verb).result(self.settings.intent_timeout)
            except TimeoutError:
                self.gaps += 1
        self._estimate(attempt, verb)

    async def commit_later(self, attempt: AttemptHandle, verb: str) -> None:
        """Do as `commit` does, without holding up the event loop."""
        import asyncio

        with self.guard("intent"):
            answer = asyncio.wrap_future(self._ask(attempt, verb))
            try:
                await asyncio.wait_for(answer, self.settings.intent_timeout)
            except TimeoutError:
                self.gaps += 1
        self._estimate(attempt, verb)

    def _estimate(self, attempt: AttemptHandle, verb: str) -> None:
        """Nobody waits for an estimate, so it comes last."""
        if verb == "submitted":
            with self.guard("estimate"):
                spending.estimate(attempt)

    def say(
        self, handle: Handle, told: Estimate | Verdict, facts: Mapping[str, Any] | None = None
    ) -> None:
        """Record a statistic or a verdict about a handle, with further facts of the event."""
        self.later(partial(events.said, handle, told, self.seconds(), facts))

    def later(self, make: Callable[[], Event]) -> None:
        """Record an event that the writer makes."""
        if len(self.ring) < self.room:
            self.ring.append(Pending(make))
            self.start()
        else:
            self.dropped += 1

    def _ask(self, attempt: AttemptHandle, verb: str) -> Future[None]:
        answer: Future[None] = Future()
        if self.settings.disabled:
            answer.set_result(None)
            return answer
        make = partial(events.attempted, verb, attempt, self.seconds())
        self.ring.append(Pending(make, answer))
        self.writer.wake()
        return answer

    def start(self) -> None:
        """Start the writer if it does not run."""
        with self.guard("start"), _lock:
            if not self.started and "multiprocessing.util" in sys.modules:
                # a child of multiprocessing leaves without calling exit handlers
                sys.modules["multiprocessing.util"].Finalize(None, self.flush, exitpriority=0)
            if not self.started:
                self._trace()
                self._ship()
            self.writer.start()
            self.started = True

    def hurry(self) -> None:
        """Have the ring drained before its time."""
        with self.guard("start"):
            self.writer.wake()

    def _trace(self) -> None:
        if not self.settings.otlp and self.provider is None:
            return
        with self.guard("otlp"):
            from qgm_observe.lifecycle.tracing import Tracing

            self.tracing = Tracing(self)
            self.tracing.start()

    def _ship(self) -> None:
        if self.settings.ship_to is None:
            return
        with self.guard("ship"):
            from qgm_observe.telemetry.shipping import Shipper, receiver_of

            try:
                receiver = receiver_of(self.settings)
            except UsageError as error:
                self.guard.warn_once("ship", str(error))
                return
            path, interval = self.settings.journal_path, self.settings.ship_interval
            self.shipper = Shipper(path, receiver, interval, blobs=self.settings.ship_blobs)
            self.shipper.start()

    def count(self, signal: Signal, number: float, *labels: str) -> None:
        """Count, or observe for a histogram, what no record tells, from any thread."""
        if self.room == 0 or not number:
            return
        if len(self.counted) < self.room:
            self.counted.append((signal, number, labels))
        else:
            self.dropped += 1

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was recorded so far is in the journal; false if time ran out."""
        if self.settings.disabled:
            return True
        with self.guard("flush"):
            return self.writer.flush(self.settings.exit_timeout if timeout is None else timeout)
        return False

    def close(self) -> None:
        """Flush within the exit bound, stop the writer, deliver what then can be delivered."""
        if self.settings.disabled:
            return
        deadline = time.monotonic() + self.settings.exit_timeout
        self.writer.stop(self.settings.exit_timeout)
        self.closed, self.room = True, 0
        for each in (self.shipper, self.tracing):
            if each is not None:
                each.stop(max(0.0, deadline - time.monotonic()))

    def surplus(self, handle: Handle) -> None:
        """Take one for which the ring has no room; after the close there is no ring any more."""
        if not self.closed:
            self.dropped += 1
        elif not self.settings.disabled:
            self.ring.append(handle)
            self.flush()
            with self.guard("close"):
                self.writer.close()

    def after_fork(self) -> None:
        """Begin anew in a child: the parent's work stays the parent's."""
        self.epoch += 1
        _inherited.append(self.writer)  # its connection must not be closed here
        self._reset()

    def tariff(self) -> "Tariff":
        """Return the prices that the account pays, read when they are first asked for.

        Raises:
            UsageError: they cannot be read, or there is no such plan.
            MissingExtra: what reads them is not installed.
        """
        if self._tariff is None:
            from qgm_observe.spend.pricing import tariff

            self._tariff = tariff(self.settings.plan)
        return self._tariff

    def baselines(self) -> "Baselines":
        """Return the baselines of the journal, none where it cannot be read."""
        from qgm_observe.lifecycle.baselines import Baselines, read

        if not self.settings.disabled and self.settings.journal_path.exists():
            with (
                self.guard("baselines"),
                open_journal(self.settings.journal_path, read_only=True) as journal,
            ):
                return read(journal)
        return Baselines({})

    def work_of(self, base: Work, given: dict[str, Any]) -> Work:
        """Return the work labels of a parent with some changed."""
        changes = {name: _text(value) for name, value in given.items()}
        key = (base, *changes.items())
        found = self._works.get(key)
        if found is None:
            unknown = changes.keys() - set(Work.__dataclass_fields__)
            if unknown:
                known = ", ".join(Work.__dataclass_fields__)
                raise UsageError(f"label {min(unknown)!r}: write one of {known}")
            found = replace(base, **changes)  # type: ignore[arg-type]
            if len(self._works) < _WORKS_KEPT:
                self._works[key] = found
        return found

    def device(self, backend: Any) -> Device:
        """Return the device of a backend, asked once an object."""
        if backend is None:
            return NO_DEVICE
        found = self._devices.get(id(backend))
        if found is not None and found[0]() is backend:
            return found[1]
        device = NO_DEVICE
        with self.guard("device"):
            device = describe(backend)
        if len(self._devices) >= _DEVICES_KEPT:
            self._devices.clear()
        self._devices[id(backend)] = (_reference(backend), device)
        return device


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  what cannot say its name is called by its type's
        return type(value).__name__


def _reference(backend: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(backend)
    except TypeError:
        return lambda: backend


_lock = threading.RLock()
_inherited: list[Writer] = []
_recorder: Recorder | None = None


def recorder() -> Recorder:
    """Return this process's recorder, made from the environment when it is first needed."""
    global _recorder  # noqa: PLW0603  one a process is the point
    if _recorder is None:
        with _lock:
            if _recorder is None:
                _recorder = _from_environment()
    return _recorder


def _from_environment() -> Recorder:
    """A variable that cannot be read costs its setting, not the training."""
    try:
        return Recorder(load_settings())
    except UsageError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  such as a home that nobody knows
        why = f"settings: {type(error).__name__}"
    made = Recorder(Settings())
    made.guard.warn_once("settings", f"{why}; the defaults are used")
    return made


def use(new: Recorder | None) -> Recorder | None:
    """Put another recorder in place and return the one before."""
    global _recorder
    with _lock:
        before, _recorder = _recorder, new
    return before


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  a child begins with a free one
    _lock = threading.RLock()  # another thread of the parent may have held it
    if _recorder is not None:
        _recorder.after_fork()


@atexit.register
def _at_exit() -> None:
    if _recorder is not None:
        _recorder.close()


os.register_at_fork(after_in_child=_after_fork)
