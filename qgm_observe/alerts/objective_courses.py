"""Courses on which each clause of an objective's rule decides: its windows, pairs and vetoes."""

from qgm_observe.alerts.scenario import BAD, GONE, HEALTHY, IDLE, Phase, Phases
from qgm_observe.slo.burn import PAGE
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import WINDOWS

Course = tuple[str, Phases, tuple[int, ...]]
"""What happens, the phases, and the steps at which to look."""

_CRASH, _CLEAN, _NEARLY, _FEW = (0.0, 4.0), (10.0, 0.0), (6.0, 0.0), (5.0, 0.0)
"""Events that speak for an incident; that veto it; that do not quite; and even less."""

_DECIDED_PAGE, _DECIDED_TICKET = (1, 2, 4, 7, 8, 9), (2, 5, 9, 13, 17, 18)
"""Ends of phases at which both pairs are either above or below their factor by a good deal."""

_AWAY = (90, 103, 104, 108, 112, 115)
"""In days: before a day without samples, and after it at each window that begins in it."""

_RATIO_OF_SHARES = 5.0


def of_hours(step: float) -> tuple[Course, ...]:
    """Return courses for evidence of up to 12 hours: what was clean leaves window by window."""
    fresh: Phases = [(_CRASH, 1), (_CLEAN, 1), (IDLE, 26)]
    steady: Phases = [((3.0, 0.0), 26), (_CRASH, 1), (_NEARLY, 1), (IDLE, 26)]
    return (
        (
            "four failures, then ten successes: vetoed in each window that is clean",
            *_at(0, fresh, step),
        ),
        ("four failures after steady work, then too few successes", *_at(26, steady, step)),
    )


def of_days(step: float) -> tuple[Course, ...]:
    """Return courses for evidence of up to seven days."""
    fresh: Phases = [(_CRASH, 1), (_CLEAN, 1), (IDLE, 36), (_NEARLY, 1), (IDLE, 1)]
    steady: Phases = [
        *((_FEW, 10), (IDLE, 20)),
        *(((3.0, 0.0), 5), (_CRASH, 1), (_FEW, 1), (IDLE, 38)),
    ]
    away: Phases = [((10.0, 40.0), 1), (IDLE, 90), (GONE, 12), ((0.0, 1.0), 1), (IDLE, 12)]
    return (
        ("four failures of days ago, then ten successes", *_at(0, fresh, step)),
        ("four failures of days ago after steady work", *_at(35, steady, step)),
        ("nothing is scraped for a day: the failures of long ago are no news", away, _AWAY),
    )


def _at(crash: int, phases: Phases, step: float) -> tuple[Phases, tuple[int, ...]]:
    """Look when the failures have just left a window, when they are about to, and at the end."""
    last = sum(steps for _, steps in phases) - 1
    edges = {crash, crash + 1, last} | {
        crash + round(window / step) - before for window in WINDOWS for before in (0, 1)
    }
    return phases, tuple(sorted(at for at in edges if max(crash, 1) <= at <= last))


def of_pairs(objective: Objective, severity: str, wanted: str) -> tuple[Course, ...]:
    """Return courses in which one window burns after the other, each pair alone and neither.

    A step is half an hour for pages, and two hours for tickets.
    """
    pairs = [each for each in objective.burns if each.severity == severity]
    if severity != wanted or not pairs:
        return ()
    least = float(min(each.factor for each in pairs) * objective.budget)
    apart = float(max(each.factor for each in pairs) / min(each.factor for each in pairs))
    is_page = severity == PAGE
    phases = _paged(least) if is_page else _ticketed(least, apart)
    decided = _DECIDED_PAGE if is_page else _DECIDED_TICKET
    return (("one window burns after the other", phases, decided),)


def _paged(share: float) -> list[tuple[Phase, int]]:
    """For 6 h and 30 min, and 1 h and 5 min at 2.4 times their share; a step is 30 minutes."""
    told = [(1, 1.5), (1, 1.5), (1, 0.75), (4, 0.0), (1, 2.0)]
    told += [(60, 0.0), (1, 1.0), (1, 3.0), (1, 3.0), (1, 2.0)]
    return [_mixed(many, part * share) for many, part in told]


def _ticketed(share: float, apart: float) -> list[tuple[Phase, int]]:
    """For 3 days and 6 h, and 1 day and 2 h at thrice their share; a step is two hours."""
    top = min(_RATIO_OF_SHARES, 1 / share)
    high = (apart + top) / 2
    told = [(1, 1.5), (1, 1.5), (1, 1.5), (1, 0.75), (1, 0.75), (1, 0.75)]
    told += [(10, 0.0), (1, 2.0), (1, 2.0), (1, 2.0), (20, top), (10, 0.0), (10, 0.0), (1, high)]
    told += [(120, top), (10, 0.0), (10, 0.0), (1, high), (1, 2.0)]
    return [_mixed(many, part * share) for many, part in told]


def _mixed(many: float, share: float) -> tuple[Phase, int]:
    """Return a step of many hundred events with a share of bad ones, whole numbers."""
    bad = round(many * 1000 * min(share, 1.0))
    return (many * 1000 - bad, float(bad)), 1


# --------------------------------------------------------------------------------------- minutes


def of_minutes() -> tuple[Course, ...]:
    """Return courses for burn rates of minutes, which cannot be weighed but only be missing.

    A step is a quarter of an hour; with 5 % of budget the pair of 3 days and 6 h burns alone, then
    that of 1 day and 2 h, and before and after each a single window does.
    """
    slow: Phases = [*_bad_after(33), *_bad_after(9), *_bad_after(9), (HEALTHY, 5)]
    gone: Phases = [(HEALTHY, 6), (GONE, 2), (BAD, 1)]
    fast: Phases = [(BAD, 8), *_bad_after(6), (HEALTHY, 20), *gone, (HEALTHY, 7), (HEALTHY, 26)]
    return (
        ("now and then a bad minute", slow, (43, 58)),
        ("many bad minutes, then a few of few", [*fast, *gone], (14, 34, 43, 50, 85)),
    )


def _bad_after(steps: int) -> Phases:
    return [(HEALTHY, steps), (BAD, 1)]
