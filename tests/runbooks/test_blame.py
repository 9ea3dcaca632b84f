"""The benchmark of triage, smaller: how often a side is right, and that health has none."""

import importlib.util
from pathlib import Path

import pytest

from qgm_observe.runbooks.priors import SAYS

_SPEC = importlib.util.spec_from_file_location(
    "triage_benchmark", Path(__file__).parents[2] / "benchmarks" / "triage.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
triage = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(triage)


def test_incidents_are_hardly_ever_blamed_on_the_wrong_side() -> None:
    """Of 25 incidents of each kind most are told rightly, and at most one in a hundred wrongly."""
    found = triage.measured(25, 3)
    answers = {name: sum(each[name] for each in found.values()) for name in ("right", "wrong")}

    assert answers["right"] > 0.6 * 25 * len(found)
    assert answers["wrong"] <= 0.01 * 25 * len(found)


@pytest.fixture(scope="module")
def well() -> dict[str, dict[str, int]]:
    """What every alert is answered by 20 exporters where nothing has a cause."""
    return triage.unharmed(20, 3)


@pytest.mark.parametrize("kind", [triage.WELL[0], triage.WELL[-1]])
def test_where_nothing_fails_or_nobody_answers_no_side_is_named(kind, well) -> None:
    """Whatever alert is asked about, nobody is blamed."""
    assert well[kind]["verdict"] == 0
    assert sum(well[kind].values()) >= len(SAYS)


def test_failures_by_chance_are_seldom_given_a_cause(well) -> None:
    """Where 3 % fail for reasons of their own, one answer in twenty at most names a side."""
    assert well[triage.WELL[1]]["verdict"] <= 0.05 * sum(well[triage.WELL[1]].values())
