"""Guards: what would go beyond a limit is stopped before it costs anything.

Every submission is booked at its estimate before it is made, and the estimate gives way to what
the provider's clock says once that is known. In session mode what is spent is the time since the
session's first job began, with the classical time between its jobs. Where a price or a time cannot
be told, a guard that needs it stops: it is opted in to, and unknown is not free.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock
from typing import Any, NamedTuple

from qgm_observe.errors import BudgetExceeded
from qgm_observe.providers.cost import Cost, cost
from qgm_observe.providers.protocol import Price
from qgm_observe.spend.foresight import DEFAULT_SHOTS, History
from qgm_observe.spend.limits import Limits

Quote = Callable[[str, str], Price | None]
"""Tells the price of a device, by provider and device."""


class Ask(NamedTuple):
    """What is about to be submitted.

    Attributes:
        is_remote: Whether a provider elsewhere does the work; else nothing is billed.
        shots: Of all circuits together, `None` where unknown.
        session: The handle of the session it is in, where the session is what is billed.
        number: Of the attempt, from 1.
    """

    provider: str
    device: str
    is_remote: bool = True
    shots: int | None = None
    session: Any = None
    number: int = 1


@dataclass(slots=True, eq=False)
class Booking:
    """A submission that was let through, at its estimate until it is known better."""

    ask: Ask
    shots: int
    seconds: float
    amount: Decimal
    is_pending: bool = True


@dataclass(slots=True)
class _Meter:
    """A session's usage as far as it is known; times in s of the guard's clock."""

    session: Any
    price: Price | None
    started: float | None = None
    busy: float = 0.0
    ended: int = 0
    waiting: list[Booking] = field(default_factory=list)

    def pending(self) -> float:
        return sum(each.seconds for each in self.waiting)

    def usage(self, now: float) -> float:
        """Return the usage once everything pending has run."""
        told = getattr(self.session, "usage_seconds", None)
        if told is not None:
            return float(told)
        ended = getattr(self.session, "ended", 0)
        until = ended / 1e9 if ended else now
        return (0.0 if self.started is None else max(until - self.started, 0.0)) + self.pending()

    def idle_share(self, now: float) -> float:
        """Return the idle part so far, were nothing pending."""
        usage = self.usage(now) - self.pending()
        return max(1 - self.busy / usage, 0.0) if usage > 0 else 0.0


class BudgetGuard:
    """Keeps submissions within limits; used from any thread.

    Args:
        limits: See there.
        quote: Tells prices; needed for money alone.
        history: Device times of earlier jobs.
        now: Seconds of the clock that handles are stamped by.
    """

    def __init__(
        self, limits: Limits, quote: Quote, history: History, now: Callable[[], float]
    ) -> None:
        self.limits = limits
        self._quote = quote
        self._history = history
        self._now = now
        self._lock = Lock()
        self._shots = 0
        self._seconds = 0.0
        self._amount = Decimal(0)
        self._meters: list[_Meter] = []

    def admit(self, ask: Ask) -> Booking:
        """Book a submission.

        Raises:
            BudgetExceeded: it would go beyond a limit, or a limit cannot be judged; nothing is
                booked.
        """
        with self._lock:
            booking = self._book(ask)
            try:
                for problem in self._problems(ask):
                    raise BudgetExceeded(f"guard: {problem}; nothing was submitted")
            except BudgetExceeded:
                self._remove(booking)
                raise
            return booking

    def settle(self, booking: Booking, seconds: float | None) -> None:
        """Take note that a submission has ended, and how long the device worked on it."""
        with self._lock:
            if not booking.is_pending:
                return
            booking.is_pending = False
            if seconds is not None:
                self._change(booking, seconds)
            meter = self._meter(booking.ask)
            if meter is not None:
                meter.waiting.remove(booking)
                meter.busy += booking.seconds
                meter.ended += 1
                if meter.started is None:
                    meter.started = self._now() - booking.seconds

    def release(self, booking: Booking) -> None:
        """Take note that a submission was not made after all, and costs nothing."""
        with self._lock:
            if booking.is_pending:
                self._remove(booking)

    def begin_with(self, amount: Decimal, seconds: float, shots: int) -> None:
        """Take note of what was spent before, by an earlier process of the same run."""
        with self._lock:
            self._amount += amount
            self._seconds += seconds
            self._shots += shots

    def spent(self) -> tuple[Decimal, float, int]:
        """Return money, device seconds and shots, what is pending at its estimate."""
        with self._lock:
            return self._total()

    def affordable(self, ask: Ask, jobs: int = 1) -> int:
        """Return how many of the asked shots each of so many further jobs may have, 0 if none."""
        low, high = 0, ask.shots or DEFAULT_SHOTS
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(ask._replace(shots=middle), jobs):
                low = middle
            else:
                high = middle - 1
        return low

    def _fits(self, ask: Ask, jobs: int) -> bool:
        with self._lock:
            booked = [self._book(ask) for _ in range(jobs)]
            try:
                return next(self._problems(ask), None) is None
            finally:
                for booking in booked:
                    self._remove(booking)

    def _book(self, ask: Ask) -> Booking:
        shots = ask.shots or DEFAULT_SHOTS
        seconds, amount = 0.0, Decimal(0)
        if ask.is_remote:
            foreseen = self._history.predict(ask.provider, ask.device, ask.shots)
            seconds = foreseen.high if foreseen.high is not None else foreseen.value or 0.0
            amount = self._cost(ask, shots, seconds)
        booking = Booking(ask, shots, seconds, amount)
        self._shots += shots
        meter = self._meter(ask)
        if meter is not None:
            meter.waiting.append(booking)
        else:
            self._seconds += seconds
            self._amount += amount
        return booking

    def _change(self, booking: Booking, seconds: float) -> None:
        amount = self._cost(booking.ask, booking.shots, seconds)
        if self._meter(booking.ask) is None:
            self._seconds += seconds - booking.seconds
            self._amount += amount - booking.amount
        booking.seconds, booking.amount = seconds, amount

    def _remove(self, booking: Booking) -> None:
        self._shots -= booking.shots
        meter = self._meter(booking.ask)
        if meter is not None:
            meter.waiting.remove(booking)
        else:
            self._seconds -= booking.seconds
            self._amount -= booking.amount
        booking.is_pending = False

    def _meter(self, ask: Ask) -> _Meter | None:
        if ask.session is None or not ask.is_remote:
            return None
        for meter in self._meters:
            if meter.session is ask.session:
                return meter
        meter = _Meter(ask.session, self._quote(ask.provider, ask.device))
        self._meters.append(meter)
        return meter

    def _cost(self, ask: Ask, shots: int, seconds: float) -> Decimal:
        if self.limits.money is None:
            return Decimal(0)
        known = cost(self._quote(ask.provider, ask.device), shots=shots, seconds=seconds)
        return Decimal(0) if known is None else known.amount

    def _total(self) -> tuple[Decimal, float, int]:
        now = self._now()
        used = [(meter.usage(now), meter.price) for meter in self._meters]
        costs = [cost(price, seconds=seconds) for seconds, price in used]
        amount = sum((each.amount for each in costs if each is not None), self._amount)
        return amount, self._seconds + sum(seconds for seconds, _ in used), self._shots

    def _problems(self, ask: Ask) -> Iterator[str]:
        """Yield why what is booked now does not keep to the limits."""
        limits, where = self.limits, ask.device
        amount, seconds, shots = self._total()
        if limits.retries is not None and ask.number > limits.retries + 1:
            yield f"{limits.retries} retries of a job are allowed, and this would be one more"
        if limits.shots is not None and shots > limits.shots:
            yield f"with this job on {where} it would be {shots:,} of {limits.shots:,} shots"
        if not ask.is_remote:
            return
        if limits.seconds is not None and seconds > limits.seconds:
            told = f"{seconds:.1f} of {limits.seconds:.1f} s of device time"
            yield f"with this job on {where} it would be {told}"
        if limits.money is not None:
            yield from self._money_problems(ask, limits.money, amount)
        meter = self._meter(ask)
        if limits.idle_share is not None and meter is not None:
            share = meter.idle_share(self._now())
            if len(meter.waiting) == 1 and meter.ended > 1 and share > limits.idle_share:
                yield (
                    f"the session was idle for {share:.0%} of its time, of "
                    f"{limits.idle_share:.0%} allowed"
                )

    def _money_problems(self, ask: Ask, limit: Cost, amount: Decimal) -> Iterator[str]:
        price = self._quote(ask.provider, ask.device)
        if price is None:
            yield (
                f"what {ask.device} of {ask.provider} costs is not known: tell the account's plan "
                "by QGM_OBSERVE_PLAN, a price by QGM_OBSERVE_PRICES, or limit s or shots instead"
            )
        elif price.currency != limit.currency:
            yield f"{ask.device} is billed in {price.currency}: write the limit in that currency"
        elif amount > limit.amount:
            yield (
                f"with this job on {ask.device} it would be {amount:,.2f} of {limit.amount:,.2f} "
                f"{limit.currency}"
            )
