"""A device's calibration, in few numbers and qubit by qubit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.collectors.calibration import aggregates, qubits, used_edges
from qgm_observe.providers.protocol import (
    MISSING,
    Calibration,
    GateCalibration,
    Measurement,
    Quality,
)

DEVICE = ("ibm", "ibm_fez")


def calibrated(of_qubits=None, gates=None, whole=None):
    return Calibration(
        provider="ibm",
        device="ibm_fez",
        observed_at=0.0,
        qubits=of_qubits or {},
        gates=gates or {},
        whole=whole or {},
    )


def found(samples, signal):
    return {each.labels[2:]: each.value for each in samples if each.signal is signal}


def gate(error, quality=Quality.OK, taken_at=None):
    return GateCalibration(Measurement(error, taken_at, quality), Measurement(6e-8))


DISABLED = gate(1.0, Quality.DISABLED)


def test_median_p90_and_worst_are_of_the_bad_side():
    """Of ten T1 the p90 is the second least and the worst the least; of errors the greatest."""
    of_qubits = {
        n: {"t1": Measurement(float(n + 1)), "readout_error": Measurement((n + 1) / 100)}
        for n in range(10)
    }
    told = list(aggregates(calibrated(of_qubits)))

    assert found(told, signals.DEVICE_T1) == {("median",): 5.5, ("p90",): 2.0, ("worst",): 1.0}
    assert found(told, signals.DEVICE_READOUT_ERROR) == {
        ("median",): 0.055,
        ("p90",): 0.09,
        ("worst",): 0.1,
    }


@given(
    st.lists(st.floats(1e-5, 0.5), min_size=1, max_size=50),
    st.integers(0, 50),
    st.sampled_from([Quality.DISABLED, Quality.SUSPECT, Quality.MISSING]),
)
def test_what_is_disabled_suspect_or_missing_moves_no_figure(errors, sentinels, quality):
    """Any number of sentinels beside good values leaves all three figures as they are."""
    good = {("cz", (n, n + 1)): gate(error) for n, error in enumerate(errors)}
    bad = {("cz", (1_000 + n, 1_001 + n)): gate(1.0, quality) for n in range(sentinels)}

    alone = found(aggregates(calibrated(gates=good)), signals.DEVICE_GATE_ERROR)
    mixed = found(aggregates(calibrated(gates=good | bad)), signals.DEVICE_GATE_ERROR)

    assert mixed == alone


def test_a_gate_that_is_disabled_everywhere_has_no_error_and_no_duration():
    """There is no sample rather than a 1, and all its pairs are counted as disabled."""
    told = list(
        aggregates(calibrated(gates={("ecr", (0, 1)): DISABLED, ("ecr", (1, 2)): DISABLED}))
    )

    assert found(told, signals.DEVICE_GATE_ERROR) == {}
    assert found(told, signals.DEVICE_GATE_DURATION) == {}
    assert found(told, signals.DEVICE_EDGES) == {
        ("ecr", "all"): 2,
        ("ecr", "disabled"): 2,
        ("ecr", "suspect"): 0,
        ("ecr", "missing"): 0,
    }


def test_qubits_are_counted_by_what_is_wrong_with_them():
    """One disabled by its gate, one suspect by its T2, one without T1; each is counted once."""
    whole = {"t1": Measurement(1e-4), "t2": Measurement(1e-4), "readout_error": Measurement(0.01)}
    of_qubits = {
        0: whole,
        1: whole | {"t2": Measurement(9.0, quality=Quality.SUSPECT)},
        2: whole | {"t1": MISSING},
    }
    told = aggregates(calibrated(of_qubits, {("sx", (0,)): DISABLED}))

    assert found(told, signals.DEVICE_QUBITS) == {
        ("disabled",): 1,
        ("suspect",): 1,
        ("missing",): 1,
    }


def test_every_parameter_has_its_own_age():
    """The worst time of a parameter is the oldest; a parameter without times has none."""
    of_qubits = {n: {"t1": Measurement(1.0, 100.0 + n), "t2": Measurement(1.0)} for n in range(10)}
    told = aggregates(calibrated(of_qubits, {("cz", (0, 1)): gate(0.1, taken_at=7.0)}))

    assert found(told, signals.CALIBRATION_TIME) == {
        ("t1", "median"): 104.5,
        ("t1", "p90"): 101.0,
        ("t1", "worst"): 100.0,
        ("t1", "layout"): 100.0,
        ("cz_error", "median"): 7.0,
        ("cz_error", "p90"): 7.0,
        ("cz_error", "worst"): 7.0,
        ("cz_error", "layout"): 7.0,
    }


def test_the_layout_is_as_old_as_its_oldest_qubit_or_gate():
    """Only what watched qubits rest on counts: a gate that leaves them does not."""
    of_qubits = {n: {"t1": Measurement(1.0, 100.0 + n)} for n in range(4)}
    gates = {("cz", (0, 1)): gate(0.1, taken_at=7.0), ("cz", (2, 3)): gate(0.1, taken_at=9.0)}
    told = found(aggregates(calibrated(of_qubits, gates), (1, 2, 3)), signals.CALIBRATION_TIME)

    assert (told["t1", "layout"], told["t1", "worst"]) == (101.0, 100.0)
    assert (told["cz_error", "layout"], told["cz_error", "worst"]) == (9.0, 7.0)


def test_what_is_told_of_the_whole_device_is_said_to_be():
    """Figures of the provider carry `whole`, and not the name of a figure of ours."""
    told = list(
        aggregates(calibrated(whole={"t1": Measurement(10.0), "error_2q": Measurement(0.01)}))
    )

    assert found(told, signals.DEVICE_T1) == {("whole",): 10.0}
    assert found(told, signals.DEVICE_GATE_ERROR) == {("2q", "whole"): 0.01}
    assert found(told, signals.DEVICE_QUBITS) == {}


def test_a_qubit_has_seven_numbers_and_an_edge_one():
    """Curated: T1, T2, three of the readout, the gate's error, enabled; and an error an edge."""
    names = ("t1", "t2", "readout_error", "prob_meas0_prep1", "prob_meas1_prep0")
    of_qubits = {n: dict.fromkeys(names, Measurement(0.01)) for n in range(3)}
    gates = {("sx", (n,)): gate(1e-4) for n in range(3)}
    gates |= {("cz", (0, 1)): gate(0.01), ("rzz", (0, 1)): gate(0.02), ("cz", (1, 2)): gate(0.03)}
    told = list(qubits(calibrated(of_qubits, gates)))

    assert len(told) == 3 * 7 + 2
    assert found(told, signals.EDGE_ERROR) == {("0-1", "cz"): 0.01, ("1-2", "cz"): 0.03}
    assert found(told, signals.QUBIT_ENABLED) == {("0",): 1, ("1",): 1, ("2",): 1}


@pytest.mark.parametrize(("error", "quality"), [(1.0, Quality.DISABLED), (None, Quality.MISSING)])
def test_a_qubit_or_edge_that_is_not_usable_has_no_error(error, quality):
    """Disabled or missing is no sample; a disabled one-qubit gate also disables its qubit."""
    told = list(
        qubits(
            calibrated(
                {0: {}}, {("sx", (0,)): gate(error, quality), ("cz", (0, 1)): gate(error, quality)}
            )
        )
    )

    assert found(told, signals.QUBIT_GATE_ERROR) == {("0", "sx"): None}
    assert found(told, signals.EDGE_ERROR) == {}
    assert found(told, signals.QUBIT_ENABLED) == {("0",): float(quality is not Quality.DISABLED)}


def test_an_edge_is_shown_with_the_gate_that_most_pairs_can_use():
    """Where `rzz` is disabled nearly everywhere `cz` stands, and where it is absent another."""
    gates = {
        ("cz", (0, 1)): gate(0.01),
        ("rzz", (0, 1)): gate(0.001),
        ("cz", (1, 2)): gate(0.02),
        ("rzz", (1, 2)): DISABLED,
        ("ecr", (2, 3)): gate(0.03),
    }

    assert found(qubits(calibrated(gates=gates)), signals.EDGE_ERROR) == {
        ("0-1", "cz"): 0.01,
        ("1-2", "cz"): 0.02,
        ("2-3", "ecr"): 0.03,
    }


def test_used_edges_tell_whether_they_can_be_used():
    """Of chosen qubits each gate between them is 1 or 0; what is missing or outside is not told."""
    gates = {
        ("cz", (0, 1)): gate(0.01),
        ("rzz", (0, 1)): DISABLED,
        ("cz", (1, 2)): gate(None, Quality.MISSING),
        ("cz", (2, 3)): gate(0.01),
    }

    assert found(used_edges(calibrated(gates=gates), (0, 1, 2)), signals.EDGE_ENABLED) == {
        ("0-1", "cz"): 1.0,
        ("0-1", "rzz"): 0.0,
    }


def test_a_pair_with_different_errors_both_ways_shows_the_worse():
    """An edge is one series; it can be used as long as one direction can."""
    gates = {("cx", (0, 1)): gate(0.01), ("cx", (1, 0)): gate(0.02), ("cx", (2, 1)): gate(0.03)}
    gates[("cx", (1, 2))] = DISABLED
    told = calibrated(gates=gates)

    assert found(qubits(told), signals.EDGE_ERROR) == {("0-1", "cx"): 0.02, ("1-2", "cx"): 0.03}
    assert found(used_edges(told, (0, 1, 2)), signals.EDGE_ENABLED) == {
        ("0-1", "cx"): 1.0,
        ("1-2", "cx"): 1.0,
    }
