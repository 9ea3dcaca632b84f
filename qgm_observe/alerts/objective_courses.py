"""Courses on which each clause of an objective's rule decides: its windows, pairs and vetoes."""

import math
from collections.abc import Iterator
from decimal import Decimal

from qgm_observe.alerts.scenario import BAD, GONE, HEALTHY, IDLE, Phase, Phases
from qgm_observe.slo.burn import PAGE, Burn
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import (
    FEWEST_ERRORS,
    RECOVERED,
    TICKET_THRESHOLD,
    WINDOWS,
    Score,
    Weights,
)
from qgm_observe.slo.window import DAY

Course = tuple[str, Phases, tuple[int, ...]]
"""What happens, the phases, and the steps at which to look."""

Planned = tuple[int, float, float]
"""Days, and how many failures a day were planned, and happened."""

_CRASH, _CLEAN, _NEARLY, _FEW = (0.0, 4.0), (10.0, 0.0), (6.0, 0.0), (5.0, 0.0)
"""Events that speak for an incident; that veto it; that do not quite; and even less."""

_DECIDED_PAGE, _DECIDED_TICKET = (1, 2, 4, 7, 8, 9), (2, 5, 9, 13, 17, 18)
"""Ends of phases at which both pairs are either above or below their factor by a good deal."""

_AWAY = (31, 36, 37, 38, 39, 40)
"""In days: before a day without samples, and after it at each window that begins in it."""

_JUST = "four failures, then successes that are just too few to veto"
_RATIO_OF_SHARES = 5.0
_MILLION = 1_000_000
_DECISIVE = 4
"""Bad steps after which there is no doubt: two hours."""

_LAST = 4


def failures(score: Score | None) -> int:
    """Return how many fail in a bad step for a few of them to leave no doubt."""
    if score is None:
        return 1
    page, ticket = (weights.error - weights.event for weights in (score.page, score.ticket))
    return math.ceil(max(1.5 * score.threshold(0) / page, TICKET_THRESHOLD / ticket) / _DECISIVE)


def of_hours(score: Score, step: float) -> tuple[Course, ...]:
    """Return courses for evidence of up to 6 hours: what was clean leaves window by window."""
    fresh: Phases = [(IDLE, 1), (_CRASH, 1), (_CLEAN, 1), (IDLE, 13)]
    work: list[tuple[Phase, int]] = [((3.0, 0.0), 14), (_CRASH, 1)]
    steady: Phases = [*work, (_NEARLY, 1), (IDLE, 13)]
    clean = "four failures, then ten successes: vetoed in each window that is clean"
    return (
        (clean, *_at(1, fresh, step)),
        ("four failures after steady work, then too few successes", *_at(14, steady, step)),
        ("five failures after just enough successes: no ticket", _at_once(score), (8,)),
        *(
            (_JUST, *_at(14, [*work, (just, 1), (IDLE, 6), (just, 1), (IDLE, 6)], step))
            for just in _just_recovered(score)
        ),
    )


def of_days(score: Score, step: float) -> tuple[Course, ...]:
    """Return courses for evidence of up to seven days."""
    fresh: list[tuple[Phase, int]] = [(IDLE, 1), (_CRASH, 1), (_CLEAN, 1), (IDLE, 12)]
    work: list[tuple[Phase, int]] = [((17.0, 0.0), 3), (IDLE, 7), ((16.0, 0.0), 2), (_CRASH, 1)]
    late: list[tuple[Phase, int]] = [((200.0, 0.0), 1), (IDLE, 12), ((0.0, 20.0), 1), (IDLE, 5)]
    away: Phases = [(IDLE, 1), ((10.0, 40.0), 1), (IDLE, 30), (GONE, 4), ((0.0, 1.0), 1), (IDLE, 4)]
    return (
        (
            "four failures of days ago, then ten successes",
            *_at(1, [*fresh, (_NEARLY, 1), (IDLE, 1)], step),
        ),
        (
            "four failures of days ago after steady work",
            *_at(12, [*work, (_FEW, 1), (IDLE, 14)], step),
        ),
        ("nothing is scraped for a day: the failures of long ago are no news", away, _AWAY),
        *(
            (_JUST, *_at(crash, phases, step))
            for just in _just_recovered(score)
            for crash, phases in (
                (1, [*fresh, (just, 1), (IDLE, 1)]),
                (12, [*work, (just, 1), (IDLE, 14)]),
                (14, [(IDLE, 1), *late, (just, 1)]),
            )
        ),
    )


def _at_once(score: Score) -> Phases:
    """Return failures that are far too many for half an hour, and not for any longer window."""
    failed = float(FEWEST_ERRORS)
    good = math.ceil((score.ticket.of(failed, failed) - TICKET_THRESHOLD) / score.ticket.event)
    return [(IDLE, 1), ((good + 1.0, 0.0), 1), (IDLE, 6), ((0.0, failed), 1)]


def of_window(score: Score, period: float) -> tuple[Course, ...]:
    """Return courses over a window (s) whose budget is spent; a step is a day.

    A square number of failures is planned in the window, and 36 in its last three days where that
    is looked at, so that what is allowed is whole.
    """
    days = round(period / DAY)
    before, plan = days - 7, days / 4
    if before <= 0:
        return ()
    spent, week = days * (days + 6) / 4 - before * (plan + 1), 7 * plan + math.sqrt(7 * plan)
    least, rest = math.floor(4 * spent / 7) / 4, math.floor(4 * week) / 4 - 3 * (plan + 2)
    steady = (before, plan, plan + 3)
    limits: tuple[tuple[str, int, list[Planned]], ...] = (
        ("whole", 1, [(before, plan, plan + 1), (1, plan, spent - 6 * least), (6, plan, least)]),
        ("seven days", 1, [steady, (1, plan, rest - 15), (3, plan, 5), (3, plan, plan + 2)]),
        ("three days", 3, [steady, (4, plan, plan + 3), (2, 12, 10), (1, 12, 22)]),
        ("before", 0, [(before, plan, plan), (7, plan, 16)]),
    )
    few: Phases = [(IDLE, days - 2), ((0.0, 1.0), 1)]
    return (
        (
            "a quarter more than is planned fails for a whole window, then nothing",
            _planned([(days, 20, 25), (5, 20, 0)], score.budget),
            (7, 8, days, days + 3, days + 5),
        ),
        (
            "a quarter more than is planned fails for a whole window, then all of a day",
            _planned([(days, 20, 25), (1, 20, 20 / score.budget)], score.budget),
            (days, days + 1),
        ),
        *(each for limit in limits for each in _at_limit(*limit, score.budget, days)),
        ("four failures in a window", [(IDLE, 1), ((5.0, 3.0), 1), *few], (days,)),
        ("five failures in a window", [(IDLE, 1), ((5.0, 4.0), 1), *few], (days,)),
    )


def _at_limit(
    where: str, place: int, days: list[Planned], budget: float, last: int
) -> Iterator[Course]:
    """Yield a course at a limit, or just below one that is not whole, and one just above it."""
    many, plan, failed = days[place]
    is_whole = all((planned / budget * 4).is_integer() for _, planned, _ in days)
    for further, told in ((0 if is_whole else -0.25, "at"), (1, "above")):
        days[place] = (many, plan, failed + further / many)
        name = f"a window is spent, {where} is just {told} its limit"
        yield name, _planned(days, budget), (last,)


def _planned(days: list[Planned], budget: float) -> Phases:
    """Return phases after a day without events."""
    told = (((planned / budget - failed, failed), many) for many, planned, failed in days)
    return [(IDLE, 1), *told]


def _at(crash: int, phases: Phases, step: float) -> tuple[Phases, tuple[int, ...]]:
    """Look when the failures have just left a window, when they are about to, and at the end."""
    last = sum(steps for _, steps in phases) - 1
    edges = {crash, crash + 1, last} | {
        crash + round(window / step) - before for window in WINDOWS for before in (0, 1)
    }
    return phases, tuple(sorted(at for at in edges if max(crash, 1) <= at <= last))


def _just_recovered(score: Score) -> tuple[Phase, ...]:
    """Return events of which the evidence is just not enough to veto, where pages weigh alike."""
    found = _just(score.recovery, RECOVERED) if score.page == score.recovery else None
    return () if found is None else (found,)


def _just(weights: Weights, evidence: float) -> Phase | None:
    """Return good and bad events of which the evidence is this to the last digit, if there are."""
    error, event = (Decimal(plain(each)) for each in (weights.error, weights.event))
    each, all_, wanted = (int(number * _MILLION) for number in (error, event, Decimal(evidence)))
    try:
        least = wanted * pow(each, -1, all_) % all_
    except ValueError:
        return None
    for bad in range(least, least + 9 * all_, all_):
        total = (each * bad - wanted) // all_
        if float(error) * bad - float(event) * total == evidence and total >= bad:
            return float(total - bad), float(bad)
    return None


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
    just = (course for each in pairs for course in _just_at_limit(each, pairs, objective.budget))
    return (("one window burns after the other", phases, decided), *just)


def _just_at_limit(burn: Burn, pairs: list[Burn], budget: Decimal) -> Iterator[Course]:
    """Yield courses in which one window of a pair is just at its limit, and the other above it.

    The other pair is kept below its own: by its long window where it is the lower one, else by any.
    """
    limit = int(Decimal(plain(burn.factor * budget)) * _MILLION)
    good: Phase = (float(_MILLION), 0.0)
    all_bad: Phase = (0.0, 100.0 * _MILLION)
    most: Phase = (100.0 * _MILLION, 0.0)
    long: Phases
    short: Phases
    twice, once = ((_MILLION - each * limit, each * limit) for each in (2.0, 1.0))
    if twice[0] < 0:
        return
    if burn.factor == min(each.factor for each in pairs):
        long = [(IDLE, 1), (good, 1), (IDLE, 2), (twice, 1)]
        short = [(IDLE, 1), (twice, 1), (IDLE, 2), (once, 1)]
    elif burn.severity == PAGE:
        long = [(IDLE, 2), (most, 1), (good, 1), (twice, 1)]
        short = [(IDLE, 2), (most, 1), (twice, 1), (once, 1)]
    else:
        bad = 199.0 * limit
        long = [(IDLE, 1), ((100.0 * _MILLION - bad, bad), 1), (most, 1), (IDLE, 1), (twice, 1)]
        short = [(IDLE, 1), (all_bad, 1), (most, 1), (IDLE, 1), (once, 1)]
    yield "the long window is just at its limit: silent", long, (_LAST,)
    yield "the short window is just at its limit: silent", short, (_LAST,)


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
