"""Lint of boards: what would mislead whoever opens one, by the name of the rule that it breaks."""

from collections.abc import Iterator
from dataclasses import dataclass

from qgm_observe.dashboards import grafana_rules, house_rules
from qgm_observe.dashboards.grafana_rules import Json


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint.

    Attributes:
        rule: Its name.
        board: Title of the board.
        place: Title of the panel, or what else it is about.
        message: What is wrong.
    """

    rule: str
    board: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.board}, {self.place}: {self.message}"


def lint(board: Json) -> Iterator[Finding]:
    """Yield what a board breaks, but for the rules that are excluded with a reason."""
    rules = grafana_rules.RULES | house_rules.RULES
    for name, rule in rules.items():
        if name not in grafana_rules.EXCLUDED:
            for place, message in rule(board):
                yield Finding(name, board["title"], place, message)
