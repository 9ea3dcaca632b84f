"""The plain rule, where it is offered and where it is refused."""

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.quality.baseline import NO_BASELINE, Baseline
from qgm_observe.quality.drop_rule import dropped
from qgm_observe.records import Estimate

BASELINE = Baseline(metric="xeb_score", center=0.8, sd=0.008, n=64)


def score(value: float, half: float = 0.01, name: str = "xeb_score") -> Estimate:
    """A score with a symmetric interval."""
    return Estimate(name=name, value=value, low=value - half, high=value + half)


def test_a_clear_drop_fires_with_certainty():
    """A score of 0.6 after 0.8 is a change of -25 %, certain at its interval."""
    told = dropped(score(0.6), BASELINE)

    assert told.change.value == pytest.approx(-0.25)
    assert (told.fired, told.certain) == (True, True)


def test_a_drop_within_its_noise_fires_without_certainty():
    """The rule fires at -11 %, and the interval says that this is not sure."""
    told = dropped(score(0.71, half=0.05), BASELINE)

    assert (told.fired, told.certain) == (True, False)


def test_a_small_drop_does_not_fire():
    """A change of -9 % is below the threshold of 10 %."""
    assert not dropped(score(0.728), BASELINE).fired


def test_the_interval_counts_the_noise_of_the_baseline():
    """An exact score has the standard error of the center, 1.96 x 0.008 / 8, over 0.8."""
    told = dropped(score(0.8, half=0.0), BASELINE).change

    assert told.high == pytest.approx(1.96 * 0.001 / 0.8, rel=1e-3)


@pytest.mark.parametrize("name", ["hellinger_fidelity", "hellinger_fidelity_debiased", "fidelity"])
def test_hellinger_fidelity_is_refused_with_an_explanation(name):
    """The rule means nothing on a fidelity, whoever asks."""
    with pytest.raises(UsageError, match=r"twice the two-qubit error moves it by -1\.6 %"):
        dropped(score(0.6, name=name), BASELINE, unbiased=True)


def test_an_unknown_score_has_to_be_vouched_for():
    """A score of one's own is accepted once it is called unbiased."""
    with pytest.raises(UsageError, match="unbiased=True"):
        dropped(score(0.6, name="tvd"), BASELINE)
    assert dropped(score(0.6, name="my_score"), BASELINE, unbiased=True).fired


def test_what_cannot_be_judged_has_a_reason_and_does_not_fire():
    """No value, no baseline and a baseline of 0 fire nothing and say why."""
    missing = Estimate(name="xeb_score", reason="no shots")
    empty = Baseline(metric="xeb_score", center=0.0, sd=0.1, n=64)
    told = [
        dropped(missing, BASELINE),
        dropped(score(0.5), None),
        dropped(score(0.5), empty),
    ]

    assert [each.fired or each.certain for each in told] == [False] * 3
    assert [each.change.reason for each in told] == [
        "xeb_score: no shots",
        NO_BASELINE,
        "the baseline is not above 0 for certain",
    ]
