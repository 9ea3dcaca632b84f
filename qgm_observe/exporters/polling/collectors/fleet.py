"""The devices of an account: state, queue, wait, speed. One call for all of them."""

from collections.abc import Iterator, Sequence

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.page import Sample
from qgm_observe.providers.protocol import DeviceInfo, DeviceState, DeviceStatus

Fleet = Sequence[tuple[DeviceInfo, DeviceStatus]]


def samples(fleet: Fleet) -> Iterator[Sample]:
    """Yield the samples of all devices; what a provider does not tell gives none."""
    for info, status in fleet:
        yield from _status(status)
        yield from _device(info)


def _status(status: DeviceStatus) -> Iterator[Sample]:
    device = (status.provider, status.device)
    for state in DeviceState:
        yield Sample(signals.DEVICE_STATE, (*device, state.value), float(state is status.state))
    yield Sample(signals.DEVICE_PROCESSING, device, _flag(status.is_processing))
    yield Sample(signals.DEVICE_OBSERVED, device, status.observed_at)
    yield Sample(signals.DEVICE_QUEUE, device, status.queue_jobs)
    if status.queue_jobs is not None:
        yield Sample(signals.DEVICE_QUEUE_CAPPED, device, _flag(status.queue_is_lower_bound))
    for name, seconds in status.wait._asdict().items():
        yield Sample(signals.DEVICE_WAIT, (*device, name), seconds)
    yield Sample(signals.DEVICE_AVAILABLE_AT, device, status.next_available_at)


def _device(info: DeviceInfo) -> Iterator[Sample]:
    device = (info.provider, info.name)
    yield Sample(signals.DEVICE_QUBITS, (*device, "all"), info.num_qubits)
    yield Sample(signals.DEVICE_CLOPS, device, info.clops)
    for figure, error in info.two_qubit_error.items():
        yield Sample(signals.DEVICE_TWO_QUBIT_ERROR, (*device, figure), error)


def _flag(value: bool | None) -> float | None:
    return None if value is None else float(value)
