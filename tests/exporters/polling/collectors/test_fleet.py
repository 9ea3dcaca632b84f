"""What is shown of devices."""

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.collectors.fleet import samples
from qgm_observe.providers.protocol import DeviceInfo, DeviceState, DeviceStatus, Wait

INFO = DeviceInfo(provider="ibm", name="fez")
BARE = DeviceStatus(provider="ibm", device="fez", state=DeviceState.PAUSED, observed_at=9.0)


def told(info, status):
    return {
        (each.signal, *each.labels[2:]): each.value
        for each in samples([(info, status)])
        if each.value is not None
    }


def test_what_is_unknown_has_no_sample():
    """Of a device of which only the state is known there are five states and the time."""
    states = {
        (signals.DEVICE_STATE, state.value): float(state == "paused") for state in DeviceState
    }

    assert told(INFO, BARE) == {**states, (signals.DEVICE_OBSERVED,): 9.0}


def test_all_that_is_known_is_shown():
    """Queue, its cap, waits, when it is next available, speed and the provider's own errors."""
    info = DeviceInfo(
        provider="ibm", name="fez", num_qubits=156, clops=2e5, two_qubit_error={"best": 0.001}
    )
    status = DeviceStatus(
        provider="ibm",
        device="fez",
        state=DeviceState.ONLINE,
        observed_at=9.0,
        is_processing=False,
        queue_jobs=4_000,
        queue_is_lower_bound=True,
        wait=Wait(average=60.0, p95=600.0),
        next_available_at=99.0,
    )
    shown = told(info, status)

    assert shown[(signals.DEVICE_PROCESSING,)] == 0
    assert shown[(signals.DEVICE_QUEUE,)] == 4_000
    assert shown[(signals.DEVICE_QUEUE_CAPPED,)] == 1
    assert shown[(signals.DEVICE_WAIT, "average")] == 60
    assert (signals.DEVICE_WAIT, "p50") not in shown
    assert shown[(signals.DEVICE_WAIT, "p95")] == 600
    assert shown[(signals.DEVICE_AVAILABLE_AT,)] == 99
    assert shown[(signals.DEVICE_QUBITS, "all")] == 156
    assert shown[(signals.DEVICE_CLOPS,)] == 2e5
    assert shown[(signals.DEVICE_TWO_QUBIT_ERROR, "best")] == 0.001
