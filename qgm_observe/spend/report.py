"""A statement by project, pipeline, model, provider or device: cost, waste, cost of a sample.

Amounts of different currencies stand beside each other; none is converted or added to another.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import Outcome, Purpose
from qgm_observe.journal.reading import Reader
from qgm_observe.providers.cost import Cost
from qgm_observe.records import VALID_SHOT_RATIO, Step
from qgm_observe.spend.statement import Line, Statement

Money = dict[str, Decimal]
"""Currency to amount."""

BY: dict[str, Callable[[Line], str]] = {
    "project": lambda line: line.work.project,
    "pipeline": lambda line: line.work.pipeline,
    "model": lambda line: line.work.model,
    "provider": lambda line: line.provider,
    "device": lambda line: line.device,
    "mode": lambda line: line.mode.value,
}
"""What a report can be divided by."""


@dataclass(slots=True)
class Row:
    """What the work of one name came to.

    Attributes:
        attempts: Provider jobs, without idle times.
        seconds: Device time that is settled.
        estimated: Of what is settled, before it ran.
        known: Settled cost: by invoice, else usage at list price.
        unpriced: Settled lines without a known price.
        pending: Lines whose bill is still to come.
        pending_estimated: What those are expected to cost.
        wasted: By reason.
        shots: Of attempts that were of use and whose cost is known, by its currency.
        scored: Shots that were judged.
        valid: Shots of those that were valid samples.
        improvement: By how much losses fell from the first step of a run to its best.
    """

    name: str
    attempts: int = 0
    seconds: float = 0.0
    estimated: Money = field(default_factory=dict)
    known: Money = field(default_factory=dict)
    unpriced: int = 0
    pending: int = 0
    pending_estimated: Money = field(default_factory=dict)
    wasted: dict[str, Money] = field(default_factory=dict)
    shots: dict[str, int] = field(default_factory=dict)
    scored: int = 0
    valid: int = 0
    improvement: float = 0.0

    def error(self, currency: str) -> float | None:
        """Return by which share the estimates were above what is settled, `None` if unknown."""
        known = self.known.get(currency)
        if not known or currency not in self.estimated:
            return None
        return float((self.estimated[currency] - known) / known)

    def per_sample(self, currency: str) -> Decimal | None:
        """Return the settled cost of a shot that was of use."""
        known, shots = self.known.get(currency), self.shots.get(currency)
        return known / shots if known is not None and shots else None

    def per_usable_sample(self, currency: str) -> Decimal | None:
        """Return the settled cost of a valid sample, `None` where no shots were judged."""
        each = self.per_sample(currency)
        return each * self.scored / self.valid if each is not None and self.valid else None

    def per_improvement(self, currency: str) -> Decimal | None:
        """Return the settled cost of a loss lower by 1, in the unit of the loss."""
        known = self.known.get(currency)
        if known is None or self.improvement <= 0:
            return None
        return known / Decimal(str(self.improvement))


def report(statement: Statement, by: str, journal: Reader) -> list[Row]:
    """Return the rows of a statement, the dearest first.

    Args:
        statement: What was spent.
        by: One of `BY`.
        journal: Tells which shots were valid and how losses fell.
    """
    rows: dict[str, Row] = {}
    name_of = BY[by]
    runs: dict[str, str] = {}
    for line in statement.lines:
        row = rows.setdefault(name_of(line), Row(name_of(line)))
        _take(row, line)
        if line.run is not None and line.work.kind is Purpose.TRAINING:
            runs[line.run] = row.name
    for name, scored, valid in _judged(journal, by):
        if name in rows:
            rows[name].scored += scored
            rows[name].valid += valid
    for run, fall in _falls(journal, runs).items():
        rows[runs[run]].improvement += fall
    return sorted(rows.values(), key=lambda row: (-sum(row.known.values()), row.name))


def _take(row: Row, line: Line) -> None:
    row.attempts += line.waste != "idle"
    if line.is_pending:
        row.pending += 1
        _add(row.pending_estimated, line.estimated)
        return
    row.seconds += line.seconds or 0.0
    row.unpriced += line.known is None
    _add(row.known, line.known)
    _add(row.estimated, line.estimated)
    if line.waste is not None:
        _add(row.wasted.setdefault(line.waste.value, {}), line.known)
    elif line.outcome is Outcome.SUCCESS and line.known is not None:
        currency = line.known.currency
        row.shots[currency] = row.shots.get(currency, 0) + (line.shots or 0)


def _add(money: Money, amount: Cost | None) -> None:
    if amount is not None:
        money[amount.currency] = money.get(amount.currency, Decimal(0)) + amount.amount


def _judged(journal: Reader, by: str) -> Iterable[tuple[str, int, int]]:
    key = {"mode": "execution_mode"}.get(by, by)
    for event in journal.events(verbs=("estimate",)):
        body: Mapping[str, Any] = event.body
        is_raw = body.get("mitigation", "none") == "none"
        if is_raw and body.get("name") == VALID_SHOT_RATIO and body.get("value") is not None:
            shots = int(body.get("n", 0))
            yield str(body.get(key)), shots, round(shots * body["value"])


def _falls(journal: Reader, runs: Iterable[str]) -> dict[str, float]:
    """Return by how much the loss of each run fell, from its first step to its best."""
    falls: dict[str, float] = {}
    for run in runs:
        told = [
            (index, loss)
            for index, loss in journal.rows(Step, ["index", "loss"], run=run)
            if loss is not None
        ]
        if told:
            falls[run] = min(told)[1] - min(loss for _, loss in told)
    return falls
