"""A rule that is about no objective: a trend of events, or a cause."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qgm_observe.alerts.budget import ALL, PLACES, standing
from qgm_observe.alerts.configuration import Configuration
from qgm_observe.alerts.table import BY_NAME
from qgm_observe.alerts.text import Said, annotations
from qgm_observe.slo.indicator import Selection
from qgm_observe.slo.window import MINUTE, shorthand

NO_OBJECTIVE = "none"
"""Label `slo` of what is about none: a missing label would be equal to every missing label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """An alerting rule and what it says.

    Attributes:
        alert: Its name in the table.
        expression: PromQL.
        by: Labels of the result.
        hold: Seconds for which it has to hold.
        said: Its own parts of the text.
        labels: Further labels that stay as they are.
        records: What is recorded before it, by the name of the series.
        counted: Counters of a journal that it counts, of which first samples are recorded.
    """

    alert: str
    expression: str
    by: tuple[str, ...]
    said: Said
    hold: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    counted: tuple[Selection, ...] = ()

    def rules(self, configuration: Configuration) -> Iterator[dict[str, Any]]:
        """Yield what is recorded for it, and it."""
        for name, expression in self.records.items():
            yield {"record": name, "expr": expression, "labels": {"slo": NO_OBJECTIVE}}
        yield self.rule(configuration)

    def rule(self, configuration: Configuration) -> dict[str, Any]:
        """Return it as Prometheus reads it."""
        alert = BY_NAME[self.alert]
        rule: dict[str, Any] = {"alert": self.alert, "expr": self.expression}
        if self.hold >= MINUTE:
            rule["for"] = shorthand(self.hold)
        labels = {"slo": NO_OBJECTIVE, **standing(alert), **self.labels}
        rule["labels"] = labels | {name: self._place(name) for name in PLACES}
        rule["annotations"] = annotations(configuration, alert, self.said, self.by)
        return rule

    def _place(self, name: str) -> str:
        """Fill a place that the result names, or does not know."""
        if name not in self.by:
            return ALL
        return f"{{{{ with $labels.{name} }}}}{{{{ . }}}}{{{{ else }}}}unknown{{{{ end }}}}"
