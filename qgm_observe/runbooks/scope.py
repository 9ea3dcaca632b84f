"""Which work an alert is about: what its objectives select, of the labels that it carries.

Other work is looked at for comparison alone; its failures and changes explain nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qgm_observe.runbooks.roots import Root
from qgm_observe.slo.indicator import Matcher, Ratio, Selection, Slices
from qgm_observe.slo.objective import Objective

NO_VALUE = frozenset({"", "all", "none"})
"""What a label of an alert says where it is about no single one."""

_NARROWING = ("pipeline", "provider", "device")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an alert is about.

    Attributes:
        objectives: Whose budget it guards; any of them. None: any work.
        labels: Of each alert that is active under its name; any of them. None: any work.
    """

    objectives: Sequence[Objective] = ()
    labels: Sequence[Mapping[str, str]] = ()

    def admits(self, root: Root) -> bool:
        """Return whether a root is of the work that the alert is about."""
        selections = [each for one in self.objectives for each in _counted(one)]
        wanted = [_narrowed(labels) for labels in self.labels]
        return _any([each.matchers for each in selections], root) and _any(wanted, root)


def _any(alternatives: Iterable[Sequence[Matcher]], root: Root) -> bool:
    every = list(alternatives)
    return not every or any(all(_fits(each, root) for each in one) for one in every)


def _counted(objective: Objective) -> Sequence[Selection]:
    indicator = objective.indicator
    if isinstance(indicator, Ratio):
        return indicator.total
    return (indicator.good.left.selection,) if isinstance(indicator, Slices) else indicator.spent


def _narrowed(labels: Mapping[str, str]) -> list[Matcher]:
    told = ((name, labels.get(name, "")) for name in _NARROWING)
    return [Matcher(name, (value,)) for name, value in told if value not in NO_VALUE]


def _fits(matcher: Matcher, root: Root) -> bool:
    """Return whether any value that a root has fits; a label that it has not says nothing."""
    values = _values(root, matcher.label)
    return not values or any(matcher.admits(value) for value in values)


def _values(root: Root, label: str) -> set[str]:
    if label in ("provider", "device"):
        return {place[label == "device"] for place in root.places}
    told = {
        "project": root.project,
        "pipeline": root.pipeline,
        "model": root.model,
        "model_version": root.model_version,
        "kind": root.kind,
    }
    return {told[label]} if label in told else set()
