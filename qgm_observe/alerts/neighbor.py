"""What is recorded of another objective: a rule has to look at its own alone."""

from collections.abc import Iterable, Mapping

from qgm_observe.alerts import money_rules, score_rules
from qgm_observe.alerts.budget import ERRORS, EVENTS
from qgm_observe.slo import promql
from qgm_observe.slo.score import WINDOWS
from qgm_observe.slo.window import shorthand

_RATIO = "slo:sli_error:ratio"
DECISIVE = (_RATIO, score_rules.EVIDENCE, score_rules.RECOVERY, score_rules.THREATENED)
"""Beginnings of names that decide whether an alert fires."""

_MANY = 1000.0
_ANOTHER: dict[str, tuple[float, float | None]] = {
    ERRORS: (_MANY, 0.0),
    EVENTS: (_MANY, _MANY**4),
    score_rules.EVIDENCE: (_MANY, -_MANY),
    score_rules.RECOVERY: (-_MANY, -_MANY),
    score_rules.HIGHEST: (_MANY, -_MANY),
    score_rules.THRESHOLD: (-_MANY, _MANY),
    score_rules.THREATENED: (_MANY, None),
    promql.GOOD: (0.0, 1.0),
    promql.COUNTED: (1.0, 1.0),
    money_rules.SPENT: (_MANY * _MANY, 0.0),
}
"""What is recorded of another objective that burns, and of one that does not, `None` where nothing
is; others are ratios."""


def series(
    recorded: Iterable[tuple[str, Mapping[str, str]]],
    place: int,
    steps: int,
    names: tuple[str, ...] = ("",),
) -> tuple[tuple[str, str], ...]:
    """Return series of another objective, with their values as promtool reads them.

    Args:
        recorded: Name and labels of what is recorded of the own objective.
        place: 0 for one that burns, 1 for one that does not.
        steps: For how long.
        names: Beginnings of the names that are wanted.
    """
    return tuple(
        (f"{record}{_braced({**told, 'slo': 'another'})}", f"{value:.0f}+0x{steps - 1}")
        for record, labels in recorded
        if record.startswith(names) and (record in _ANOTHER or record.startswith(_RATIO))
        for value in (_ANOTHER.get(record, (1.0, 0.0))[place],)
        if value is not None
        for told in _by_window(record, labels)
    )


def _by_window(record: str, labels: Mapping[str, str]) -> list[Mapping[str, str]]:
    if record not in {score_rules.EVIDENCE, score_rules.RECOVERY}:
        return [labels]
    return [{**labels, "window": shorthand(window)} for window in WINDOWS]


def _braced(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{{{told}}}"
