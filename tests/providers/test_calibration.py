"""Quality of calibrated values, and the numbers that stand for a device."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.providers import calibration as calibrations
from qgm_observe.providers.calibration import Aggregate, Conditions, judged_error, judged_qubit
from qgm_observe.providers.protocol import (
    MISSING,
    Calibration,
    GateCalibration,
    Measurement,
    Quality,
)

DISABLED = Measurement(1.0, 5.0, Quality.DISABLED)


def calibration(**parts) -> Calibration:
    return Calibration(provider="local", device="d", observed_at=1.0, **parts)


def of_t1(values) -> Calibration:
    return calibration(qubits={q: {"t1": Measurement(v)} for q, v in enumerate(values)})


def test_an_error_of_one_or_more_means_disabled() -> None:
    """A gate error of 1 is a switched-off gate, one below is a bad gate, none is missing."""
    told = [judged_error(Measurement(value)).quality for value in (0.01, 0.999, 1.0, 1.5, None)]

    assert told == ["ok", "ok", "disabled", "disabled", "missing"]


def test_a_readout_like_a_coin_is_suspect() -> None:
    """A readout error of one half or more is suspect and keeps its value."""
    told = [judged_qubit({"readout_error": Measurement(v)})["readout_error"] for v in (0.49, 0.5)]

    assert [each.quality for each in told] == ["ok", "suspect"]
    assert told[1].value == 0.5


def test_t2_may_exceed_twice_t1_by_five_percent() -> None:
    """T2 above 2 T1 is suspect only beyond the fits' tolerance, and T1 stays as it is."""
    for t2, quality in ((2.0e-4, "ok"), (2.09e-4, "ok"), (2.11e-4, "suspect")):
        told = judged_qubit({"t1": Measurement(1e-4), "t2": Measurement(t2)})
        assert (told["t1"].quality, told["t2"].quality) == ("ok", quality)


def test_what_is_not_measured_has_no_value() -> None:
    """A qubit without T1 gets no T1, and its T2 cannot be judged by it."""
    told = judged_qubit({"t1": Measurement(None), "t2": Measurement(9.0)})

    assert told == {"t1": MISSING, "t2": Measurement(9.0)}
    assert judged_qubit({"t2": Measurement(9.0)})["t2"].quality == "ok"


def gate(error: float | None, duration: float | None = None) -> GateCalibration:
    return GateCalibration(judged_error(Measurement(error)), Measurement(duration))


def test_a_gate_stored_both_ways_is_one_edge() -> None:
    """With equal errors the lower qubit stands first, with the duration of the faster direction."""
    merged = calibrations.undirected(
        {
            ("cx", (1, 0)): gate(0.01, 3e-7),
            ("cx", (0, 1)): gate(0.01, 4e-7),
            ("sx", (0,)): gate(0.001),
        }
    )

    assert merged == {("cx", (0, 1)): gate(0.01, 3e-7), ("sx", (0,)): gate(0.001)}


def test_a_directed_gate_stays_directed() -> None:
    """One direction, or two with different errors, are kept as they are."""
    told = {
        ("ecr", (7, 3)): gate(0.01),
        ("cx", (1, 0)): gate(0.02),
        ("cx", (0, 1)): gate(0.03),
    }

    assert calibrations.undirected(told) == told


def test_an_edge_counts_once_and_is_disabled_in_every_direction() -> None:
    """A pair with one usable direction is not disabled, one without any is, each counts once."""
    told = calibration(
        gates={
            ("cx", (1, 0)): gate(1.0),
            ("cx", (0, 1)): gate(0.03),
            ("cx", (2, 1)): gate(1.0),
            ("cx", (2, 3)): gate(None),
        }
    )

    assert calibrations.edge_conditions(told) == {"cx": Conditions(3, 1, 0, 1)}


def test_qubits_are_counted_by_what_is_wrong() -> None:
    """Disabled is a qubit with a disabled gate, not with a disabled mid-circuit measurement."""
    whole = {name: Measurement(0.1) for name in ("t1", "t2", "readout_error")}
    told = calibration(
        qubits={
            0: whole,
            1: {**whole, "t1": MISSING},
            2: {**whole, "t2": Measurement(0.3, quality=Quality.SUSPECT)},
        },
        gates={
            ("sx", (0,)): gate(1.0),
            ("x", (1,)): gate(0.1),
            ("measure_2", (2,)): gate(1.0),
        },
    )

    assert calibrations.disabled_qubits(told) == {0}
    assert calibrations.qubit_conditions(told) == Conditions(3, 1, 1, 1)


def test_p90_and_worst_are_the_bad_end() -> None:
    """Of times the worst is the smallest, of errors the largest; p90 lies on the same side."""
    values = [float(n) for n in range(1, 11)]

    assert calibrations.aggregates(of_t1(values))["t1"] == Aggregate(5.5, 2.0, 1.0, 10)
    assert calibrations.aggregate(values) == Aggregate(5.5, 9.0, 10.0, 10)
    assert calibrations.aggregate([]) is None


numbers = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40)
sentinels = st.lists(
    st.sampled_from(
        [
            MISSING,
            DISABLED,
            Measurement(1e9, quality=Quality.SUSPECT),
            Measurement(0.5, quality=Quality.SUSPECT),
        ]
    ),
    max_size=40,
)


@given(numbers, sentinels, st.randoms(use_true_random=False))
def test_no_sentinel_moves_a_number(values, odd, shuffle) -> None:
    """However many values are missing, disabled or suspect, median, p90 and worst stay."""
    told = [Measurement(value, 1.0) for value in values] + odd
    shuffle.shuffle(told)
    clean, mixed = (
        calibration(
            qubits={q: {"t1": each} for q, each in enumerate(many)},
            gates={("sx", (q,)): GateCalibration(each, each) for q, each in enumerate(many)},
        )
        for many in ([Measurement(value, 1.0) for value in values], told)
    )

    assert calibrations.aggregates(mixed) == calibrations.aggregates(clean)
    assert calibrations.measured_at(mixed) == calibrations.measured_at(clean)


@given(numbers)
def test_the_median_lies_between(values) -> None:
    """Median, p90 and worst stand in this order, and 90 % are no worse than p90."""
    found = calibrations.aggregate(values)

    assert found is not None
    assert found.median <= found.p90 <= found.worst == max(values)
    assert sum(value <= found.p90 for value in values) >= 0.9 * len(values)


def test_age_is_told_by_parameter() -> None:
    """Each parameter has its own median and oldest instant; unknown instants are left out."""
    told = calibration(
        qubits={
            0: {"t1": Measurement(1.0, 100.0), "t2": Measurement(1.0, 10.0)},
            1: {"t1": Measurement(1.0, 200.0), "t2": Measurement(1.0, None)},
            2: {"t1": Measurement(1.0, 300.0)},
        }
    )

    assert calibrations.measured_at(told)["t1"] == Aggregate(200.0, 100.0, 100.0, 3)
    assert calibrations.measured_at(told)["t2"].worst == 10.0


def test_the_hash_is_of_the_content() -> None:
    """Asking again changes no hash, another value does, with and without the provider's bytes."""
    told = of_t1([1.0, 2.0])
    later = replace(told, observed_at=2.0)
    other = of_t1([1.0, 2.5])

    assert calibrations.content_hash(told) == calibrations.content_hash(later)
    assert calibrations.content_hash(told) != calibrations.content_hash(other)
    assert (
        calibrations.content_hash(replace(told, raw=b"{}"))
        == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
