"""What the alert on an account's device time is tried on, where a plan tells what is needed."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from qgm_observe.alerts.cause import NO_OBJECTIVE
from qgm_observe.alerts.courses import HEALTHY_STEPS, SOME, STEP, Trials, course
from qgm_observe.alerts.quota import BILLED, FREE_AT, NEEDED
from qgm_observe.alerts.scenario import (
    ANEW,
    BAD,
    COUNT,
    GONE,
    HEALTHY,
    IDLE,
    INSTANT,
    LEVEL,
    Check,
    Line,
    Phase,
    Phases,
    Scenario,
    Trial,
    notation,
    replica_of,
)
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.window import DAY, HOUR, MINUTE, shorthand

_LEFT = 100


def quota(made: Trials) -> Iterator[Trial]:
    """Yield the trials of what open work needs, and of when time is free again."""
    left = made.level(provider_signals.ACCOUNT_REMAINING, _LEFT, _LEFT)
    needed = made.level(signals.DEVICE_TIME_NEEDED, _LEFT / 2, (_LEFT + 1) / 2)
    twin = replace(needed, series=needed.series.replace('device="some"', 'device="twin"'))
    beside = [Line(each.sibling("provider"), LEVEL, 1, 1) for each in (left, needed)]
    lines = (left, needed, twin)
    account = {"account": SOME}
    yield made.trial(
        "QgmQuotaLow", ("provider",), *lines, *beside, scenarios=(course(3),), carries=account
    )
    other = replace(left, series=left.sibling("account"))
    untold = Scenario(
        "which of two accounts the work is of is not known: silent",
        [(HEALTHY, 4), (BAD, 6)],
        (Check(3, False), Check(9, False)),
    )
    whole = made.trial("QgmQuotaLow", ("provider",), *lines, other, scenarios=())
    yield replace(whole, scenarios=(untold,))
    billed = made.count(signals.COST_DEVICE_TIME, 1, 1, basis="billed")
    for record, line in ((NEEDED, replace(needed, healthy=1, bad=1)), (BILLED, billed)):
        yield replace(whole, lines=(line,), scenarios=(_summed(record, line),))
    yield replace(whole, lines=(), scenarios=tuple(_freed()), step=DAY, sampled=_SAMPLED)


def _summed(record: str, line: Line) -> Scenario:
    """Each label set counts once, however many replicas tell it; what is not asked for does not."""
    last = HEALTHY_STEPS - 1
    own = sum('provider="some"' in each for each in line.siblings) + 1
    each = 1.0 if line.kind == LEVEL else float(HEALTHY_STEPS)
    unasked = ((decoy, f"100+0x{last}") for decoy in line.decoys)
    return Scenario(
        "what differs in one label counts apart, by provider",
        [(HEALTHY, HEALTHY_STEPS)],
        (),
        spread=True,
        further=(*unasked, (replica_of(line.series), f"0+0x{last}")),
        recorded=(_told(record, {SOME: own * each, "other": each}, last * STEP),),
    )


# ----------------------------------------------------------------------------------- rolling on

_SAMPLED = 90 * MINUTE
"""Seconds between two samples: only every other one is a whole hour, at which is looked."""

_A_DAY = round(DAY / _SAMPLED)
_DAYS, _WINDOW, _USE = 30, 28 * DAY, 0.6
_LAST = _DAYS * _A_DAY
_ALWAYS: Phases = [(BAD, _LAST + 1)]
_OF_ACCOUNT = (
    provider_signals.ACCOUNT_REMAINING,
    provider_signals.ACCOUNT_PERIOD_START,
    provider_signals.ACCOUNT_PERIOD_END,
)
_FIRST, _SECOND = (days * DAY + 2 * _SAMPLED + _WINDOW for days in (10, 20))
"""When the use of days 10 and 20, an hour and a half after midnight, leaves the window (s)."""


_BEGIN = 2 * _A_DAY
"""Where the window of the last day begins."""


def _used(*before: tuple[int, Phase]) -> Phases:
    """Return phases, each up to a place; then what is used on days 10 and 20."""
    ten, twenty = 10 * _A_DAY + 1, 20 * _A_DAY + 1
    uses = ((ten, IDLE), (ten + 1, BAD), (twenty, IDLE), (twenty + 1, BAD), (_LAST + 1, IDLE))
    ends = (*before, *uses)
    begins = (0, *(end for end, _ in ends))
    return [(phase, end - begin) for begin, (end, phase) in zip(begins, ends, strict=False)]


_FROM_DAY_ONE = (_A_DAY, IDLE), (_A_DAY + 1, BAD)
_FROM_DAY_TEN = ((10 * _A_DAY, GONE),)


@dataclass(frozen=True)
class _Provider:
    """A provider whose accounts roll on.

    Attributes:
        name: What is special about it.
        free: When enough is free again (s), `None` for never known.
        used: Phases of use, 0.6 s each.
        lacking: Seconds that lack on the last day; before, none did. `None` is no plan.
        accounts: What is left (s), and how long ago (s) the window began and ended.
    """

    name: str
    free: float | None
    used: Phases = field(default_factory=lambda: _used(*_FROM_DAY_ONE))
    lacking: float | None = 1.0
    accounts: tuple[tuple[float, float, float], ...] = ((_LEFT, _WINDOW, 0.0),)

    def series(self) -> Iterator[tuple[str, str]]:
        """Yield its series, with their values as promtool reads them."""
        recorded = f'{{provider="{self.name}",slo="{NO_OBJECTIVE}"}}'
        late = GONE if self.lacking is None else HEALTHY
        lines = [(Line(f"{BILLED}{recorded}", COUNT, 0, _USE), self.used)]
        for number, account in enumerate(self.accounts):
            told = f'{{provider="{self.name}",account="{number}"}}'
            left, start, end = (f"{each.prometheus}{told}" for each in _OF_ACCOUNT)
            lines.append((Line(left, LEVEL, 10 * _LEFT, account[0]), [(late, _LAST), (BAD, 1)]))
            for series, ago in zip((start, end), account[1:], strict=True):
                own, older = ((series, ago), (replica_of(series), ago + 2 * DAY))
                lines += [(Line(each, INSTANT, None, at), _ALWAYS) for each, at in (own, older)]
        if self.lacking is not None:
            needed = Line(f"{NEEDED}{recorded}", LEVEL, 0, _LEFT + self.lacking)
            lines.append((needed, [(HEALTHY, _LAST), (BAD, 1)]))
        for line, phases in lines:
            yield line.series, notation(line.values(phases, _SAMPLED))


def _freed() -> Iterator[Scenario]:
    """When use leaves the window of the last day, provider by provider."""
    for name, providers in (
        ("use of our own leaves the window", _by_need()),
        ("journals that do not tell all of the window", _by_journal()),
        ("accounts that roll on, and others", _by_account()),
        ("as long as a window that rolls on", _by_length()),
    ):
        told = {each.name: each.free for each in providers if each.free is not None}
        yield Scenario(
            name,
            [(IDLE, _LAST)],
            (),
            further=tuple(series for each in providers for series in each.series()),
            recorded=(_told(FREE_AT, told, _DAYS * DAY),),
        )


def _by_need() -> tuple[_Provider, ...]:
    return (
        _Provider("what is lacking", _SECOND),
        _Provider("no plan: the next to leave it", _FIRST, lacking=None),
        _Provider("nothing lacks: likewise", _FIRST, lacking=-10),
    )


def _by_journal() -> tuple[_Provider, ...]:
    anew: tuple[tuple[int, Phase], ...] = (1, (0.0, 10.0)), (_BEGIN - 2, IDLE), (_BEGIN, ANEW)
    gap = (_BEGIN - 2, IDLE), (_BEGIN - 1, BAD), (_BEGIN + 1, GONE)
    away = *_FROM_DAY_ONE, (_BEGIN - 8, IDLE), (_BEGIN + 1, GONE)
    ended: Phases = [*_used(*_FROM_DAY_TEN)[:-1], (GONE, 1)]
    return (
        _Provider("young: all that it knows", _SECOND, _used(*_FROM_DAY_TEN)),
        _Provider("told no more", None, ended),
        _Provider("begun anew", _SECOND, _used(*anew)),
        _Provider("no sample for three hours", _SECOND, _used(*gap)),
        _Provider("no sample for thirteen hours", _FIRST, _used(*away)),
    )


def _by_account() -> tuple[_Provider, ...]:
    rolls, ends = (_LEFT, _WINDOW, 0.0), (_LEFT + 0.5, _WINDOW, -HOUR)
    return (
        _Provider("ends within the hour", _SECOND, accounts=((_LEFT, _WINDOW, -HOUR * 0.75),)),
        _Provider("ends in an hour: gives nothing back before", None, accounts=(ends,)),
        _Provider(
            "one is long enough, another begins anew now",
            None,
            accounts=((_LEFT, 20 * DAY, 0.0), (_LEFT, _WINDOW, -HOUR)),
        ),
        _Provider("two roll", None, accounts=(rolls, rolls)),
        _Provider("one of two rolls, and half is lacking", _FIRST, accounts=(rolls, ends)),
    )


def _by_length() -> tuple[_Provider, ...]:
    return tuple(
        _Provider(f"{days} days", free, accounts=((_LEFT, days * DAY, 0.0),))
        for days, free in ((20, None), (27, _SECOND), (29, _SECOND), (40, None))
    )


def _told(record: str, values: dict[str, float], when: float) -> dict[str, Any]:
    samples = [
        {"labels": f'{{provider="{name}",slo="{NO_OBJECTIVE}"}}', "value": float(plain(value))}
        for name, value in values.items()
    ]
    return {"expr": f"1 * {record}", "eval_time": shorthand(when), "exp_samples": samples}
