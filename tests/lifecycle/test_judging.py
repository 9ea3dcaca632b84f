"""Inputs, parameters and encodings are judged where they are told, and none of them is kept."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder
from qgm_observe.quality.encoding import Encoding

pytestmark = pytest.mark.usefixtures("recorder")
Rows = Callable[..., list[Event]]
CANARY = 8123.456789
ANGLE = Encoding(
    name="angle", version="3", features=("a", "b"), low=(0.0, 0.0), high=(1.0, 9.0), bits=(2, 0)
)
OTHER = Encoding(
    name="angle", version="3", features=("b", "a"), low=(0.0, 0.0), high=(1.0, 9.0), bits=(2, 0)
)


def answer(rows: Rows, question: str) -> Any:
    told = [e.body for e in rows(verbs=("judged",)) if e.body["question"] == question]
    return told[-1]


def test_inputs_that_drift_are_found(rows: Rows) -> None:
    """One of two features that moved is a drift, with the least p as an estimate."""
    random = np.random.default_rng(0)
    before = {"size": random.normal(0, 1, 300), "color": random.choice(["r", "g"], 300)}
    after = {"size": random.normal(2, 1, 300), "color": random.choice(["r", "g"], 300)}
    with qgm.run() as run:
        run.inputs(before, before)
        steady = answer(rows, "inputs")
        told = run.inputs(after, before)
    (least,) = [e.body for e in rows(verbs=("estimate",))][-1:]

    assert steady["answer"] == "steady"
    assert answer(rows, "inputs")["answer"] == "drifted"
    assert answer(rows, "inputs")["reason"] == "1 of 2 features"
    assert least["name"] == "input_drift_p"
    assert least["value"] == min(each.adjusted_p or 1 for each in told) < 0.01


def test_too_few_rows_leave_it_untold(rows: Rows) -> None:
    """Ten rows give a reason instead of an answer."""
    with qgm.job("aer", kind="inference") as job:
        job.inputs({"x": [1.0] * 10}, {"x": [1.0] * 10})

    assert answer(rows, "inputs")["answer"] == "untold"
    assert "insufficient rows" in answer(rows, "inputs")["reason"]


def test_parameters_that_moved_are_counted(rows: Rows) -> None:
    """One of three parameters beyond both thresholds is a move; a full turn is none."""
    with qgm.run(kind="inference") as run:
        run.parameters([1.0, 2.0 + 2 * np.pi, 3.5], [1.0, 2.0, 3.0])
    (share,) = [e.body for e in rows(verbs=("estimate",))]

    assert answer(rows, "parameters")["answer"] == "moved"
    assert share["value"] == pytest.approx(1 / 3)


def test_the_encoding_is_on_every_record(rows: Rows) -> None:
    """Run, steps and jobs inside carry name, version and fingerprint of the run's encoding."""
    with qgm.run(model="m") as run:
        run.encoding(ANGLE)
        with run.step() as step, step.job("aer"):
            pass
    with qgm.run(model="m"):
        pass
    ended = rows(verbs=("finished",))

    told = f"angle 3 {ANGLE.fingerprint}"
    assert [e.body.get("encoding") for e in ended] == [told, told, told, None]
    assert answer(rows, "encoding")["answer"] == "recorded"


def test_an_inference_that_encodes_otherwise_is_found(rows: Rows) -> None:
    """Another order of features than the training of the same model told is a mismatch."""
    with qgm.run(model="m", model_version="2") as run:
        run.encoding(ANGLE)
    rows()
    with qgm.job("aer", model="m", model_version="2", kind="inference") as job:
        same, differ = job.encoding(ANGLE), job.encoding(OTHER)
    with qgm.job("aer", model="m", model_version="9", kind="inference") as unknown:
        unknown.encoding(ANGLE)
    told = [e.body for e in rows(verbs=("judged",))]

    assert same == ()
    assert [part.partition(":")[0] for part in differ] == ["features"]
    answers = [body["answer"] for body in told]
    assert answers == ["recorded", "matching", "mismatched", "untold"]
    assert told[2]["reason"] == "features"


def test_what_the_encoding_loses_is_an_estimate(rows: Rows) -> None:
    """Coverage of rows and features, clipping, collisions and failures are series of their own."""
    raw = np.array([[0.1, 1.0], [0.9, 20.0], [np.nan, 2.0], [0.4, 3.0]])
    with qgm.run() as run:
        run.encoding(ANGLE, raw=raw, encoded=np.zeros((4, 2)), failures={"ValueError": 1}, rows=4)
    told = {e.body["name"]: e.body["value"] for e in rows(verbs=("estimate",))}

    assert told == {
        "encoded_row_share": 0.75,
        "encoded_feature_share": 1.0,
        "clipped_share": pytest.approx(1 / 6),
        "collision_share": 1.0,
        "encoding_failure_share": 0.25,
    }


@pytest.mark.parametrize(
    "tell",
    [
        lambda run: run.encoding("angle"),
        lambda run: run.encoding(ANGLE, raw=[[0.1, 0.2]]),
        lambda run: run.encoding(ANGLE, failures={"x": 1}),
        lambda run: run.parameters("abc", [1.0]),
        lambda run: run.inputs({"x": [1.0]}, {"y": [1.0]}),
    ],
    ids=["a name", "half a table", "no rows", "text", "other features"],
)
def test_what_cannot_be_read_is_refused(tell: Callable[[Any], Any]) -> None:
    """A wrong argument is one clear error where it is written."""
    with qgm.run() as run, pytest.raises(UsageError, match="write"):
        tell(run)


def test_no_value_of_the_data_comes_out(rows: Rows, recorder: Recorder) -> None:
    """A sample told to each of them is in no event and no metric."""
    table = np.full((40, 2), CANARY)
    with qgm.run() as run:
        run.inputs({"x": table[:, 0]}, {"x": table[:, 0] + 1})
        run.encoding(ANGLE, raw=table, encoded=table)
        run.inputs({"c": np.full(40, "canary0110")}, {"c": np.full(40, "other")})
    text = recorder.aggregates.exposition().text.decode() + repr(rows())

    assert "drifted" in text
    assert str(CANARY)[:6] not in text
    assert "canary0110" not in text
