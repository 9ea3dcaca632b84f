"""Braket's replies: fidelities become errors, queues have bounds, windows open as the SDK says."""

import datetime as dt
import json
import types

import braket.aws.aws_device as sdk_device
import pytest
from braket.device_schema import device_service_properties_v1 as service_v1
from braket.device_schema import standardized_gate_model_qpu_device_properties_v1 as v1
from braket.device_schema import standardized_gate_model_qpu_device_properties_v2 as v2
from braket.device_schema import standardized_gate_model_qpu_device_properties_v3 as v3
from braket.device_schema.device_service_properties_v1 import DeviceServiceProperties
from braket.device_schema.ionq import ionq_provider_properties_v1 as ionq
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.providers import braket_replies as replies
from qgm_observe.providers.protocol import Quality

from .braket_service import NOW, capabilities, example, standardized

# --------------------------------------------------------------------------------- calibration


@pytest.mark.parametrize("module", [v1, v2])
def test_fidelities_of_qubits_and_pairs_become_errors(module):
    """The schemas' own examples give errors with their method and spread, and times in seconds."""
    told = capabilities(standardized=standardized(module))
    found = replies.calibration("Garnet", told, NOW)

    assert found is not None
    first, second = found.qubits[0], found.qubits[1]
    assert first["t1"].value == pytest.approx(28.9e-6)
    assert first["t1"].standard_error == pytest.approx(1e-8)
    assert second["t1"].standard_error is None
    assert second["t2"].value == pytest.approx(44.5e-6)
    assert first["readout_error"].value == pytest.approx(0.097)
    assert first["readout_error"].method == "READOUT"
    rb = found.gates["1q", (1,)].error
    assert (rb.value, rb.method) == (pytest.approx(0.0014), "RANDOMIZED_BENCHMARKING")
    pair = found.gates["cnot", (0, 7)].error
    assert (pair.value, pair.standard_error) == (pytest.approx(0.123), 0.001)
    assert found.gates["cnot", (0, 1)].duration.value is None
    assert found.taken_at == dt.datetime(2020, 6, 16, 19, 28, 2, 869136, tzinfo=dt.UTC).timestamp()


def test_version_3_tells_of_the_whole_device():
    """The third version's device-wide times and errors are kept apart from those of qubits."""
    found = replies.calibration("Forte 1", capabilities(standardized=standardized(v3)), NOW)

    assert found is not None
    values = {name: each.value for name, each in found.whole.items()}
    assert values == pytest.approx(
        {
            "t1": 50.0,
            "t2": 30.0,
            "readout_duration": 350e-6,
            "duration_1q": 20e-6,
            "duration_2q": 200e-6,
            "readout_error": 0.005,
            "error_1q": 0.005,
            "error_2q": 0.005,
        }
    )
    assert found.whole["t1"].standard_error == 2.5
    assert found.whole["error_2q"].method == "RANDOMIZED_BENCHMARKING"
    assert found.gates["1q", (0,)].error.value == pytest.approx(0.0015)
    assert found.qubits == {}
    assert found.taken_at == dt.datetime(2025, 2, 22, 12, 29, 3, tzinfo=dt.UTC).timestamp()


def test_averages_of_an_ion_trap_are_of_the_whole_device():
    """IonQ's own block gives mean errors and gate times; its T1 and T2 have no unit: unknown."""
    told = {"provider": example(ionq.IonqProviderProperties)}
    found = replies.calibration("Aria 1", told, NOW)

    assert found is not None
    values = {name: each.value for name, each in found.whole.items()}
    assert values == pytest.approx(
        {
            "error_1q": 0.00283,
            "error_2q": 0.0304,
            "readout_error": 0.0039,
            "duration_1q": 1.1e-5,
            "duration_2q": 0.00021,
        }
    )
    assert found.taken_at is None


def test_what_cannot_be_used_says_so():
    """A fidelity of 0 is a disabled gate, a coin-toss readout and too long a T2 are suspect."""
    told = standardized(v1)
    qubit = told["oneQubitProperties"]["0"]
    qubit["oneQubitFidelity"][1]["fidelity"] = 0.5
    qubit["T2"]["value"] = 61.0
    told["oneQubitProperties"]["1"]["T1"]["unit"] = "fortnights"
    told["twoQubitProperties"]["0-1"]["twoQubitGateFidelity"][0]["fidelity"] = 0.0
    found = replies.calibration("Garnet", capabilities(standardized=told), NOW)

    assert found is not None
    assert found.qubits[0]["readout_error"].quality is Quality.SUSPECT
    assert found.qubits[0]["t2"].quality is Quality.SUSPECT
    assert found.qubits[1]["t1"].quality is Quality.MISSING
    assert found.qubits[1]["t1"].value is None
    assert found.gates["cnot", (0, 1)].error.quality is Quality.DISABLED


def test_a_gate_that_is_the_same_both_ways_has_one_key():
    """A CZ measured as 7-0 is kept as (0, 7), and a second method of it is left out."""
    told = standardized(v1)
    gate = {"gateName": "CZ", "fidelity": 0.99, "fidelityType": {"name": "FIRST"}}
    other = gate | {"fidelity": 0.9, "fidelityType": {"name": "SECOND"}}
    told["twoQubitProperties"] = {"7-0": {"twoQubitGateFidelity": [gate, other]}}
    found = replies.calibration("Garnet", capabilities(standardized=told), NOW)

    assert found is not None
    assert [key for key in found.gates if key[0] == "cz"] == [("cz", (0, 7))]
    assert found.gates["cz", (0, 7)].error.value == pytest.approx(0.01)
    assert found.gates["cz", (0, 7)].error.method == "FIRST"


def test_equal_calibrations_are_equal_bytes():
    """What the provider said is kept without the instant of asking, whatever its order."""
    told = capabilities()
    turned = dict(reversed(told["standardized"].items()))
    one = replies.calibration("Garnet", told, NOW)
    other = replies.calibration("Garnet", capabilities(standardized=turned), NOW + 60)

    assert one is not None
    assert other is not None
    assert one.raw == other.raw
    assert replies.calibration("sv1", {"service": {}}, NOW) is None


# ------------------------------------------------------------------------------ state and queue


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (["7", "3"], (10, False)),
        ([">4000", "3"], (4003, True)),
        (["0"], (0, False)),
        ([], (None, False)),
        (["many"], (None, False)),
        (["5", "many"], (None, False)),
    ],
)
def test_queues_are_strings_with_a_bound(sizes, expected):
    """Both priorities add up, more than 4,000 is a lower bound, what is no number is unknown."""
    told = [{"queue": "QUANTUM_TASKS_QUEUE", "queueSize": size} for size in sizes]

    assert replies.queue([*told, {"queue": "JOBS_QUEUE", "queueSize": "9"}]) == expected


DAY = st.sampled_from(["Everyday", "Weekdays", "Weekend", *replies.DAYS])
CLOCK = st.times().map(lambda each: each.replace(microsecond=0))


@settings(max_examples=100)
@given(DAY, CLOCK, CLOCK, st.integers(0, 365 * 86400))
def test_windows_are_open_as_the_sdk_says(day, start, end, at):
    """A device executes exactly when the SDK's own `is_available` says so, overnight too."""
    window = {
        "executionDay": day,
        "windowStartHour": start.isoformat(),
        "windowEndHour": end.isoformat(),
    }
    told = example(service_v1.DeviceServiceProperties) | {"executionWindows": [window]}
    moment = dt.datetime.fromtimestamp(NOW + at, dt.UTC)
    known = types.SimpleNamespace(
        status="ONLINE",
        properties=types.SimpleNamespace(
            service=DeviceServiceProperties.parse_raw(json.dumps(told))
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        frozen = types.SimpleNamespace(now=lambda tz: moment)
        patch.setattr(sdk_device, "datetime", frozen)
        expected = sdk_device.AwsDevice.is_available.fget(known)

    # at the very second of its end an overnight window belongs to the day before
    if not (end < start and moment.time().replace(microsecond=0) == end):
        assert replies.is_open([window], moment.timestamp()) is expected
    opening = replies.next_opening([window], moment.timestamp())
    assert start == end or (opening is not None and replies.is_open([window], opening))
