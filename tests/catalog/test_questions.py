"""The questions of the catalog have the answers that their judges give."""

from typing import get_args

from qgm_observe.catalog.questions import ANSWERS, CHARTS
from qgm_observe.quality import charts
from qgm_observe.quality.noise import Cause
from qgm_observe.quality.training import TrainingState


def test_every_state_of_a_training_is_an_answer():
    """The states that a window can have are the answers to the question of the training."""
    assert set(ANSWERS["training"]) == {state.value for state in TrainingState}


def test_every_cause_is_an_answer():
    """The causes that attribution can name are the answers to the question of the cause."""
    assert set(ANSWERS["cause"]) == set(get_args(Cause))


def test_the_charts_are_those_of_the_catalog():
    """The label of a chart knows both kinds of chart."""
    assert CHARTS == (charts.EWMA, charts.CUSUM)
