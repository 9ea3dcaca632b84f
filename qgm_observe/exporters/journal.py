"""Follows journals and serves what all of them hold as one page, with `source="journal"`.

Every counter is the sum over the journals. It does not fall when rows are pruned, when this process
is restarted, or when a journal is deleted: what was counted is remembered beside the journals, see
`checkpoints`. To forget deleted journals, delete that directory while the exporter is stopped.
Several exporters of the same journals show the same numbers; rules take the highest of them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from qgm_observe.catalog import SIGNALS, provider_signals
from qgm_observe.exporters.exporter import Reply
from qgm_observe.exporters.following import discovery, reading_api, receiving
from qgm_observe.exporters.following.checkpoints import Checkpoint, Checkpoints, Held
from qgm_observe.exporters.following.follower import Follower
from qgm_observe.exporters.following.reading_api import Recent
from qgm_observe.exporters.following.receiving import Receiver
from qgm_observe.exporters.journal_config import JournalConfig, load_journal_config
from qgm_observe.exporters.reconciling.desk import Desk, desks_of
from qgm_observe.exporters.reconciling.docket import Docket
from qgm_observe.exporters.reconciling.reconciler import Reconciler, abandonment_of, unsettled
from qgm_observe.journal import Event, Totals
from qgm_observe.journal.folds import HEARTBEAT_TIMEOUT, is_lost
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.openmetrics import OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC, Exposition, Form

log = logging.getLogger("qgm_observe")

FORMS = (CLASSIC, OPENMETRICS)
WORKERS = 8
"""Journals that are read at once; a locked one holds up no other."""

SAVE_SECONDS = 10.0
"""Between two checkpoints: less than a new label set is held at 0."""

DISCOVER_SECONDS = 5.0
RECONCILE_SECONDS = 5.0
DAY = 86400.0


def open_exporter(
    paths: Sequence[str | Path],
    config_path: str | Path | None = None,
    own: str | Path | None = None,
) -> "JournalExporter":
    """Return an exporter of journals; `start` begins to follow them.

    Args:
        paths: Journals, directories of journals and patterns; see `discovery`.
        config_path: YAML file, see `journal_config`; its journals are followed as well.
        own: What is followed where neither names any.

    Raises:
        UsageError: nothing is to be followed, or the file cannot be used.
    """
    file = None if config_path is None else Path(config_path)
    default = [] if own is None else [str(own)]
    return JournalExporter([str(path) for path in paths], file, default=default)


class JournalExporter:
    """An `Exporter` over any number of journals.

    Args:
        paths: As on the command line.
        config_path: Its configuration.
        clock: Epoch seconds.
        desks: Whom the reconciler asks, in place of the configured accounts.
        default: What is followed where neither names any.
    """

    def __init__(
        self,
        paths: Sequence[str],
        config_path: Path | None = None,
        clock: Callable[[], float] = time.time,
        desks: Sequence[Desk] = (),
        default: Sequence[str] = (),
    ) -> None:
        self._default = tuple(default)
        self._paths, self._config_path, self._clock = tuple(paths), config_path, clock
        self.config = load_journal_config(config_path)
        discovery.check(self._places(self.config))
        self.aggregates = Aggregates("journal", self.config.scrape_interval_seconds, clock)
        self.recent = Recent()
        self._lock = threading.Lock()
        self._followers: dict[Path, Follower] = {}
        self._claims: dict[str, Follower] = {}
        self._busy: dict[Follower, Future[None]] = {}
        self._pages: Mapping[Form, Exposition] = {}
        self._checkpoints = Checkpoints(self.config.state_for(self._places(self.config)))
        self._known: dict[str, Checkpoint] = {}
        self._written: dict[str, int] = {}
        self._passed = False
        self._discovered_at = self._saved_at = float("-inf")
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(WORKERS, "qgm-observe-follow")
        self._receiver = self._open_receiver()
        asked = desks or desks_of(self.config, clock())
        self._reconciler = Reconciler(asked, clock, abandonment_of(self.config))
        self._threads = [
            threading.Thread(target=work, name=f"qgm-observe-{name}", daemon=True)
            for name, work in (("export", self._work), ("reconcile", self._reconcile))
        ]
        self._resume()
        self._render()

    # ------------------------------------------------------------------------------ exporter

    def start(self) -> None:
        """Begin to follow, once."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Remember how far it came, and end within so many seconds."""
        self._stopping.set()
        if self._threads[0].ident is not None:
            self._threads[0].join(timeout)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for follower in self._followers.values():
            if follower not in self._busy or self._busy[follower].done():
                follower.close()
        if self._receiver is not None:
            self._receiver.close()

    def plan(self) -> Iterator[str]:
        """Yield what it is going to do, a line each."""
        found = discovery.discover(self._places(self.config))
        there = sum(each.path.exists() or not each.expected for each in found)
        yield (
            f"follows {there} journals now, others when they appear: "
            f"{', '.join(self._places(self.config))}; "
            f"remembers {len(self._written)} in {self._checkpoints.directory}"
        )
        with self.aggregates.families() as families:
            yield f"shows {sum(len(family.series) for family in families)} series so far"
        if self.config.receive is not None:
            yield f"stores what is shipped to {receiving.PATH} in {self.config.receive}"
        for account in self.config.providers:
            yield (
                f"asks {account.provider}/{account.account} how remote jobs ended, "
                f"at most {self.config.reconcile.calls_per_hour} calls an hour"
            )

    def exposition(self, form: Form, target: str | None = None) -> Exposition | None:
        """Return the newest page; there are no targets."""
        return self._pages.get(form) if target is None else None

    def readiness(self) -> str | None:
        """Return how many journals still wait to be read for the first time, if any do."""
        if self._passed:
            return None
        followers = list(self._followers.values())
        waiting = sum(each.up is None for each in followers)
        return f"{waiting} of {len(followers)} journals are being read for the first time"

    def reload(self) -> None:
        """Take the configuration file anew; where state and shipped events go stays as it was.

        Raises:
            UsageError: the file cannot be used.
        """
        config = load_journal_config(self._config_path)
        discovery.check(self._places(config))
        self.config = config
        self._discovered_at = float("-inf")

    def ask(self, path: str, query: Mapping[str, str]) -> Reply | None:
        """Answer a read below `/api/v1/`; see `reading_api`."""
        if not path.startswith(reading_api.PREFIX):
            return None
        return reading_api.ask(self.recent, path.removeprefix(reading_api.PREFIX), query)

    def take(self, path: str, body: bytes) -> Reply | None:
        """Take a shipment, where the configuration says into which journal; see `receiving`."""
        if self._receiver is None or path != receiving.PATH:
            return None
        return self._receiver.take(body)

    # ---------------------------------------------------------------------------------- sink

    def claim(self, key: str, follower: Follower) -> bool:
        """Return whether nobody else follows this journal: a second path to it counts nothing."""
        with self._lock:
            holder = self._claims.get(key)
            if holder is None or holder.key != key or holder.found.path not in self._followers:
                self._claims[key] = follower
                return True
            return holder is follower

    def tables(self, path: Path) -> Path:
        """Return the file that keeps what was read of a journal of the JSONL form."""
        return self._checkpoints.tables(path)

    def saved(self, key: str) -> Checkpoint | None:
        """Return how far a journal was counted, if it was."""
        with self._lock:
            known = self._known.get(key)
            return self._checkpoints.read(key) if known is None and key in self._written else known

    def fold(self, follower: Follower, events: Sequence[Event]) -> None:  # noqa: ARG002
        """Take new rows."""
        self.aggregates.fold(events)
        self.recent.take(events)

    def absorb(self, totals: Totals, *, is_new: bool) -> None:
        """Take counts of rows that nobody will see, at once if they were shown before."""
        if is_new and self._begins_anew and not self._passed:
            self.aggregates.seed(totals)
        elif totals:
            body = {"totals": totals.to_json()}
            self.aggregates.fold(
                [Event(verb="tallied", noun="process", subject="", at=0, body=body, id="")]
            )

    def recall(self, follower: Follower, events: Sequence[Event]) -> None:  # noqa: ARG002
        """Take rows that were counted before."""
        self.aggregates.recall(events)
        self.recent.take(events)

    # ---------------------------------------------------------------------------------- work

    def _reconcile(self) -> None:
        while not self._stopping.wait(RECONCILE_SECONDS):
            for follower in list(self._followers.values()):
                self._guarded(partial(self._settle, follower))
        for follower in list(self._followers.values()):
            if follower.journal is not None and follower.is_writable and follower.docket:
                self._guarded(partial(self._reconciler.release, follower.journal))
        self._reconciler.close()

    def _settle(self, follower: Follower) -> None:
        journal, docket = follower.journal, follower.docket
        if journal is not None and docket is not None and follower.is_writable:
            self._reconciler.settle(journal, docket, self._stopping)

    def _work(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self._guarded(self.tick)
            self._stopping.wait(max(0.0, self.config.follow_seconds - time.monotonic() + began))
        self._guarded(lambda: self._save(self._clock(), at_once=True))

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:  # the page stays, and the next look is soon
            log.exception("export journal")

    def tick(self) -> None:
        """Look at every journal once, as far as they let themselves be looked at in time."""
        now = self._clock()
        self._busy = {each: future for each, future in self._busy.items() if not future.done()}
        self._discover(now)
        due = [each for each in self._followers.values() if each.retry_at <= now]
        for follower in due:
            if follower not in self._busy:
                self._busy[follower] = self._pool.submit(self._look, follower)
        wait(self._busy.values(), timeout=self.config.follow_seconds)
        self._passed = self._passed or all(f.up is not None for f in self._followers.values())
        self._show(now)
        self._render()
        self._save(now)

    def _look(self, follower: Follower) -> None:
        now = self._clock()
        follower.look(now)
        follower.reap(now, self._timeout(follower))

    def _discover(self, now: float) -> None:
        if 0 <= now - self._discovered_at < DISCOVER_SECONDS:
            return
        self._discovered_at = now
        found = {each.path: each for each in discovery.discover(self._places(self.config))}
        for path in [path for path in self._followers if path not in found]:
            if self._followers[path] not in self._busy:
                self._leave(self._followers.pop(path))
        for path, each in found.items():
            if path not in self._followers:
                docket = Docket(self.config.reconcile.max_age_days * DAY)
                asked = docket if self._reconciler.providers else None
                self._followers[path] = Follower(each, self, self._clock, asked)

    def _leave(self, follower: Follower) -> None:
        """Let a journal go whose file is gone; what it counted stays."""
        checkpoint = follower.checkpoint()
        follower.close()
        if checkpoint is not None:
            with self._lock:
                self._known[checkpoint.key] = checkpoint
                self._claims.pop(checkpoint.key, None)

    def _open_receiver(self) -> Receiver | None:
        path = self.config.receive
        if path is None:
            return None
        receiver = Receiver(path, self._is_followed, self.aggregates.add, self._clock)
        receiver.open()
        return receiver

    def _is_followed(self, key: str) -> bool:
        with self._lock:
            return key in self._claims

    def _places(self, config: JournalConfig) -> list[str]:
        received = [] if config.receive is None else [str(config.receive)]
        return [*self._paths, *config.journals, *received] or list(self._default)

    def _timeout(self, follower: Follower) -> float:
        received = self.config.receive
        if received is not None and follower.found.path == received.absolute():
            return self.config.lost_after_seconds
        return HEARTBEAT_TIMEOUT

    # ---------------------------------------------------------------------------------- page

    def _show(self, now: float) -> None:
        followers = list(self._followers.values())
        rows = [
            work
            for follower in followers
            for work in follower.open_work
            if not is_lost(work, now, self._timeout(follower))
        ]
        self.aggregates.set_open(rows, now)
        self.recent.set_open(rows, now)
        self._show_health(followers)
        dockets = [each.docket for each in followers if each.docket is not None]
        for provider, number in unsettled(dockets, self._reconciler.providers).items():
            self.aggregates.set_gauge(provider_signals.RECONCILE_PENDING, (provider,), number)

    def _show_health(self, followers: Sequence[Follower]) -> None:
        up: dict[str, bool] = {}
        lag: dict[str, float] = {}
        for each in followers:
            name = each.found.name
            if each.up is not None:
                up[name] = up.get(name, True) and each.up
            if each.lag is not None:
                lag[name] = max(each.lag, lag.get(name, 0.0))
        for name, is_up in up.items():
            self.aggregates.set_gauge(provider_signals.EXPORTER_FOLLOWED, (name,), float(is_up))
        for name, seconds in lag.items():
            self.aggregates.set_gauge(provider_signals.EXPORTER_LAG, (name,), seconds)

    def _render(self) -> None:
        with self.aggregates.families() as families:
            count = sum(len(family.series) for family in families)
        self.aggregates.set_gauge(provider_signals.EXPORTER_SERIES, (), count)
        self._pages = {form: self.aggregates.exposition(form) for form in FORMS}

    # --------------------------------------------------------------------------------- state

    def _resume(self) -> None:
        """Show what an earlier process had shown, and go on holding what it held."""
        held = self._checkpoints.held()
        interval = self.config.scrape_interval_seconds
        for checkpoint in self._checkpoints.load():
            self.aggregates.seed(checkpoint.totals)
            self._written[checkpoint.key] = checkpoint.seq
        self._begins_anew = not self._written
        for name, labels, since in held.label_sets:
            signal = SIGNALS.get(name)
            if signal is not None and len(labels) == len(signal.labels):
                was_seen = held.until - since >= interval
                self.aggregates.restore(signal, labels, held=not was_seen)

    def _save(self, now: float, *, at_once: bool = False) -> None:
        if not at_once and 0 <= now - self._saved_at < SAVE_SECONDS:
            return
        self._saved_at = now
        for follower in list(self._followers.values()):
            checkpoint = follower.checkpoint()
            if checkpoint is not None:
                with self._lock:
                    self._known[checkpoint.key] = checkpoint
        changed = [each for each in self._known.values() if self._is_unwritten(each)]
        held = Held(now, tuple(self.aggregates.held()))
        if self._checkpoints.save(changed, held):
            with self._lock:
                self._written |= {each.key: each.seq for each in changed}
                self._known = {k: each for k, each in self._known.items() if k in self._claims}

    def _is_unwritten(self, checkpoint: Checkpoint) -> bool:
        return self._written.get(checkpoint.key) != checkpoint.seq
