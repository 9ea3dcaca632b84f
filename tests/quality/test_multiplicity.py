"""Corrected p-values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from qgm_observe.errors import UsageError
from qgm_observe.quality.multiplicity import BENJAMINI_HOCHBERG, HOLM, corrected

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(p_values)
def test_benjamini_hochberg_is_that_of_scipy(values):
    """Adjusted values equal those of an independent implementation."""
    ours = corrected(values, BENJAMINI_HOCHBERG)

    assert ours == pytest.approx(false_discovery_control(values, method="bh"), abs=1e-12)


@given(p_values, st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(values, alpha):
    """A hypothesis is rejected exactly where the step-down procedure rejects it."""
    rejected = set()
    for rank, place in enumerate(np.argsort(values, kind="stable")):
        bound = values[place] * (len(values) - rank)
        if bound >= alpha:
            break
        rejected.add(int(place))

    assert set(np.flatnonzero(corrected(values, HOLM) < alpha).tolist()) == rejected


@given(p_values)
def test_adjusted_values_are_larger_and_keep_their_order(values):
    """No correction makes a p-value smaller, and none reorders them."""
    for method in (HOLM, BENJAMINI_HOCHBERG):
        adjusted = corrected(values, method)
        assert (adjusted >= np.array(values) - 1e-12).all()
        assert (np.diff(adjusted[np.argsort(values, kind="stable")]) >= 0).all()


def test_what_is_no_chance_is_refused():
    """Numbers outside [0, 1] and unknown methods are refused; nothing gives nothing."""
    for values, method in (([1.2], HOLM), ([float("nan")], HOLM), ([0.5], "sidak")):
        with pytest.raises(UsageError):
            corrected(values, method)
    assert corrected([]).tolist() == []
