"""All estimates of one set of counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.cells import align
from qgm_observe.quality.counts import Counts
from qgm_observe.quality.evaluation import evaluate
from qgm_observe.quality.jensen_shannon import jensen_shannon
from qgm_observe.quality.mmd import mmd_squared

NAMES = [
    "valid_shot_ratio",
    "shots_per_usable_sample",
    "linear_xeb",
    "total_variation",
    "jensen_shannon",
    "hellinger_fidelity",
    "kullback_leibler",
    "mmd_squared",
    "chi_square_p",
    "g_test_p",
    "good_turing_coverage",
    "entropy",
    "effective_modes",
    "mode_deficit",
]
P = np.array([0.1, 0.2, 0.3, 0.4])


def test_an_evaluation_lists_every_estimate_once() -> None:
    """Iterating gives each estimate under its own name, and the user's metrics last."""
    found = evaluate(
        {"00": 90, "01": 210, "10": 300, "11": 400},
        P,
        metrics={"ones": lambda cells: (0.5, 0.4, 0.6)},
    )

    assert [estimate.name for estimate in found] == [*NAMES, "ones"]


def test_its_fields_are_the_estimators_own_results() -> None:
    """A field is what the estimator says about the same counts."""
    counts = {"00": 90, "01": 210, "10": 300, "11": 400}
    found, cells = evaluate(counts, P, level=0.9, bandwidths=[2.0]), align(counts, P)

    assert found.js == jensen_shannon(cells, 0.9)
    assert found.mmd == mmd_squared(cells, 0.9, [2.0])
    assert found.valid.value == 1


def test_a_data_set_needs_the_valid_outcomes() -> None:
    """Against a data set validity has a reason, unless the valid outcomes are named."""
    counts, rows = {"00": 500, "11": 500}, {"00": 300, "11": 300}

    assert "pass `valid`" in (evaluate(counts, rows).valid.reason or "")
    assert "pass `valid`" in (evaluate(counts, rows).shots_per_usable.reason or "")
    assert evaluate(counts, rows, valid=["00"]).valid.value == 0.5


@given(
    numbers=st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(any),
    weights=st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any),
    data_set=st.booleans(),
)
def test_each_estimate_has_a_value_or_a_reason(
    numbers: list[int], weights: list[int], data_set: bool
) -> None:
    """Whatever comes, each estimate is finite and inside its interval, or has a reason."""
    target = Counts.from_cells(weights) if data_set else np.array(weights) / sum(weights)

    for estimate in evaluate(Counts.from_cells(numbers), target):
        assert (estimate.value is None) == (estimate.reason is not None)
        known = [e for e in (estimate.low, estimate.value, estimate.high) if e is not None]
        assert known == sorted(known)
        assert np.isfinite([*known, estimate.floor or 0.0]).all()


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    """A confidence level outside (0, 1) is refused at once."""
    with pytest.raises(UsageError, match="level"):
        evaluate({"0": 1}, [0.5, 0.5], level=level)


def test_as_many_shots_as_outcomes() -> None:
    """2^18 outcomes and as many shots are evaluated, and what they tell has an interval."""
    rng = np.random.default_rng(1)
    p = rng.exponential(size=2**18)
    p /= p.sum()

    found = evaluate(Counts.from_cells(rng.multinomial(2**18, p)), p)

    assert found.tvd.low == 0
    assert found.xeb.value == pytest.approx(1, abs=0.02)
    assert found.mmd.value == pytest.approx(0, abs=1e-5)
    assert found.js.low == 0
    assert found.js.high is not None
    assert found.js.high < 0.1


def test_printed_it_is_a_table() -> None:
    """Each statistic has a line of its own with its interval and floor, none over 80 columns."""
    lines = str(evaluate({"00": 480, "11": 500, "01": 20}, {"00": 0.5, "11": 0.5})).splitlines()

    assert lines[0].split() == ["samples", "value", "interval", "at", "95%", "perfect", "shows"]
    assert lines[1].split() == ["valid", "shot", "ratio", "0.98", "0.9693", "to", "0.9877", "1"]
    assert lines[9].split() == ["chi", "square", "p", "<", "1e-16", "0.5"]
    assert [line.partition("  ")[0].replace(" ", "_") for line in lines[1:]] == NAMES
    assert max(map(len, lines)) <= 80


def test_printed_it_says_why_there_is_no_value() -> None:
    """What the shots do not tell has its reason where the interval would stand."""
    told = str(evaluate({"00": 4, "11": 5}, {"00": 40, "11": 50}))

    assert "valid shot ratio         not known  the target is a data set, which" in told


def test_its_representation_names_the_fields() -> None:
    """In a prompt the values stand by the names under which they are had, in one short line."""
    told = repr(
        evaluate(
            {"00": 9, "11": 11}, {"00": 1, "11": 2}, metrics={"ones": lambda _: (0.5, 0.4, 0.6)}
        )
    )

    assert told.startswith("Evaluation(valid=None, shots_per_usable=None, xeb=None, tvd=")
    assert told.endswith(", mode_deficit=None, ones=0.5)")
    assert len(told) < 250
