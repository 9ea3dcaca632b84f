"""The state of a training, told from its last steps while it goes on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import qgm_observe as qgm
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder
from qgm_observe.records import Estimate

from .conftest import Clock

pytestmark = pytest.mark.usefixtures("recorder")
Rows = Callable[..., list[Event]]


def train(losses: Any, each: Callable[[Any, int], None] = lambda *_: None) -> None:
    """A run that tells these losses, and what else `each` tells of a step."""
    with qgm.run(model="m") as run:
        for index, loss in enumerate(losses):
            with run.step() as step:
                step.loss(loss, standard_error=0.01)
                each(step, index)


def states(rows: Rows) -> list[str]:
    told = rows(verbs=("judged",))
    return [e.body["answer"] for e in told if e.body["question"] == "training"]


def test_a_falling_loss_is_improving_and_shown(
    rows: Rows, recorder: Recorder, clock: Clock
) -> None:
    """Thirty steps down give the state, its slope, and a gauge of the answer until the run ends."""
    with qgm.run(model="m") as run:
        for loss in np.linspace(1.0, 0.2, 30):
            with run.step() as step:
                step.loss(loss, standard_error=0.01)
            clock.tick(0.1)
        assert states(rows)[-1] == "improving"
        clock.tick(60)
        text = recorder.aggregates.exposition().text.decode()
    slopes = [e.body for e in rows(verbs=("estimate",)) if e.body["name"] == "loss_slope"]
    assert slopes[-1]["value"] == pytest.approx(-0.8 / 29)
    verdicts = [x for x in text.splitlines() if x.startswith("qgm_quality_verdict{")]
    assert [float(x.rpartition(" ")[2]) for x in verdicts] == [1.0]
    assert 'answer="improving"' in verdicts[0]
    qgm.flush()
    assert b"\nqgm_quality_verdict{" not in recorder.aggregates.exposition().text


@pytest.mark.parametrize(
    ("turns", "answer"),
    [([1, 2] * 15, "insufficient_data"), ([1] * 15 + [2] * 15, "improving")],
    ids=["by turns", "one after the other"],
)
def test_losses_of_optimizers_that_take_turns_are_no_verdict(
    rows: Rows, turns: list[int], answer: str
) -> None:
    """A generator's loss and its critic's say nothing together; a second phase of training does."""
    with qgm.run(model="m") as run:
        for loss, turn in zip(np.linspace(1.0, 0.2, 30), turns, strict=True):
            with run.step() as step:
                step.turn = turn
                step.loss(loss, standard_error=0.01)
    told = rows(verbs=("judged",))

    assert [e.body["answer"] for e in told][-1] == answer
    assert ("take turns" in told[-1].body["reason"]) == (answer == "insufficient_data")


def test_a_loss_with_noise_has_an_interval(rows: Rows) -> None:
    """The newest loss is told with the normal interval of its shot noise; none without noise."""
    train(np.linspace(1.0, 0.2, 30))
    told = [e.body for e in rows(verbs=("estimate",)) if e.body["name"] == "loss"]
    with qgm.run(model="quiet") as run:
        for index in range(30):
            with run.step() as step:
                step.loss(1 / (index + 1))

    assert told[-1]["value"] == pytest.approx(0.2)
    reach = told[-1]["high"] - told[-1]["value"]
    assert reach == pytest.approx(0.0196, rel=1e-3)
    assert told[-1]["value"] - told[-1]["low"] == pytest.approx(reach)
    quiet = [e for e in rows(verbs=("estimate",)) if e.body["model"] == "quiet"]
    assert "loss_slope" in {e.body["name"] for e in quiet}
    assert "loss" not in {e.body["name"] for e in quiet}


@pytest.mark.parametrize(
    ("floor", "state"), [(None, "plateau_or_converged"), (0.5, "converged")], ids=["none", "floor"]
)
def test_a_floor_may_be_a_setting(
    floor: float | None,
    state: str,
    rows: Rows,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Steps that tell no floor of their own have that of the settings."""
    monkeypatch.setattr(recorder, "settings", replace(recorder.settings, loss_floor=floor))
    train(0.5 + 0.01 * np.random.default_rng(7).standard_normal(30))

    assert states(rows)[-1] == state


def test_a_plateau_needs_the_floor_which_an_estimate_brings(rows: Rows) -> None:
    """Flat without a signal is a plateau above an estimate's floor, and unsaid without one."""
    noise = np.random.default_rng(4)

    def silent(step: Any, _: int) -> None:
        step.gradient(noise.normal(0, 0.01, 40), np.full(40, 0.01))

    flat = 0.5 + 0.01 * noise.standard_normal(40)
    train(flat, silent)
    reach = 1.959964 * 0.01
    train(
        [
            Estimate(name="mmd", value=v, low=v - reach, high=v + reach, floor=0.0)
            for v in flat.tolist()
        ],
        silent,
    )

    assert states(rows) == [
        "plateau_or_converged",
        "plateau_or_converged",
        "barren_plateau",
        "barren_plateau",
    ]


def test_parameters_that_rest_are_stuck(rows: Rows) -> None:
    """The same parameters in every step are an optimizer that moves nothing."""
    same = np.zeros(3)
    train([0.5] * 12, lambda step, _: step.parameters(same))

    assert states(rows)[-1] == "stuck"


def test_a_vector_is_taken_as_it_is_now(rows: Rows) -> None:
    """An optimizer that changes its vector in place is not taken for one that rests."""
    theta = np.zeros(3)

    def move(step: Any, _: int) -> None:
        step.parameters(theta)
        theta[:] += 0.1

    train(np.linspace(1, 0.5, 12), move)

    assert states(rows)[-1] == "improving"


def test_few_steps_say_nothing(rows: Rows) -> None:
    """Nine steps are no window."""
    train([1.0] * 9)

    assert states(rows) == []


def test_it_is_judged_once_a_second_and_at_the_end(rows: Rows, clock: Clock) -> None:
    """Two hundred steps in no time are judged at the tenth and at the end; time brings more."""
    train(np.linspace(1, 0, 200))
    fast = len(states(rows))
    train(np.linspace(1, 0, 40), lambda *_: clock.tick(1))

    assert fast == 2
    assert len(states(rows)) - fast == 4


def test_odd_telemetry_breaks_no_training(
    counted: tuple[Recorder, Any],
) -> None:
    """Gradients of changing shape and losses that are no numbers cost their verdict alone."""
    recorder, counts = counted
    with qgm.run() as run:
        for index in range(20):
            with run.step() as step:
                step.loss(float("nan") if index == 3 else 0.5)
                step.gradient([0.1] * (index % 3 + 1), [0.1])
                step.parameters([float("inf")] * (index % 2 + 1))
    recorder.flush(5)
    recorder.flush(5)

    assert run.steps == 20
    assert set(counts) <= {"event"}


def test_a_training_without_numpy_is_not_judged(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody has loaded numpy it is not loaded for a verdict."""
    import sys

    monkeypatch.delitem(sys.modules, "numpy")
    train([1.0] * 12)

    assert states(rows) == []
