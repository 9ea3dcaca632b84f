"""IBM's documents of a device: units, dates, and what is odd in them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.providers.ibm_files import calibration, device_info, epoch, number, whole
from qgm_observe.providers.protocol import MISSING, Measurement, Quality

DATE = "2026-04-15T01:23:51+02:00"
TAKEN = 1776209031.0


def read(*parameters, gates=()):
    told = {"qubits": [list(parameters)], "gates": list(gates), "last_update_date": DATE}
    return calibration("ibm", "ibm_x", told, 5.0)


def entry(name, value, unit, date=DATE):
    return {"name": name, "value": value, "unit": unit, "date": date}


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("s", 80.0), ("ms", 0.08), ("us", 8e-5), ("µs", 8e-5), ("μs", 8e-5), ("ns", 8e-8)],
)
def test_times_are_seconds(unit: str, seconds: float) -> None:
    """Every spelling of a unit of time, with the micro sign or the Greek letter, gives seconds."""
    told = read(entry("T1", 80.0, unit)).qubits[0]["t1"]

    assert told.value == pytest.approx(seconds)
    assert told.taken_at == TAKEN


def test_frequencies_are_hertz() -> None:
    """Frequency and anharmonicity come in GHz and are given in Hz; the latter is negative."""
    told = read(entry("frequency", 4.9, "GHz"), entry("anharmonicity", -0.34, "GHz")).qubits[0]

    assert told["frequency"].value == pytest.approx(4.9e9)
    assert told["anharmonicity"].value == pytest.approx(-3.4e8)


@pytest.mark.parametrize(
    ("value", "unit"),
    [(math.nan, "us"), (math.inf, "us"), ("80", "us"), (None, "us"), (True, "us"), (80.0, "moons")],
)
def test_what_is_no_number_of_a_known_unit_is_missing(value, unit) -> None:
    """NaN, text, truth values and an unknown unit give no value, rather than a wrong one."""
    assert read(entry("T1", value, unit)).qubits[0]["t1"] == MISSING


def test_gates_are_read_with_their_quality() -> None:
    """Error and duration of a gate have their own dates; one without either is not kept."""
    gates = [
        {
            "gate": "cz",
            "qubits": [1, 0],
            "parameters": [entry("gate_error", 1, ""), entry("gate_length", 68, "ns", None)],
        },
        {"gate": "reset", "qubits": [0], "parameters": [entry("gate_length", 1_000, "ns")]},
        {"gate": "delay", "qubits": [0], "parameters": []},
    ]
    told = read(gates=gates).gates

    assert set(told) == {("cz", (1, 0)), ("reset", (0,))}
    assert told["cz", (1, 0)].error == Measurement(1.0, TAKEN, Quality.DISABLED)
    assert told["cz", (1, 0)].duration == Measurement(pytest.approx(6.8e-8), None)
    assert told["reset", (0,)].error == MISSING


def test_an_instant_without_a_zone_is_utc() -> None:
    """Dates with a zone, with Z and without one are told apart; anything else is unknown."""
    assert epoch("1970-01-01T01:00:00+01:00") == 0.0
    assert epoch("1970-01-02T00:00:00Z") == 86_400.0
    assert epoch("1970-01-02T00:00:00") == 86_400.0
    assert [epoch(odd) for odd in (None, "", "soon", 7, {}, [])] == [None] * 6


@given(
    st.one_of(st.none(), st.booleans(), st.text(), st.integers(), st.floats(), st.lists(st.none()))
)
def test_a_number_is_finite_or_unknown(told) -> None:
    """Whatever stands there, a number is finite and a count is whole and not negative."""
    value, count = number(told), whole(told)

    assert value is None or math.isfinite(value)
    assert count is None or (isinstance(count, int) and count >= 0)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] != p[1])),
)
def test_each_pair_is_one_edge(pairs) -> None:
    """Edges are the coupled pairs, each once, the lower qubit first, sorted."""
    info = device_info("ibm", "x", {"coupling_map": pairs}, region="r", is_simulator=False)

    assert set(info.edges) == {(min(pair), max(pair)) for pair in pairs}
    assert list(info.edges) == sorted(set(info.edges))


def test_an_empty_configuration_is_unknown() -> None:
    """Nothing told is nothing known: no size, no gates, no most shots and no processor."""
    info = device_info("ibm", "x", {}, region="r", is_simulator=False)

    assert (info.num_qubits, info.max_shots, info.processor, info.clops) == (None,) * 4
    assert (info.edges, info.native_gates, info.version) == ((), (), None)
