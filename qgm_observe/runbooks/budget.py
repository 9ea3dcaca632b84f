"""What is left of an error budget, and what an hour costs, told from the records alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from qgm_observe.catalog import ExecutionMode, signals
from qgm_observe.journal import TERMINAL, Event
from qgm_observe.runbooks.roots import Facts, ended_at
from qgm_observe.slo.indicator import Ratio
from qgm_observe.slo.ledger import Ledger
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.status import PACE, Count, Status, status_of, unknown
from qgm_observe.slo.window import HOUR


def counted_by_roots(objectives: Iterable[Objective]) -> list[Objective]:
    """Return the objectives that count what was asked for: runs, and jobs outside any run."""
    return [
        each
        for each in objectives
        if isinstance(each.indicator, Ratio)
        and any(selection.signal is signals.ROOTS for selection in each.indicator.total)
    ]


def budgets(
    objectives: Sequence[Objective],
    runs: Iterable[Facts],
    jobs: Iterable[Facts],
    now: float,
    *,
    is_cut: bool,
) -> list[Status]:
    """Return how objectives stand by what an exporter remembers.

    Args:
        objectives: Those of `counted_by_roots`.
        runs: Ended or open.
        jobs: Likewise.
        now: Epoch seconds.
        is_cut: Whether there are more than these; then what is older is not known.
    """
    lists = (("run", runs), ("job", jobs))
    events = [
        event
        for noun, told in lists
        for event in _events(noun, {str(facts["id"]): facts for facts in told}.values())
    ]
    oldest = min((event.at for event in events), default=now)
    ledger = Ledger(objectives)
    for event in sorted(events, key=lambda each: each.at):
        ledger.add(event)
    return [_status(each, ledger, now, oldest if is_cut else None) for each in objectives]


def _events(noun: str, told: Iterable[Facts]) -> Iterable[Event]:
    for facts in told:
        at = ended_at(facts)
        if at is not None:
            error = {"class": facts.get("error_class"), "stage": facts.get("error_stage")}
            body = {**facts, "error": error if facts.get("error_class") else None}
            yield Event(
                verb=TERMINAL,
                noun=noun,
                subject=str(facts["id"]),
                at=at,
                recorded_at=at,
                run=facts.get("run"),
                body=body,
                id=f"{facts['id']}/{TERMINAL}",
            )


def _status(objective: Objective, ledger: Ledger, now: float, known_from: float | None) -> Status:
    begin = objective.reported.begin(now)
    if known_from is not None and known_from > begin:
        return unknown(objective, "its window is longer than the exporter remembers")
    entries = ledger.entries[objective.name]

    def count(since: float) -> Count:
        chosen = [n for n, at in enumerate(entries.at) if since < at <= now]
        return Count(sum(entries.bad[n] for n in chosen), sum(entries.total[n] for n in chosen))

    return status_of(objective, count(begin), {PACE: count(now - PACE)}, {})


# ----------------------------------------------------------------------------------------- money


@dataclass(frozen=True, slots=True)
class Spend:
    """What the last hour cost, as far as it is billed.

    Attributes:
        estimated: USD by the estimates of all work, where a Prometheus told it.
        billed: Amount by currency; empty where no bill is known.
        unbilled: Remote jobs that ended in the hour and have no bill yet.
        open: Remote jobs that still wait or run.
    """

    billed: Mapping[str, Decimal]
    unbilled: int
    open: int
    estimated: float | None = None


def spend_an_hour(jobs: Iterable[Facts], now: float, estimated: float | None = None) -> Spend:
    """Return what remote jobs cost that ended in the last hour.

    Args:
        jobs: One that stands twice counts once.
        now: Epoch seconds.
        estimated: What estimates say of all work, USD.
    """
    billed: dict[str, Decimal] = defaultdict(Decimal)
    unbilled = still_open = 0
    for job in {str(job["id"]): job for job in jobs}.values():
        if job.get("execution_mode") == ExecutionMode.LOCAL:
            continue
        at = ended_at(job)
        if at is None:
            still_open += 1
        elif at > now - HOUR:
            costs = list(_costs(job))
            unbilled += not costs
            for currency, amount in costs:
                billed[currency] += amount
    return Spend(dict(billed), unbilled, still_open, estimated)


def _costs(job: Facts) -> Iterable[tuple[str, Decimal]]:
    for attempt in job.get("attempts") or ():
        if attempt.get("cost") is not None:
            try:
                yield str(attempt.get("currency") or "USD"), Decimal(str(attempt["cost"]))
            except InvalidOperation:
                continue
