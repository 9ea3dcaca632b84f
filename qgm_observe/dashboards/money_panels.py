"""Panels of money: what work cost, what it will cost, what was wasted, what guards prevented.

Estimates, bills and invoices are different answers to one question. What is shown is billed, with
what was estimated as a number of its own; they are never added up. A cap is held against the money
of its own objective, which may be one project's or estimated; whatever else is shown is judged by a
cap on all that is billed, and by no other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qgm_observe.alerts.budget import one
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.money_rules import SPENT
from qgm_observe.catalog import Basis, Outcome, signals
from qgm_observe.catalog import labels as by
from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import Color, Meaning, Panel, Query, Role, Step
from qgm_observe.dashboards.kinds import (
    COUNT,
    RATIO,
    SECONDS,
    basis,
    column,
    limit,
    lower_is_better,
)
from qgm_observe.dashboards.queries import FEWEST, Scope, pick
from qgm_observe.dashboards.site import Site
from qgm_observe.slo import promql
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Matcher, Selection, Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import DAY, HOUR, shorthand

USD = "currencyUSD"
WEEK, MONTH = "7d", "30d"
WEEK_SECONDS = 7 * DAY
MONDAY = 4 * DAY
"""Seconds from the epoch, a Thursday, to the first Monday 00:00 UTC."""

BILLED, ESTIMATED = Basis.BILLED.value, Basis.ESTIMATED.value
REMOTE = "!local"
ALL_BILLS = (pick(signals.COST, basis=BILLED),)
_PLAIN = (Step(None, Color.PLAIN, "not judged"),)
PENDING = Meaning(-1, "pending", Color.UNKNOWN)
"""Work was estimated and no bill has come yet; no bill is below 0."""

_INTO_WEEK = f"((time() - {MONDAY}) % {WEEK_SECONDS})"


def planned(here: Site) -> tuple[Panel, ...]:
    """Return what leads to a decision on money: this week, its end, the cap."""
    return _this_week(here), _week_end(here), _against_cap(here)


def purposes(here: Site) -> tuple[Panel, ...]:
    """Return what money was for, what of it was wasted, and what samples cost."""
    return (
        _by_model(here),
        _wasted(here),
        _per_sample(here),
        _per_valid_sample(here),
        _prevented(here),
    )


def spend_rate(here: Site, width: int = 6) -> Panel:
    """Return the money of each hour, so that a runaway shows before its bills come."""
    told = here.told(
        "Cost of work in each hour: billed when usage is settled, estimated when it is submitted. "
        "Two answers to one question, never added up.",
        _if_capped(here, "Below the dashed line, the pace at which the cap lasts its window."),
        "QgmSpendCap",
    )
    queries = [
        Query(expr=_cost(here.scope, basis_, "1h"), legend=basis_, interval="5m")
        for basis_ in (BILLED, ESTIMATED)
    ]
    cap = _cap_of(here.configuration, HOUR)
    lines = [limit(f"vector({cap:.4g})", "pace of the cap")] if cap else []
    bills = basis(_bills(here.scope, "1h"), "bills", interval="5m")
    return kinds.lines("Cost an hour", told, USD, (*queries, *lines), bills, width=width)


# ---------------------------------------------------------------------------------- against the cap


def _cap_of(configuration: Configuration, seconds: float) -> float | None:
    """The part of the cap on all bills that falls on so many seconds; `None` without such a cap."""
    told = ((what, each.window.seconds) for each, what in _capped(configuration))
    parts = (what.cap * seconds / span for what, span in told if what.spent == ALL_BILLS)
    return next(parts, None)


def _capped(configuration: Configuration) -> Iterator[tuple[Objective, Spend]]:
    """The objectives that hold money against a cap."""
    for each in configuration.objectives:
        if isinstance(each.indicator, Spend):
            yield each, each.indicator


def _if_capped(here: Site, good: str) -> str:
    return (
        good if _cap_of(here.configuration, DAY) else "As planned; no cap is on all that is billed."
    )


_WORDS = ("within", "close", "over")
_CAP_STEPS = lower_is_better(0.8, 1, _WORDS)


def _steps(configuration: Configuration, seconds: float) -> tuple[Step, ...]:
    cap = _cap_of(configuration, seconds)
    return lower_is_better(0.8 * cap, cap, _WORDS) if cap else ()


def _this_week(here: Site) -> Panel:
    told = here.told(
        "Billed since Monday 00:00 UTC.",
        _if_capped(here, "Below four fifths of the week's part of the cap."),
        "QgmSpendCap",
    )
    return _money(
        here, "Cost this week", told, _since_monday(here.scope, BILLED), WEEK,
        steps=_steps(here.configuration, WEEK_SECONDS),
        estimated=_since_monday(here.scope, ESTIMATED),
    )  # fmt: skip


def _week_end(here: Site) -> Panel:
    told = here.told(
        "What this week will have cost when it ends, at the pace of the last 24 hours.",
        _if_capped(here, "Below four fifths of the week's part of the cap."),
        "QgmCostAnomaly",
    )
    ahead = {
        basis_: f"({_since_monday(here.scope, basis_)}) + ({_cost(here.scope, basis_, '1d')})"
        f" * ({WEEK_SECONDS} - {_INTO_WEEK}) / {DAY}"
        for basis_ in (BILLED, ESTIMATED)
    }
    return _money(
        here, "Forecast to week's end", told, ahead[BILLED], WEEK,
        steps=_steps(here.configuration, WEEK_SECONDS), estimated=ahead[ESTIMATED],
    )  # fmt: skip


def _against_cap(here: Site) -> Panel:
    """The first objective with a cap, by what its rules record: the money that its page is of."""
    objective, spend = next(_capped(here.configuration), (None, None))
    if objective is None or spend is None:
        return _uncapped(here)
    told = here.told(
        f"Share of the cap of {objective.name} that its own money reached: {objective.brief} Not "
        "narrowed to what is chosen above.",
        "Below four fifths.",
        "QgmSpendCap",
    )
    window = shorthand(objective.window.seconds)
    (name, other), scope = _bases(spend), Scope((), here.scope.matchers)
    beside = _of_basis(spend, other)
    bills, before = (_amounts(scope, each, window) for each in (spend.spent, beside))
    if name == ESTIMATED:
        before = "vector(0)"  # estimates wait for nothing
    recorded = f"max({one(SPENT, objective.name, window)}) / {plain(spend.cap)}"
    return _pending(
        f"Cost against the cap ({window})", told, (recorded, bills),
        (scope.count(beside, window), before), steps=_CAP_STEPS, unit=RATIO, names=(name, other),
    )  # fmt: skip


def _uncapped(here: Site) -> Panel:
    told = here.told("Billed in 28 days. No objective names a cap.", "As planned.", "QgmSpendCap")
    billed, estimated = (_cost(here.scope, each, "28d") for each in (BILLED, ESTIMATED))
    return _money(here, "Cost (28d)", told, billed, "28d", steps=(), estimated=estimated)


def _bases(spend: Spend) -> tuple[str, str]:
    """What a cap is held against, as its first amount tells it, and the other answer to it."""
    told = (each for each in spend.spent[0].matchers if each.label == by.BASIS.name)
    basis_ = next((each.values[0] for each in told if each.is_one), BILLED)
    return basis_, BILLED if basis_ == ESTIMATED else ESTIMATED


def _of_basis(spend: Spend, basis_: str) -> list[Selection]:
    """The cost on one basis of the work whose money a cap is of."""
    labels, chosen = signals.COST.label_names, Matcher(by.BASIS.name, (basis_,))
    return [
        Selection(
            signals.COST,
            (*(m for m in each.matchers if m.label in labels and m.label != chosen.label), chosen),
        )
        for each in spend.spent
    ]


def _money(
    here: Site,
    title: str,
    told: kinds.Told,
    billed: str,
    window: str,
    *,
    steps: tuple[Step, ...],
    estimated: str,
) -> Panel:
    """Billed money of the work that a board shows, and the estimate apart."""
    bills, before = (_bills(here.scope, window, each) for each in (BILLED, ESTIMATED))
    return _pending(title, told, (billed, bills), (estimated, before), steps=steps)


def _pending(
    title: str,
    told: kinds.Told,
    held: tuple[str, str],
    beside: tuple[str, str],
    *,
    steps: tuple[Step, ...],
    unit: str = USD,
    names: tuple[str, str] = (BILLED, ESTIMATED),
) -> Panel:
    """Money and how many amounts it is of; `pending` while there are but those beside it."""
    (billed, bills), (estimated, before) = held, beside
    name, other = names
    counted = basis(bills, "estimates" if name == ESTIMATED else "bills")
    made = kinds.stat(title, told, unit, billed, counted, steps=steps, name=name, width=8)
    is_billed = f"and on () ({bills} > 0)"
    queries = [
        replace(
            each,
            expr=f"({each.expr}) {is_billed} or on () ({before} > 0) * 0 - 1 or on () vector(NaN)",
        )
        if each.role is Role.VERDICT
        else each
        for each in made.queries
    ]
    queries[0] = replace(queries[0], expr=f"({billed}) {is_billed} or on () vector(NaN)")
    queries.append(Query(expr=estimated, legend=other, unit=USD, steps=_PLAIN, instant=True))
    return kinds.meaning(replace(made, queries=tuple(queries)), PENDING)


def _since_monday(scope: Scope, basis_: str) -> str:
    """What a counter rose by since Monday 00:00 UTC, by its newest value at that hour."""
    chosen = scope.selector(pick(signals.COST, basis=basis_))
    each = f"max without (instance, pod) (last_over_time({chosen}[{promql.NEWEST}]))"
    monday = f"({each} and on () (day_of_week() == 1 and hour() == 0))"
    return f"sum(clamp_min({each} - (last_over_time({monday}[7d:1h]) or {each} * 0), 0))"


def _cost(scope: Scope, basis_: str, window: str, labels: Sequence[str] = ()) -> str:
    return scope.count(pick(signals.COST, basis=basis_), window, labels)


def _bills(scope: Scope, window: str, basis_: str = BILLED) -> str:
    return _amounts(scope, [pick(signals.COST, basis=basis_)], window)


def _amounts(scope: Scope, money: Sequence[Selection], window: str) -> str:
    """How many amounts some money is the sum of; of what is not counted one by one, its series."""
    counted = (
        scope.count(replace(each, signal=signals.COST_BILLS, factor=1.0), window)
        if each.signal.label_names == signals.COST_BILLS.label_names
        else scope.level(each, how="count")
        for each in money
    )
    return " + ".join(f"({each} or on () vector(0))" for each in counted)


# --------------------------------------------------------------------------------------- what for


def _by_model(here: Site) -> Panel:
    told = here.told(
        "What models cost at each provider in 30 days: billed, the device time that it is for, and "
        "what was estimated before.",
        "As planned, and estimates close to bills.",
        "QgmCostAnomaly",
    )
    key, scope = ("provider", "model"), here.scope
    time = scope.count(pick(signals.COST_DEVICE_TIME, basis=BILLED), MONTH, key)
    return kinds.table(
        "Cost by provider and model (30 d)",
        told,
        key,
        (
            column(f"{_cost(scope, BILLED, MONTH, key)} > 0", "Billed", USD),
            column(f"{_cost(scope, ESTIMATED, MONTH, key)} > 0", "Estimated", USD),
            column(f"{time} > 0", "Device time", SECONDS),
            column(
                f"{scope.count(pick(signals.COST_BILLS, basis=BILLED), MONTH, key)} > 0",
                "Bills", COUNT, role=Role.BASIS,
            ),
        ),
        width=12,
    )  # fmt: skip


def _wasted(here: Site) -> Panel:
    told = here.told(
        "Billed cost of 30 days that brought nothing, by the reason: work that failed, was "
        "cancelled or repeated, and sessions that were idle.",
        "None.",
        "QgmJobsAbandoned",
    )
    reason = (by.WASTE.name,)
    wasted = f"{here.scope.count(signals.COST_WASTED, MONTH, reason)} > 0"
    share = f"({wasted}) / on () group_left () {_cost(here.scope, BILLED, MONTH)}"
    return kinds.table(
        "Wasted cost by reason (30 d)",
        told,
        reason,
        (column(wasted, "Wasted", USD), column(share, "Of the bills", RATIO)),
        width=12,
        empty=kinds.NONE,
    )


def _per_sample(here: Site) -> Panel:
    told = here.told(
        "Billed cost of 30 days for each 1,000 shots of successful remote jobs; what failed is "
        "paid as well.",
        "Steady.",
        "QgmCostAnomaly",
    )
    shots = here.scope.count(pick(signals.JOB_SHOTS, execution_mode=REMOTE), MONTH)
    return _price(here, "Cost per 1,000 samples", told, shots)


def _per_valid_sample(here: Site) -> Panel:
    told = here.told(
        "Billed cost of 30 days for each 1,000 valid samples of remote jobs: shots that were "
        "judged stand for those that were not.",
        "Steady, and close to the cost per sample.",
        "QgmQualityDrift",
    )
    scope = here.scope
    shots, judged, valid = (
        scope.count(pick(signal, execution_mode=REMOTE), MONTH)
        for signal in (signals.JOB_SHOTS, signals.QUALITY_SCORED, signals.QUALITY_VALID)
    )
    valid_shots = f"({shots} * ({valid}) / ({judged} >= {FEWEST}))"
    return _price(here, "Cost per 1,000 valid samples", told, valid_shots)


def _price(here: Site, title: str, told: kinds.Told, samples: str) -> Panel:
    bills = _bills(here.scope, MONTH)
    billed = f"{_cost(here.scope, BILLED, MONTH)} and on () ({bills} > 0)"
    reading = f"1000 * ({billed}) / ({samples} > 0) or on () vector(NaN)"
    return kinds.stat(title, told, USD, reading, basis(bills, "bills"), name="billed", width=8)


def _prevented(here: Site) -> Panel:
    told = here.told(
        "Estimated cost in 30 days of submissions that a guard did not let through: no bill ever "
        "comes for them.",
        "Nothing to prevent; what is prevented was not paid.",
        "QgmSpendCap",
    )
    scope = here.scope
    guarded = scope.count(pick(signals.JOBS, outcome=Outcome.GUARDED.value), MONTH)
    prevented = f"({scope.count(signals.COST_PREVENTED, MONTH)} or on () vector(0))"
    counted = f"({guarded} or on () vector(0))"
    return kinds.stat(
        "Prevented by guards (30 d)", told, USD, prevented, basis(counted, "jobs stopped"),
        name="prevented", width=8,
    )  # fmt: skip
