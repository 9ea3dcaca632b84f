"""`evaluate` compares: mitigation, simulator, calibration, baselines; and records what it finds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import signals
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder
from qgm_observe.lifecycle.baselines import Baselines, KeptBaseline, save
from qgm_observe.lifecycle.circuits import name_of
from qgm_observe.quality.baseline import Baseline
from qgm_observe.records import Estimate

from .conftest import REMOTE, Clock

pytestmark = pytest.mark.usefixtures("recorder")
Rows = Callable[..., list[Event]]
TARGET = {"00": 0.5, "11": 0.5}
GOOD = {"00": 4900, "11": 4900, "01": 100, "10": 100}
BAD = {"00": 3500, "11": 3500, "01": 1500, "10": 1500}
CALIBRATION = {
    "gates": {("sx", (0,)): 0.001, ("cz", (0, 1)): 0.01},
    "readout": {0: 0.01, 1: (0.02, 0.01)},
}
WORSE = {
    "gates": {("sx", (0,)): 0.05, ("cz", (0, 1)): 0.45},
    "readout": {0: 0.05, 1: (0.05, 0.05)},
}


def bell() -> Any:
    """A compiled Bell circuit."""
    qiskit = pytest.importorskip("qiskit")
    circuit = qiskit.QuantumCircuit(2, 2)
    circuit.rz(0.3, 0)
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def kept(statistic: str, center: float, circuit: str, **more: Any) -> KeptBaseline:
    """A baseline of a statistic of the remote device."""
    labels = {"model": "m", "model_version": "1", "device": "ibm_fez"}
    return KeptBaseline(
        labels=labels | {"name": statistic, "circuit": circuit},
        baseline=Baseline(metric=statistic, center=center, sd=0.005, n=60),
        **more,
    )


def by_name(events: list[Event]) -> dict[str, Event]:
    return {event.body["name"]: event for event in events}


def answers(events: list[Event]) -> dict[str, str]:
    return {event.body["question"]: event.body["answer"] for event in events}


def test_mitigated_scores_are_another_series(recorder: Recorder, rows: Rows, clock: Clock) -> None:
    """With mitigation every estimate carries its kind, and its shots are not counted as raw."""
    with qgm.job(REMOTE, model="m", model_version="1") as job:
        raw = qgm.evaluate(BAD, TARGET)
        told = qgm.evaluate(
            GOOD, TARGET, mitigation={"kind": "twirling", "method": "pauli"}, raw=raw
        )
    estimates = rows(verbs=("estimate",))
    clock.tick(60)
    text = recorder.aggregates.exposition().text.decode()
    xeb = [
        line for line in text.splitlines() if 'statistic="linear_xeb"' in line and "value" in line
    ]
    scored = [line for line in text.splitlines() if line.startswith("qgm_quality_shots_scored")]
    (ended,) = rows(verbs=("finished",), nouns=("job",))

    kinds = [event.body.get("mitigation", "none") for event in estimates]
    assert kinds.count("twirling") == kinds.count("none") + 1  # the benefit
    assert sorted(line.count('mitigation="none"') for line in xeb) == [0, 1]
    assert [line.rpartition(" ")[2] for line in scored] == ["10000"]
    assert answers(rows(verbs=("judged",)))["mitigation"] == "helpful"
    assert told.compared["mitigation_benefit"].low > 0
    assert ended.body["attributes"]["mitigation"]["method"] == "pauli"
    assert job.recorder.benefits[("ibm_fez", "twirling", "")][0] > 0.5


def test_shares_of_modes_are_told_by_rank_alone(rows: Rows) -> None:
    """The mode deficit comes with both shares of each mode, the likeliest first, and no outcome."""
    with qgm.job(REMOTE, model="m"):
        qgm.evaluate({"00": 300, "01": 100, "10": 600}, {"00": 0.3, "01": 0.2, "10": 0.5})

    told = {event.body["name"]: event.body for event in rows(verbs=("estimate",))}
    assert told["mode_deficit"]["modes"] == [[0.5, 0.6], [0.3, 0.3], [0.2, 0.1]]
    assert [name for name, body in told.items() if "modes" in body] == ["mode_deficit"]


def test_options_of_a_mitigation_keep_no_secret(rows: Rows) -> None:
    """A token among the options is masked, the rest of them is on the record."""
    options = {"token": "hunter2hunter2", "shots": 100}
    with qgm.job(REMOTE):
        qgm.evaluate(
            GOOD, TARGET, mitigation={"kind": "readout", "method": "m3", "options": options}
        )
    (ended,) = rows(verbs=("finished",))

    kept = ended.body["attributes"]["mitigation"]["options"]
    assert kept == {"token": "<redacted>", "shots": 100}


def test_a_simulator_shows_its_gap_to_the_device(rows: Rows) -> None:
    """Counts of a simulator give the distance of the samples and the loss of score."""
    with qgm.job(REMOTE):
        told = qgm.evaluate(BAD, TARGET, simulated=GOOD, ideal=TARGET)
    recorded = by_name(rows(verbs=("estimate",)))

    assert told.compared["device_gap"].low < 0.28 < told.compared["device_gap"].high
    assert told.compared["linear_xeb_device_gap"].value == pytest.approx(0.56)
    assert told.compared["device_loss"].value == pytest.approx(0.6)
    assert told.compared["model_loss"].value == pytest.approx(0)
    assert set(told.compared) <= set(recorded)


def test_without_a_baseline_the_residual_says_so(rows: Rows) -> None:
    """A calibration gives expectation and residual; the change has a reason without baseline."""
    with qgm.job(REMOTE, model="m", model_version="1"):
        told = qgm.evaluate(GOOD, TARGET, circuit=bell(), calibration=CALIBRATION)
    verdicts = {event.body["question"]: event.body for event in rows(verbs=("judged",))}
    (ended,) = rows(verbs=("finished",), nouns=("job",))

    success = 0.999 * 0.99 * 0.99 * 0.985
    assert told.compared["expected_success"].value == pytest.approx(success)
    left, expected = (told.compared[n] for n in ("linear_xeb_residual", "expected_linear_xeb"))
    assert left.value == pytest.approx(0.96 - expected.value)
    assert left.low < left.value < left.high
    assert told.compared["linear_xeb_residual_change"].value is None
    assert "no baseline" in told.compared["linear_xeb_residual_change"].reason
    assert (verdicts["cause"]["answer"], verdicts["collapse"]["answer"]) == ("undecided", "whole")
    assert "no baseline" in verdicts["cause"]["reason"]
    assert len(ended.body["attributes"]["circuit"]) == 12


def test_a_collapse_says_how_much_was_lost(rows: Rows) -> None:
    """One of two equal modes that is gone is half of the target."""
    with qgm.job(REMOTE, model="m", model_version="1"):
        qgm.evaluate({"00": 1000}, {"00": 0.5, "11": 0.5})
    told = {event.body["question"]: event.body for event in rows(verbs=("judged",))}

    assert told["collapse"]["answer"] == "collapsed"
    assert told["collapse"]["reason"] == (
        "modes with 50% of the target have lost half of their share or more"
    )


@pytest.mark.parametrize(
    ("counts", "calibration", "cause"),
    [(GOOD, CALIBRATION, "none"), (BAD, WORSE, "device"), (BAD, CALIBRATION, "unexplained")],
)
def test_the_device_is_told_from_the_model(
    counts: Any, calibration: Any, cause: str, path: Path, rows: Rows
) -> None:
    """Against the journal's baselines a drop is the device's where calibration explains it."""
    circuit = bell()
    with qgm.job(REMOTE, model="m", model_version="1"):
        first = qgm.evaluate(GOOD, TARGET, circuit=circuit, calibration=CALIBRATION)
    name = rows(verbs=("finished",))[0].body["attributes"]["circuit"]
    levels = {
        "linear_xeb": first.xeb.value,
        "expected_linear_xeb": first.compared["expected_linear_xeb"].value,
        "linear_xeb_residual": first.compared["linear_xeb_residual"].value,
    }
    with open_journal(path) as journal:
        journal.append([kept(n, v, name).event("baseline", 1.0) for n, v in levels.items()])

    with qgm.job(REMOTE, model="m", model_version="1"):
        told = qgm.evaluate(counts, TARGET, circuit=circuit, calibration=calibration)

    assert answers(rows(verbs=("judged",)))["cause"] == cause
    change = told.compared["linear_xeb_residual_change"]
    assert (change.high < 0) == (cause == "unexplained")


def test_a_file_of_baselines_serves_as_well(tmp_path: Path) -> None:
    """`baseline=` names a file of the command's, and needs no journal."""
    file = tmp_path / "baselines.json"
    one = kept("linear_xeb_residual", 0.01, "unknown")
    labels = one.labels | {"model": "unknown", "model_version": "unknown", "device": "unknown"}
    circuit = bell()
    told = qgm.evaluate(GOOD, TARGET, circuit=circuit, calibration=CALIBRATION)
    name = name_of(circuit)
    here = KeptBaseline(labels=labels | {"circuit": name}, baseline=one.baseline)
    save(file, Baselines({here.series: here}))

    again = qgm.evaluate(
        GOOD, TARGET, circuit=circuit, calibration=CALIBRATION, baseline=file
    ).compared["linear_xeb_residual_change"]

    assert again.value == pytest.approx(told.compared["linear_xeb_residual"].value - 0.01)


def test_faulty_gates_are_named_and_nothing_is_predicted() -> None:
    """A disabled gate or a qubit without calibration gives a reason instead of a number."""
    gates = CALIBRATION["gates"] | {("cz", (0, 1)): 1.0}
    off = qgm.evaluate(GOOD, TARGET, circuit=bell(), calibration=CALIBRATION | {"gates": gates})
    blind = qgm.evaluate(
        GOOD, TARGET, circuit=bell(), calibration=CALIBRATION | {"readout": {0: 0.1}}
    )

    assert "disabled" in off.compared["expected_linear_xeb"].reason
    assert "qubit" in blind.compared["linear_xeb_residual"].reason


@pytest.mark.parametrize(
    ("options", "say"),
    [
        ({"calibration": CALIBRATION}, "circuit="),
        ({"calibration": 3, "circuit": "x"}, "circuit="),
        ({"circuit": 3}, "compiled circuit"),
        ({"raw": object()}, "mitigation"),
        ({"mitigation": {"name": "m3"}}, "kind and method"),
        ({"baseline": "nowhere.json", "calibration": CALIBRATION}, "circuit="),
    ],
)
def test_arguments_that_do_not_go_together_are_one_line(options: Any, say: str) -> None:
    """What is missing beside an argument is named."""
    with pytest.raises(UsageError, match=say):
        qgm.evaluate(GOOD, TARGET, **options)


def test_shares_need_to_say_what_mitigated_them() -> None:
    """A quasi-distribution without its mitigation is refused, for its interval is not known."""
    with pytest.raises(UsageError, match="mitigation"):
        qgm.evaluate({"00": 1.01, "11": -0.01}, TARGET)


def test_a_baseline_shows_its_level_and_charts(recorder: Recorder, clock: Clock) -> None:
    """The level of a baseline is a gauge beside the value, by the same labels."""
    recorder.aggregates.fold([kept("effective_modes", 3.5, "c").event("baseline", 1.0)])
    clock.tick(60)
    text = recorder.aggregates.exposition().text.decode()
    (line,) = [x for x in text.splitlines() if x.startswith(signals.QUALITY_BASELINE.prometheus)]

    assert line.endswith(" 3.5")
    assert 'statistic="effective_modes",mitigation="none"' in line


def test_a_body_survives_json() -> None:
    """What is kept of a baseline is read back equal; anything else is one clear error."""
    one = kept("linear_xeb", 0.5, "c", frozen=True, until=5.0, every=None)

    assert KeptBaseline.of(json.loads(json.dumps(one.body()))) == one
    with pytest.raises(UsageError, match="baseline capture"):
        KeptBaseline.of({"name": "x"})


def test_estimates_of_the_user_are_still_records(rows: Rows) -> None:
    """A handle takes a user's own estimate as before."""
    with qgm.run() as run:
        run.estimate(Estimate(name="fid", value=3.0, low=2.0, high=4.0))

    assert by_name(rows(verbs=("estimate",)))["fid"].body["value"] == 3.0
