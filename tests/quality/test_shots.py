"""Shot plans."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.errors import UsageError
from qgm_observe.quality.budgets import compare_budgets
from qgm_observe.quality.shots import (
    ratio_sd,
    shots_for_change,
    shots_for_fidelity,
    shots_for_half_width,
    useful_shots_per_job,
)


@pytest.mark.parametrize(("half_width", "shots"), [(0.02, 1537), (0.01, 6147)])
def test_shots_for_a_half_width_are_those_of_the_formula(half_width, shots):
    """A ratio of 0.8 takes 3.84 x 0.16 / h^2 shots."""
    assert shots_for_half_width(half_width, ratio_sd(0.8)).shots == shots


@pytest.mark.parametrize(("change", "shots"), [(0.05, 1092), (0.02, 6507), (0.01, 25_580)])
def test_shots_for_a_change_are_those_of_the_formula(change, shots):
    """A drop from 0.8 takes 7.85 (sd1^2 + sd2^2) / change^2 shots an arm, within a shot in 500."""
    plan = shots_for_change(change, ratio_sd(0.8), ratio_sd(0.8 - change))

    assert plan.shots == pytest.approx(shots, rel=2e-3)


def test_the_planned_shots_reach_their_power():
    """A binomial z-test on the planned shots sees the change in 76 % to 84 % of 2,000 repeats."""
    shots = shots_for_change(0.05, ratio_sd(0.8), ratio_sd(0.75)).shots
    seen = np.random.default_rng(1).binomial(shots, [[0.8], [0.75]], (2, 2000)) / shots
    z = (seen[0] - seen[1]) / np.sqrt((seen * (1 - seen) / shots).sum(axis=0))

    assert 0.76 <= np.mean(np.abs(z) > 1.96) <= 0.84


def test_the_planned_jobs_reach_their_power():
    """Welch's test on the planned jobs sees the change in at least 76 % of 400 repeats."""
    sd, job_sd, change = 0.7, 0.01, 0.02
    plan = shots_for_change(change, sd, job_sd=job_sd, shots_per_job=4000)
    spread = math.hypot(job_sd, sd / math.sqrt(4000))
    random = np.random.default_rng(2)
    arms = spread * random.standard_normal((400, 2, plan.jobs))
    found = [compare_budgets(a, b + change).p < 0.05 for a, b in arms]

    assert plan.shots == 4000 * plan.jobs
    assert np.mean(found) >= 0.76


def test_beyond_the_useful_shots_more_jobs_help_more():
    """With a between-job deviation of 0.01 and a deviation of 0.4, 1,600 shots a job are useful."""
    assert useful_shots_per_job(0.4, 0.01) == 1600
    assert shots_for_change(0.02, 0.4, job_sd=0.01).useful_shots_per_job == 1600


def test_fidelity_needs_shots_against_its_bias():
    """N is above (k - 1) / 2 change and above 10 k."""
    assert shots_for_fidelity(0.001, 1024).shots == math.ceil(1023 / 0.002)
    assert shots_for_fidelity(0.5, 1024).shots == 10_240


@given(st.floats(1e-4, 1), st.floats(1e-3, 10), st.floats(0.5, 0.999))
def test_the_plan_is_enough_and_no_more(half_width, sd, level):
    """The planned shots reach the half-width, one shot less does not."""
    from scipy.stats import norm

    z = norm.ppf((1 + level) / 2)
    shots = shots_for_half_width(half_width, sd, level).shots

    assert z * sd / math.sqrt(shots) <= half_width * (1 + 1e-6)
    assert shots == 1 or z * sd / math.sqrt(shots - 1) > half_width * (1 - 1e-6)


@pytest.mark.parametrize(
    "plan",
    [
        lambda: shots_for_half_width(0.0, 1.0),
        lambda: shots_for_half_width(1e-300, 1.0),
        lambda: shots_for_half_width(0.1, float("nan")),
        lambda: shots_for_half_width(0.1, 1.0, 1.0),
        lambda: shots_for_change(-0.1, 1.0),
        lambda: shots_for_change(0.1, 1.0, power=1.0),
        lambda: shots_for_change(0.1, 1.0, job_sd=0.1, shots_per_job=0),
        lambda: shots_for_change(0.1, 1.0, job_sd=-0.1),
        lambda: ratio_sd(1.0),
        lambda: shots_for_fidelity(0.1, 0),
    ],
    ids=map(str, range(10)),
)
def test_impossible_plans_are_one_line(plan):
    """Widths of 0, more shots than any machine runs and bad shares are refused."""
    with pytest.raises(UsageError, match=r"write|ask for"):
        plan()
