"""SLO and error budget: what is promised, what is left, what spends it, on how few events."""

from collections.abc import Sequence

from qgm_observe.alerts.budget import ERRORS, EVENTS
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.score_rules import HIGHEST, THRESHOLD
from qgm_observe.catalog import signals
from qgm_observe.dashboards import kinds
from qgm_observe.dashboards.board import (
    Board,
    Color,
    Meaning,
    Panel,
    Query,
    Role,
    Row,
    Step,
    Variable,
)
from qgm_observe.dashboards.kinds import COUNT, RATIO, SECONDS, basis, column, limit
from qgm_observe.dashboards.queries import FEWEST, INTERVAL, RANGE, pick
from qgm_observe.dashboards.site import (
    BUDGET,
    GONE,
    LEFT_STEPS,
    Site,
    annotations,
    budget_left,
    links,
    site,
)
from qgm_observe.slo.indicator import Ratio

CHOSEN = 'slo="$slo"'
SPENT = Meaning(0, "gone", Color.BAD)
_OF_ALL = (
    "Of all work, whatever objective is chosen; what spent the budget of one objective is told by "
    "`qgm-observe slo status`."
)
PACE = "3d"
"""The window whose burn tells how long the budget will last."""


def error_budget(configuration: Configuration) -> Board:
    """Return the board."""
    here = site(configuration)
    slo = Variable(
        name="slo",
        title="Objective",
        query=f"label_values({BUDGET}, slo)",
        single=True,
        default=_first(configuration),
    )
    return Board(
        slug="slo",
        title="SLO and error budget",
        brief="What is promised, what is left of it, and what spends it?",
        rows=(
            Row("Now", _now(here)),
            Row("Burn", _burn(here)),
            Row("What failed, of all work", _spenders(here)),
            Row("All objectives", (_all(here),)),
        ),
        variables=(slo,),
        annotations=annotations(here.scope),
        links=links(configuration, "slo"),
        refresh="1m",
        time_from="now-7d",
    )


def _first(configuration: Configuration) -> str:
    """What a board opens on: the first objective that is judged by its events."""
    told = (each.name for each in configuration.objectives if isinstance(each.indicator, Ratio))
    return next(told, "")


def _recorded(name: str, window: str = "") -> str:
    """A recorded count of the objectives chosen, in a window or in each objective's own."""
    if window:
        return f'{name}{{{CHOSEN},window="{window}"}}'
    return f"({name}{{{CHOSEN}}} and on (slo, window) {BUDGET}{{{CHOSEN}}})"


def burn(window: str = "") -> str:
    """Return budget spent per budgeted time in a window or in each; NaN of too few events."""
    chosen = f'{{{CHOSEN},window="{window}"}}' if window else f"{{{CHOSEN}}}"
    bad, all_ = (f"max by (slo, window) ({name}{chosen})" for name in (ERRORS, EVENTS))
    ratio = f"{bad} / ({all_} >= {FEWEST})"
    return f"{ratio} / on (slo) group_left () max by (slo) ({_budget()}) or {all_} * NaN"


def _now(here: Site) -> tuple[Panel, ...]:
    left = here.told(
        "What is left of the error budget of the objective chosen.",
        "A quarter and more.",
        "QgmSloBurnTicket",
    )
    bad = here.told(
        "Bad events that the budget still takes, at the events of its window.",
        "Five and more: one failure then does not end it.",
        "QgmSloBurnTicket",
    )
    events = basis(f"sum({_recorded(EVENTS)})", "events in the window")
    allowed = f"{_recorded(EVENTS)} * on (slo, window) {_budget()}"
    remaining = f"min({allowed} - on (slo, window) {_recorded(ERRORS)})"
    return (
        kinds.ratio_stat("Budget left", left, f"min({budget_left(CHOSEN)})", events,
                         steps=LEFT_STEPS, width=8),
        kinds.stat("Bad events left", bad, "none", remaining, events, decimals=1,
                   steps=kinds.higher_is_better(0, 5, ("none", "few", "enough")), width=8),
        _low_traffic(here),
        _exhausted(here, events),
        _good(here, events),
    )  # fmt: skip


def _budget() -> str:
    return f"{BUDGET}{{{CHOSEN}}}"


def _exhausted(here: Site, events: Query) -> Panel:
    told = here.told(
        "When the budget is gone at the pace of the last 3 days, for a window of 28 days; what is "
        "spent is gone at any pace. At most 90 days are told.",
        "Longer than the window.",
        "QgmSloBurnPage",
    )
    left = budget_left(CHOSEN)
    pace = f"clamp_min({burn(PACE)}, 0.01)"
    day = 86400.0
    lasts = f"clamp_max({left} * {28 * day:.0f} / on (slo) {pace}, {90 * day:.0f})"
    gone = f"clamp_min({left} <= {GONE:g}, 0)"
    made = kinds.stat(
        "Budget lasts",
        told,
        SECONDS,
        f"min({gone} or {lasts})",
        events,
        steps=kinds.higher_is_better(day, 3 * day, ("under a day", "under 3 days", "for now")),
        width=8,
    )
    return kinds.meaning(made, SPENT)


def _good(here: Site, events: Query) -> Panel:
    told = here.told(
        "Share of good events in the objective's own window.",
        "At or above what is promised.",
        "QgmSloBurnTicket",
    )
    share = f"min(1 - {_recorded(ERRORS)} / on (slo, window) ({_recorded(EVENTS)} > 0))"
    return kinds.ratio_stat("Good events", told, share, events, steps=(), width=8)


def _low_traffic(here: Site) -> Panel:
    told = here.told(
        f"Events in each window. With fewer than {FEWEST} a burn rate says nothing, and is not "
        "drawn.",
        f"{FEWEST} and more.",
        "QgmSloBurnTicket",
    )
    steps = (
        Step(None, Color.UNKNOWN, "too few"),
        Step(5, Color.PLAIN, "few"),
        Step(FEWEST, Color.GOOD, "enough"),
    )
    counted = f"min by (window) ({EVENTS}{{{CHOSEN}}})"
    return kinds.table(
        "Events by window",
        told,
        ("window",),
        (*kinds.judged_columns(counted, "Events", COUNT, steps, "Are"),),
        width=8,
    )


def _burn(here: Site) -> tuple[Panel, ...]:
    rate = here.told(
        "How fast the budget is spent in each window, 1 being as planned; no line can rise above "
        f"the cap, where all fails. Windows with fewer than {FEWEST} events are left out.",
        "Below 1; pages come above 4.",
        "QgmSloBurnPage",
    )
    down = here.told(
        "What is left of each budget over time.", "Above 0 at the end of the window.",
        "QgmSloBurnTicket",
    )  # fmt: skip
    evidence = here.told(
        "Evidence against objectives that are judged by score, and what pages.",
        "Below the dashed line.",
        "QgmSloBurnPage",
    )
    behind = basis(f"sum({_recorded(EVENTS, '1d')})", "events a day")
    rates = Query(expr=burn(), legend="{{slo}} {{window}}")
    lines = (
        limit("vector(1)", "as planned"),
        limit("vector(4)", "page"),
        limit(f"1 / min({_budget()})", "cap"),
    )
    score, pages = (f"max by (slo) ({name}{{{CHOSEN}}})" for name in (HIGHEST, THRESHOLD))
    return (
        kinds.burn_timeseries("Burn rate", rate, (rates,), lines, behind),
        kinds.ratio_timeseries(
            "Budget left", down, (Query(expr=budget_left(CHOSEN), legend="{{slo}}"),), behind,
            steps=LEFT_STEPS,
        ),
        kinds.lines(
            "Evidence", evidence, "none",
            (Query(expr=score, legend="{{slo}}"), limit(pages, "{{slo}} pages")),
            behind, minimum=None,
        ),
    )  # fmt: skip


def _spenders(here: Site) -> tuple[Panel, ...]:
    errors = here.told(
        f"Failed jobs in the time shown, by class of error. {_OF_ALL}",
        "Empty.",
        "QgmSloBurnTicket",
    )
    apart = here.told(
        "Runs and requests that ended badly, by model and what they were for; training and "
        f"inference have budgets of their own. {_OF_ALL}",
        "Empty.",
        "QgmSloBurnTicket",
    )
    traffic = here.told(
        f"Runs and requests by how they ended. {_OF_ALL}", "Success only.", "QgmSloBurnTicket"
    )
    scope = here.scope
    failed = pick(signals.ROOTS, outcome=("failure", "timeout", "lost"))
    return (
        kinds.table(
            "Failed jobs by class (all work)", errors,
            ("provider", "device", "stage", "error_class"),
            _spent(scope.count(signals.JOB_ERRORS, RANGE,
                               ("provider", "device", "stage", "error_class"))),
            empty=kinds.NONE,
        ),
        kinds.table(
            "Failed work by model (all work)", apart, ("kind", "model", "pipeline"),
            (*_spent(scope.count(failed, RANGE, ("kind", "model", "pipeline"))),
             column(scope.count(signals.ROOTS, RANGE, ("kind", "model", "pipeline")), "Of",
                    "short", role=Role.BASIS)),
            empty=kinds.NONE,
        ),
        kinds.counted_bars(
            "Good and all (all work)", traffic,
            scope.count(signals.ROOTS, INTERVAL, ("kind", "outcome")), "{{kind}} {{outcome}}",
            width=24,
        ),
    )  # fmt: skip


def _spent(expr: str) -> Sequence[Query]:
    return (column(f"{expr} > 0", "Failed", "short"),)


def _all(here: Site) -> Panel:
    told = here.told(
        "Every objective: promised and kept, budget left, burn of a day, and its events.",
        "Kept.",
        "QgmSloBurnTicket",
    )
    own = f" and on (slo, window) {BUDGET}"
    bad, all_ = (f"max by (slo) ({name}{own})" for name in (ERRORS, EVENTS))
    return kinds.table(
        "Objectives",
        told,
        ("slo",),
        (
            *kinds.judged_columns(budget_left(), "Budget left", RATIO, LEFT_STEPS),
            column(f"1 - max by (slo) ({BUDGET})", "Promised", RATIO),
            column(f"1 - {bad} / ({all_} > 0)", "Kept", RATIO),
            column(bad, "Bad", "short", role=Role.BASIS),
            column(all_, "Of", "short", role=Role.BASIS),
        ),
        width=24,
        height=12,
        lowest_first="Budget left",
    )
