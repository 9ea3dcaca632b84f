"""One account at one provider: what is asked of it, when, and what becomes of the answers."""

import logging
import random
from collections.abc import Iterator
from typing import Any

from qgm_observe.catalog import ErrorClass
from qgm_observe.catalog import labels as by
from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.config import ALL, AccountConfig, ProviderConfig
from qgm_observe.exporters.polling.asker import Clocks
from qgm_observe.exporters.polling.breaker import Breaker, CircuitState
from qgm_observe.exporters.polling.collectors import calibration, fleet, jobs, price, usage
from qgm_observe.exporters.polling.page import HEALTH, Owner, Page, Sample
from qgm_observe.exporters.polling.question import UNSUPPORTED, Answer, Question
from qgm_observe.exporters.polling.schedule import Budget, Timer
from qgm_observe.providers.calibration import content_hash
from qgm_observe.providers.protocol import Calibration
from qgm_observe.telemetry.label_values import sanitized

log = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds beyond its deadline after which a call that has not returned counts as failed."""

RETRY_SECONDS = 900.0
"""A question that is asked less often than this is asked again so soon after a failure."""

_ANSWERED = {ErrorClass.NOT_FOUND, ErrorClass.VALIDATION}
"""Failures that show the provider to be there; they do not open the circuit."""


class Account:
    """Decides what is asked next, one question at a time, and shows what is answered.

    Args:
        config: Of this account.
        whole: The configuration it stands in.
        page: Where samples go.
        clocks: Tell the time.
        chance: Where jitter comes from.

    Attributes:
        was_asked: Whether its devices were asked for, whatever came of it.
    """

    def __init__(
        self,
        config: AccountConfig,
        whole: ProviderConfig,
        page: Page,
        clocks: Clocks,
        chance: random.Random,
    ) -> None:
        now = clocks.steady()
        self.config, self.whole = config, whole
        self.labels = (config.provider, config.account)
        self.was_asked = False
        self._page, self._clocks, self._chance = page, clocks, chance
        self._breaker, self._budget = Breaker(chance), Budget(config.calls_per_hour, now)
        self._asking: Question | None = None
        self._is_late = False
        self._up: bool | None = None
        self._stamps: dict[str, float | None] = {}
        self._successes: dict[str, float] = {}
        self._questions: dict[tuple[str, str], Question] = {}
        self._unsupported: set[str] = set()
        self._unknown: set[str] = set()
        for collector in ("fleet", "usage", "jobs"):
            self._want(collector, "", now)
        self.show_health()

    # ------------------------------------------------------------------------------- scheduler

    def begin(self, now: float) -> Question | None:
        """Return what the worker has to ask now, if anything may be asked."""
        if self._asking is not None:
            return None
        due = [each for each in self._questions.values() if each.timer.due_at <= now]
        if not due or self._budget.wait(now) > 0 or not self._breaker.allows(now):
            return None
        question = min(due, key=lambda each: each.timer.due_at)
        self._budget.take(now)
        question.timer.next(now, self._chance)
        question.asked_at = now
        self._asking, self._is_late = question, False
        return question

    def wait(self, now: float) -> float:
        """Return the seconds after which `begin` or `check` has something to do."""
        if self._asking is not None:
            limit = self._asking.asked_at + self.config.deadline_seconds + GRACE
            return max(0.0, limit - now) if not self._is_late else GRACE
        due = min(each.timer.due_at for each in self._questions.values())
        held = max(due - now, self._budget.wait(now))
        return max(held, (self._breaker.retry_at or now) - now, 0.0)

    def settle(self, answer: Answer, now: float) -> None:
        """Take an answer; that of a call that was given up is still good news."""
        was_late, self._asking = self._is_late, None
        question = answer.question
        if answer.value is UNSUPPORTED:
            self._unsupported.add(question.collector)
            for each in [*self._questions.values()]:
                if each.collector == question.collector:
                    self._give_up(each)
        elif answer.failure is None:
            self._count(question.collector, "ok", answer.seconds, counted=was_late)
            self._take(question, answer.value, now)
        elif not was_late:
            self._count(question.collector, answer.failure.value, answer.seconds)
            self._fail(question, answer.failure, answer.retry_after, now, answer.error)

    def check(self, now: float) -> None:
        """Give a call up that hangs, and take values away that nobody confirms any more."""
        asking = self._asking
        limit = self.config.deadline_seconds + GRACE
        if asking is not None and not self._is_late and now - asking.asked_at >= limit:
            self._is_late = True
            self._count(asking.collector, ErrorClass.NETWORK.value, now - asking.asked_at)
            self._fail(asking, ErrorClass.NETWORK, None, now)
        for question in self._questions.values():
            confirmed = question.confirmed_at
            if confirmed is not None and now - confirmed > question.max_stale:
                question.confirmed_at = None
                self._page.drop(self._owner(question))

    def show_health(self) -> None:
        """Show how well the account can be asked."""
        self._page.show((self.config.account, HEALTH), self._health())

    def leave(self) -> None:
        """Take everything that it shows away."""
        for owner in self._page.owners():
            if owner[0] == self.config.account:
                self._page.drop(owner)

    # --------------------------------------------------------------------------------- answers

    def _take(self, question: Question, value: Any, now: float) -> None:
        """Show what was answered; what makes no sense is a failure of this question alone."""
        self._heard()
        try:
            self._show(question, value, now)
        except Exception as error:  # noqa: BLE001  a plug-in answers what it likes
            self._disappoint(question, ErrorClass.OTHER, type(error).__name__, now)
            return
        question.worked = True
        question.confirmed_at = now
        self._successes[question.collector] = self._clocks.wall()

    def _show(self, question: Question, value: Any, now: float) -> None:
        if question.collector == "fleet":
            self.was_asked = True
            value = self._learn(value, now)
        if question.collector == "calibration":
            self._calibrated(question, value)
        else:
            self._page.show(self._owner(question), self._samples(question, value))

    def _fail(
        self,
        question: Question,
        failure: ErrorClass,
        told_to_wait: float | None,
        now: float,
        error: str = "no answer",
    ) -> None:
        self._disappoint(question, failure, error, now)
        if failure in _ANSWERED and told_to_wait is None:
            self._heard()
        else:
            self._breaker.failed(now, told_to_wait)
            self._up = False

    def _heard(self) -> None:
        self._breaker.succeeded()
        self._up = True

    def _disappoint(self, question: Question, failure: ErrorClass, error: str, now: float) -> None:
        if question.worked is not False:
            asked = sanitized(f"{question.collector} {question.device}".strip())
            log.warning("%s/%s: %s failed: %s (%s)", *self.labels, asked, failure.value, error)
        question.worked = False
        soon = now + min(question.timer.interval, RETRY_SECONDS)
        question.timer.due_at = min(question.timer.due_at, soon)
        self.was_asked = self.was_asked or question.collector == "fleet"

    def _samples(self, question: Question, value: Any) -> Iterator[Sample]:
        match question.collector:
            case "fleet":
                return fleet.samples(value)
            case "usage":
                return usage.samples(value)
            case "jobs":
                pending, ended = value
                return jobs.samples(self.labels, pending, self._stamps, ended)
            case _:
                return price.samples(value)

    def _learn(self, told: fleet.Fleet, now: float) -> fleet.Fleet:
        """Keep to the devices that are watched, and ask for the calibration of each."""
        watched = [pair for pair in told if self.config.device(pair[0].name)]
        surplus = len(watched) - by.DEVICE.bound
        if surplus > 0:
            self._page.aggregates.add(signals.EXPORTER_DROPPED, ("fleet",), surplus)
            watched = watched[: by.DEVICE.bound]
        self._stamps = {info.name: status.updated_at for info, status in watched}
        for key, question in list(self._questions.items()):
            if key[1] and key[1] not in self._stamps:
                self._give_up(question)
        for name, stamp in self._stamps.items():
            self._want("price", name, now)
            self._want("calibration", name, now)
            self._follow(self._questions.get(("calibration", name)), stamp, now)
        self._complain({each.name for each in self.config.devices} - {ALL, *self._stamps})
        return watched

    def _complain(self, unknown: set[str]) -> None:
        for name in unknown - self._unknown:
            log.warning("%s/%s has no device %s: mend its name", *self.labels, name)
        self._unknown = unknown

    def _follow(self, question: Question | None, stamp: float | None, now: float) -> None:
        """A calibration is asked for when its stamp changed; one that did not still holds."""
        if question is None or stamp is None or question.stamp is None:
            return
        if stamp == question.stamp:
            if question.worked and question.confirmed_at is not None:  # else it is shown no more
                question.confirmed_at = now
                question.timer.next(now, self._chance)
        else:
            question.timer.due_at = max(now, question.asked_at + question.timer.interval)

    def _calibrated(self, question: Question, told: Calibration | None) -> None:
        question.stamp = self._stamps.get(question.device)
        if told is None:
            self._page.show(self._owner(question), ())
            return
        digest = content_hash(told)
        labels = (self.config.provider, question.device)
        changed = question.digest not in ("", digest)
        self._page.aggregates.add(signals.CALIBRATION_CHANGES, labels, int(changed))
        if digest != question.digest or not self._page.has(self._owner(question)):
            self._page.show(self._owner(question), self._closely(told))
        question.digest = digest

    def _closely(self, told: Calibration) -> Iterator[Sample]:
        watched = self.config.device(told.device)
        yield from calibration.aggregates(told, () if watched is None else watched.qubits)
        if watched is None or watched.detail == "aggregates":
            return
        chosen = None if watched.detail == "curated" else watched.qubits
        yield from calibration.qubits(told, chosen)
        yield from calibration.used_edges(told, watched.qubits)

    # ----------------------------------------------------------------------------------- inner

    def _health(self) -> Iterator[Sample]:
        yield Sample(signals.PROVIDER_UP, self.labels, _flag(self._up))
        for state in CircuitState:
            is_now = self._breaker.state is state
            yield Sample(signals.PROVIDER_CIRCUIT, (*self.labels, state.value), float(is_now))
        yield Sample(signals.PROVIDER_RETRY_AT, self.labels, self._retry_at())
        yield Sample(signals.CREDENTIALS_EXPIRE, self.labels, self.config.credentials.expires_at)
        up: dict[str, bool] = {}
        for each in self._questions.values():
            if each.worked is not None:
                up[each.collector] = each.worked and up.get(each.collector, True)
        for collector, worked in up.items():
            yield Sample(signals.COLLECTOR_UP, (*self.labels, collector), float(worked))
        for collector, at in self._successes.items():
            yield Sample(signals.LAST_SUCCESS, (*self.labels, collector), at)

    def _retry_at(self) -> float | None:
        """Return the breaker's instant on the wall clock, steady while it is open."""
        at = self._breaker.retry_at
        return None if at is None else round(self._clocks.wall() + at - self._clocks.steady())

    def _want(self, collector: str, device: str, now: float) -> None:
        key = (collector, device)
        if key not in self._questions and collector not in self._unsupported:
            interval = getattr(self.whole.interval_seconds, collector)
            stale = getattr(self.whole.max_stale_seconds, collector)
            self._questions[key] = Question(collector, device, Timer(interval, now), stale)

    def _give_up(self, question: Question) -> None:
        """Forget a question that nobody answers any more."""
        self._page.drop(self._owner(question))
        self._questions.pop((question.collector, question.device), None)

    def _count(self, collector: str, result: str, seconds: float, *, counted: bool = False) -> None:
        if not counted:
            add, labels = self._page.aggregates.add, (*self.labels, collector)
            add(signals.PROVIDER_REQUESTS, (*labels, result), 1)
            add(signals.PROVIDER_REQUEST_DURATION, labels, seconds)

    def _owner(self, question: Question) -> Owner:
        return (self.config.account, question.collector, question.device)


def _flag(value: bool | None) -> float | None:
    return None if value is None else float(value)
