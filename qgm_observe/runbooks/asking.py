"""Asks exporters, and a Prometheus where there is one, for what triage rests on; all at once.

Whoever does not answer in time is named, and the others' answers are judged without it.
"""

import json
import math
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import BadStatusLine, HTTPException, RemoteDisconnected
from typing import Any

from qgm_observe.catalog import Signal, observe_signals, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.catalog.outcomes import Basis
from qgm_observe.errors import Error, UsageError
from qgm_observe.runbooks.budget import counted_by_roots
from qgm_observe.runbooks.evaluated import evaluated
from qgm_observe.runbooks.roots import Facts
from qgm_observe.runbooks.scope import NO_VALUE
from qgm_observe.runbooks.work_sightings import WATCHDOG
from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Matcher, Selection
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.scraped import statuses
from qgm_observe.slo.status import Status
from qgm_observe.slo.window import HOUR
from qgm_observe.telemetry.conformity import Sample
from qgm_observe.telemetry.shipping import Receiver

SECONDS = 4.0
"""That one answer may take."""

TOGETHER = 8.0
"""Seconds that all answers may take: triage is told within ten."""

MOST = 1_000
"""Entries of one list, the most that an exporter tells."""

LONGEST = 32 * 2**20
LEVELS: tuple[Signal, ...] = (
    provided.PROVIDER_UP,
    provided.PROVIDER_CIRCUIT,
    provided.COLLECTOR_UP,
    provided.LAST_SUCCESS,
    provided.DEVICE_STATE,
    provided.DEVICE_PROCESSING,
    provided.DEVICE_QUEUE,
    provided.DEVICE_WAIT,
    provided.DEVICE_AVAILABLE_AT,
    provided.EDGE_ENABLED,
    provided.ACCOUNT_USED,
    provided.ACCOUNT_LIMIT,
    provided.ACCOUNT_REMAINING,
    provided.ACCOUNT_LIMIT_REACHED,
    provided.ACCOUNT_PERIOD_END,
    provided.ACCOUNT_PENDING,
    provided.ACCOUNT_ABANDONED,
    provided.CREDENTIALS_EXPIRE,
    provided.EXPORTER_FOLLOWED,
    provided.EXPORTER_LAG,
    signals.DEVICE_TIME_NEEDED,
    signals.RUNS_STALLED,
    signals.JOB_OLDEST_WAITING,
    signals.LAYOUT_CALIBRATION_TIME,
    signals.LAYOUT_EDGES_DISABLED,
    signals.QUALITY_VERDICT,
    signals.QUALITY_DRIFT_LEVEL,
    signals.QUALITY_DRIFT_LIMIT,
    observe_signals.DISK_FREE,
    observe_signals.DROPPED,
    observe_signals.UNWRITTEN,
)
"""What triage looks at besides records."""

_ESTIMATED = Selection(signals.COST, (Matcher("basis", (Basis.ESTIMATED,)),))
_OK, _REFUSED, _PRIVATE, _ABSENT = 200, 401, 403, 404
_SERVER = "Prometheus"
_LISTS = ("runs", "jobs", "failures", "readings")
_NAMES = frozenset(signal.prometheus for signal in LEVELS)

Parser = Callable[[str, str], Iterable[Sample]]


@dataclass(slots=True)
class Answers:
    """What was told.

    Attributes:
        lists: `runs`, `jobs`, `failures` and `readings`, the newest first.
        cut: Which lists are longer than they were told.
        samples: Levels of the signals in `LEVELS`.
        silent: Exporters that did not answer, with why.
        no_prometheus: Why the Prometheus did not; empty where it did, or was not asked.
        is_heard: Whether anybody else did.
        has_prometheus: Whether the Prometheus did.
        is_inactive: Whether it evaluates our alerts and does not hold this one active.
        active_at: Since when the alert is active, epoch seconds, by the Prometheus.
        held: Labels of each alert that is active under its name, by the Prometheus.
        about: The objectives that it guards, as the Prometheus evaluates them, else as loaded.
        unknown: Names of those that neither tells.
        statuses: How the objectives stand, by the Prometheus; `None` where nobody told.
        hour_usd: What the work of the last hour is estimated to cost, USD, by the Prometheus.
    """

    lists: dict[str, list[Facts]] = field(default_factory=lambda: {name: [] for name in _LISTS})
    cut: set[str] = field(default_factory=set)
    samples: list[Sample] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    no_prometheus: str = ""
    is_heard: bool = False
    has_prometheus: bool = False
    is_inactive: bool = False
    active_at: float | None = None
    held: Sequence[Mapping[str, str]] = ()
    about: Sequence[Objective] = ()
    unknown: Sequence[str] = ()
    hour_usd: float | None = None
    statuses: Sequence[Status] | None = None


def ask_all(
    alert: str,
    exporters: Sequence[Receiver],
    prometheus: Prometheus | None,
    parse: Parser,
    *,
    now: float,
    objectives: Sequence[Objective] = (),
    slo: str | None = None,
) -> Answers:
    """Ask everybody at once and return what came in time.

    Args:
        alert: Whose state the Prometheus is asked for.
        exporters: Of journals or of providers; what one does not tell another one may.
        prometheus: Asked for levels and for the alert.
        parse: Reads an exposition; the second argument names it.
        now: Epoch seconds.
        objectives: Those of the Prometheus' rules come before them. It is asked for the state of
            those that the alert guards, else of those that count runs and requests.
        slo: The objective that the alert guards; by default whatever its labels say.

    Raises:
        UsageError: a login is refused: nobody could be told anything.
    """
    asking = _Asking()
    questions: list[tuple[str, Callable[[], None]]] = [
        (_place(each), partial(_ask_exporter, each, asking, parse)) for each in exporters
    ]
    if prometheus is not None:
        questions.append(
            (
                _SERVER,
                partial(
                    _ask_prometheus, prometheus, alert, now, asking, objectives=objectives, slo=slo
                ),
            )
        )
    threads = [
        threading.Thread(target=asking.guarded, args=each, daemon=True) for each in questions
    ]
    deadline = time.monotonic() + TOGETHER
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = [name for thread, (name, _) in zip(threads, questions, strict=True) if thread.is_alive()]
    return asking.closed(late)


class _Asking:
    """Answers while they come in; what comes too late is not taken."""

    def __init__(self) -> None:
        self._answers = Answers()
        self._lock = threading.Lock()
        self._refusals: list[UsageError] = []
        self._is_open = True

    def guarded(self, name: str, ask: Callable[[], None]) -> None:
        """Ask one, and note why it told nothing if so."""
        try:
            ask()
        except _RefusedError as error:
            self._refusals.append(error)
        except (Error, OSError, LookupError, TypeError, ValueError, HTTPException) as error:
            self.miss(name, _why(error))

    def miss(self, name: str, why: str) -> None:
        """Note that one told nothing, or not all."""

        def told(answers: Answers) -> None:
            if name == _SERVER:
                answers.no_prometheus = why if why.startswith(name) else f"{name} ({why})"
            else:
                answers.silent.append(f"{name} ({why})")

        self.take(told)

    def take(self, told: Callable[[Answers], None]) -> None:
        """Enter what one told."""
        with self._lock:
            if self._is_open:
                told(self._answers)

    def closed(self, late: Sequence[str]) -> Answers:
        """Take nothing more and return what there is."""
        if self._refusals:
            raise self._refusals[0]
        for name in late:
            self.miss(name, f"no answer in {TOGETHER:g} s")
        with self._lock:
            self._is_open = False
        return self._answers


class _RefusedError(UsageError):
    """The login does not hold."""


def _place(exporter: Receiver) -> str:
    return f"{exporter.host}:{exporter.port}"


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}; give --ca-file"
    if isinstance(error, ssl.SSLError):
        return "it does not speak https: write http://"
    if isinstance(error, TimeoutError):
        return f"no answer in {SECONDS:g} s"
    if isinstance(error, BadStatusLine) and not isinstance(error, RemoteDisconnected):
        return "it does not speak http: write https://"
    if isinstance(error, Error | HTTPException):
        return str(error)[:200] or type(error).__name__
    return getattr(error, "strerror", None) or type(error).__name__


def _ask_exporter(exporter: Receiver, asking: _Asking, parse: Parser) -> None:
    page = _got(exporter, "/metrics")
    if page is None:
        raise HTTPException("no /metrics there: no exporter of ours")
    found = list(_levels(parse(page.decode(), _place(exporter))))

    def told(answers: Answers) -> None:
        answers.samples += found
        answers.is_heard = True

    asking.take(told)
    for name in _LISTS:
        body = _got(exporter, f"/api/v1/{name}?limit={MOST}")
        if body is not None:  # an exporter of a provider has no records
            asking.take(partial(_entered, name, json.loads(body)))


def _entered(name: str, told: dict[str, Any], answers: Answers) -> None:
    answers.lists[name] += told[name]
    if told.get("more"):
        answers.cut.add(name)


def _got(exporter: Receiver, path: str) -> bytes | None:
    status, body = exporter.get(path, SECONDS, LONGEST)
    if status == _OK:
        return body
    if status == _ABSENT:
        return None
    if status == _REFUSED:
        raise _RefusedError(f"{_place(exporter)} refuses the login: mend --user, --token-file")
    if status == _PRIVATE:
        raise _RefusedError(
            f"{_place(exporter)} tells strangers nothing: set basic_auth_users there and "
            "give --token-file, or ask from its own machine"
        )
    raise HTTPException(f"status {status}")


def _levels(samples: Iterable[Sample]) -> Iterator[Sample]:
    for sample in samples:
        if sample.name in _NAMES and math.isfinite(sample.value):
            yield sample


def _ask_prometheus(
    server: Prometheus,
    alert: str,
    now: float,
    asking: _Asking,
    *,
    objectives: Sequence[Objective],
    slo: str | None,
) -> None:
    levels = [
        Sample(labels["__name__"], labels, value)
        for labels, value in server.vector(f'{{__name__=~"{"|".join(sorted(_NAMES))}"}}', now)
    ]
    held = server.vector(f'ALERTS_FOR_STATE{{alertname=~"{alert}|{WATCHDOG}"}}', now)
    active = [
        (labels, since)
        for labels, since in held
        if labels.get("alertname") == alert and slo in (None, labels.get("slo"))
    ]
    cost = server.value(promql.count([_ESTIMATED], HOUR), now)
    slos = {labels.get("slo", "") for labels, _ in active} | {slo or ""}
    known = _evaluated(server, objectives)
    by_name = {each.name: each for each in (*objectives, *known)}
    about = [by_name[each] for each in sorted(slos & by_name.keys())]
    unknown = sorted(slos - NO_VALUE - by_name.keys())

    def told(answers: Answers) -> None:
        answers.samples += _levels(levels)
        answers.is_heard = answers.has_prometheus = True
        answers.active_at = min((since for _, since in active), default=None)
        answers.held = [labels for labels, _ in active]
        answers.about, answers.unknown = about, unknown
        answers.is_inactive = not active and bool(held or alert == WATCHDOG)
        answers.hour_usd = cost

    asking.take(told)
    chosen = about if about or unknown else counted_by_roots(known)
    found = statuses(chosen, server, now)
    asking.take(partial(_stood, found))


def _evaluated(server: Prometheus, objectives: Sequence[Objective]) -> Sequence[Objective]:
    try:
        return evaluated(server, objectives)[0]
    except UsageError:  # behind a proxy that tells no rules
        return objectives


def _stood(found: Sequence[Status], answers: Answers) -> None:
    answers.statuses = found
