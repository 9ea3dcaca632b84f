"""The process's recorder: from what handles leave in its ring to the journal, and out."""

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import events, spending
from qgm_observe.lifecycle.handle import Handle
from qgm_observe.lifecycle.job_facts import AttemptHandle
from qgm_observe.lifecycle.recording import Pending, Recording, Told
from qgm_observe.lifecycle.run import RunHandle, SessionHandle
from qgm_observe.lifecycle.writer import Writer
from qgm_observe.settings import Settings, load_settings

if TYPE_CHECKING:
    from qgm_observe.lifecycle.tracing import Tracing
    from qgm_observe.spend.guards import Ask
    from qgm_observe.telemetry.shipping import Shipper


class Recorder(Recording):
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
        super().__init__(settings, now, wall)
        self.provider = provider
        if settings.parent is not None:
            self.outer = RunHandle(self, None, None, run_id=settings.parent)

    def _reset(self) -> None:
        super()._reset()
        self.tracing: Tracing | None = None
        self.shipper: Shipper | None = None
        self.writer = Writer(self)

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

    def say(self, handle: Handle, told: Told, facts: Mapping[str, Any] | None = None) -> None:
        """Record a statistic or a verdict about a handle, with further facts of the event.

        Args:
            handle: What it is about.
            told: It, or what the writer makes it by.
            facts: For the event.
        """
        self.later(partial(events.said, handle, told, self.seconds(), facts))

    def expect(
        self,
        attempt: AttemptHandle,
        verb: str,
        ask: "Ask",
        seconds: float,
        told: dict[str, Any],
    ) -> None:
        """Record what an attempt may cost, or that a guard kept it; see `Recording.expect`."""
        of = partial(events.expected, verb, attempt, self.seconds(), ask)
        self.later(partial(of, seconds=seconds, told=told))

    def left_idle(self, session: SessionHandle, seconds: float) -> None:
        """Record the idle time of a session from its last job to its end."""
        self.later(partial(events.left_idle, session, self.seconds(), seconds))

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

            self.tracing = self.writer.tracing = Tracing(self, self.provider)
            self.span = self.tracing.span
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
