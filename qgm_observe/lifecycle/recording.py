"""What handles know of their recorder: clocks, the ring, what is open, labels, devices, prices.

Handles stand above it. What turns them into rows stands above handles, in the recorder itself; what
they ask of it is declared here.
"""

import contextlib
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from qgm_observe.catalog import Signal
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.journal.blobs import Capture, captured
from qgm_observe.lifecycle.devices import NO_DEVICE, Device, describe
from qgm_observe.lifecycle.guard import Guard
from qgm_observe.lifecycle.programs import Programs
from qgm_observe.providers.protocol import Price
from qgm_observe.records import Estimate, Verdict, Work
from qgm_observe.settings import Settings
from qgm_observe.spend.foresight import History
from qgm_observe.spend.guards import BudgetGuard
from qgm_observe.spend.limiter import Limiter
from qgm_observe.telemetry.aggregates import Aggregates

if TYPE_CHECKING:
    from qgm_observe.lifecycle.baselines import Baselines
    from qgm_observe.spend.guards import Ask
    from qgm_observe.spend.pricing import Tariff
    from qgm_observe.telemetry.current import CurrentSpan

_DEVICES_KEPT = 256
_WORKS_KEPT = 1024
_BRIM = 8
"""The part of the ring at which the writer is woken before its time."""

Told = Estimate | Verdict | Callable[[], Estimate | Verdict]
"""A statistic or a verdict, or what the writer makes one by."""


class Pending(NamedTuple):
    """An event that waits to be made, and who waits for it to be on disk."""

    make: Callable[[], Event]
    answer: Future[None] | None = None


class Recording(ABC):
    """What is recorded in this process, as far as handles know of it.

    Args:
        settings: What may be configured.
        now: Monotonic clock, nanoseconds.
        wall: Wall clock, epoch nanoseconds.

    Attributes:
        ring: Handles that have ended, and `Pending` events.
        open: Handles that have begun and not ended.
        announced: Handles whose beginning is written with the next batch.
        renamed: Ids that are open no more, for their handles go on with earlier work's.
        waiting: Remote attempts that may live no longer than their guards let them.
        span: What stands for our work where others trace, if spans are wanted.
    """

    def __init__(self, settings: Settings, now: Callable[[], int], wall: Callable[[], int]) -> None:
        self.settings = settings
        self.now = now
        self.wall = wall
        self.work = Work(
            settings.project, settings.pipeline, settings.model, settings.model_version
        )
        self.guard = Guard(strict=settings.strict)
        self.epoch = 0
        self.sleep: Callable[[float], None] = time.sleep
        self.outer: Any = None
        self._tariff: Tariff | None = None
        self._works: dict[tuple[Any, ...], Work] = {}
        self._devices: dict[int, tuple[Any, Device]] = {}
        self._reset()

    def _reset(self) -> None:
        interval = self.settings.scrape_interval
        self.aggregates = Aggregates("process", interval, self.seconds)
        self.ring: deque[Any] = deque()
        self.open: set[Any] = set()
        self.announced: deque[Any] = deque()
        self.renamed: deque[str] = deque()
        self.skews: dict[str, float] = {}
        self.benefits: dict[tuple[str, str, str], deque[float]] = {}
        self.counted: deque[tuple[Signal, float, tuple[str, ...]]] = deque()
        self.history = History()
        self.limiters: dict[str, Limiter] = {}
        self.waiting: set[Any] = set()
        self.budget: BudgetGuard | None = None
        self.programs = Programs()
        self.span: CurrentSpan | None = None
        self.dropped = 0
        self.gaps = 0
        self.closed = False
        self.started = self.settings.disabled
        self.room = 0 if self.settings.disabled else self.settings.ring
        self.brim = self.room // _BRIM

    # --------------------------------------------------------------- what the recorder does

    @abstractmethod
    def start(self) -> None:
        """Start the writer if it does not run."""

    @abstractmethod
    def hurry(self) -> None:
        """Have the ring drained before its time."""

    @abstractmethod
    def surplus(self, handle: Any) -> None:
        """Take one for which the ring has no room; after the close there is no ring any more."""

    @abstractmethod
    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was recorded so far is in the journal; false if time ran out."""

    @abstractmethod
    def commit(self, attempt: Any, verb: str) -> None:
        """Wait, within a bound, until the verb of a remote attempt is on disk."""

    @abstractmethod
    async def commit_later(self, attempt: Any, verb: str) -> None:
        """Do as `commit` does, without holding up the event loop."""

    @abstractmethod
    def say(self, handle: Any, told: Told, facts: Mapping[str, Any] | None = None) -> None:
        """Record a statistic or a verdict about a handle, with further facts of the event."""

    @abstractmethod
    def expect(
        self, attempt: Any, verb: str, ask: "Ask", seconds: float, told: dict[str, Any]
    ) -> None:
        """Record what an attempt may cost, or that a guard kept it.

        Args:
            attempt: What is submitted, or not.
            verb: `estimated` or `guarded`.
            ask: What it asks for.
            seconds: Device time that is foreseen.
            told: Further facts of the event.
        """

    @abstractmethod
    def left_idle(self, session: Any, seconds: float) -> None:
        """Record the idle time of a session from its last job to its end."""

    # ------------------------------------------------------------------------- what is here

    def seconds(self) -> float:
        """Return the wall clock, epoch seconds."""
        return self.wall() / 1e9

    def epoch_seconds(self, stamp: int) -> float:
        """Return a stamp of the monotonic clock as epoch seconds."""
        return (self.wall() - self.now() + stamp) / 1e9

    @property
    def keeps_provenance(self) -> bool:
        """Whether the settings' capture level has any of it."""
        return captured(self.settings.capture, "provenance") is not Capture.NOTHING

    def later(self, make: Callable[[], Event]) -> None:
        """Record an event that the writer makes."""
        if len(self.ring) < self.room:
            self.ring.append(Pending(make))
            self.start()
        else:
            self.dropped += 1

    def count(self, signal: Signal, number: float, *labels: str) -> None:
        """Count, or observe for a histogram, what no record tells, from any thread."""
        if self.room == 0 or not number:
            return
        if len(self.counted) < self.room:
            self.counted.append((signal, number, labels))
        else:
            self.dropped += 1

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

    def price(self, provider: str, device: str) -> Price | None:
        """Return the price of a device, `None` where none is known or none can be read."""
        with contextlib.suppress(UsageError):
            return self.tariff().price(provider, device)
        return None

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
