"""What is known of a device and an account before work is submitted, and who is asked for it."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import Store
from qgm_observe.providers.layout import LayoutFaults, layout_faults
from qgm_observe.providers.local import require_snapshots
from qgm_observe.providers.placement import place
from qgm_observe.providers.protocol import (
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceStatus,
    Price,
    Provider,
)
from qgm_observe.records import Estimate, Job
from qgm_observe.spend.foresight import History
from qgm_observe.spend.limiter import MINUTE

HISTORY_DAYS = 90
DAY = 86_400.0
STALE_SECONDS = 48 * 3600.0

Qubits = tuple[int, ...]
Window = tuple[float, float]
"""From and to, epoch seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A circuit on qubits of a device.

    Attributes:
        qubits: Those in use.
        faults: What speaks against them, `None` where nothing is calibrated.
        quality: Expected probability that no gate and no readout fails.
        reason: Why it cannot be laid out so.
    """

    qubits: Qubits
    faults: LayoutFaults | None = None
    quality: Estimate | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known at one instant; unknown is `None`.

    Attributes:
        at: Epoch seconds.
        waits: Of own jobs on the device: when they were submitted, and the seconds they waited.
        submitted: When jobs of the account were submitted within the last minute.
        pending_seconds: Device time of jobs that wait already and will be charged before.
        layouts: A circuit by the qubits asked for; by `()` where the compiler puts it.
        maintenance: Announced times in which the device runs nothing.
        untold: Parts that should be known and are not (`device`, `usage`, `jobs`, `calibration`),
            each with the reason.
    """

    at: float
    info: DeviceInfo | None = None
    status: DeviceStatus | None = None
    usage: AccountUsage | None = None
    price: Price | None = None
    history: History = field(default_factory=History)
    waits: Sequence[tuple[float, float]] = ()
    submitted: Sequence[float] = ()
    pending_seconds: float = 0.0
    layouts: Mapping[Qubits, Laid] = field(default_factory=dict)
    maintenance: Sequence[Window] = ()
    untold: Mapping[str, str] = field(default_factory=dict)


def earlier(
    journal: Store, provider: str, device: str, now: float
) -> tuple[History, list[tuple[float, float]]]:
    """Return the device times and the waits of a device's own remote jobs, the oldest first."""
    waits: list[tuple[float, float]] = []
    jobs: list[Job] = []
    for job in journal.records(Job, since=now - HISTORY_DAYS * DAY):
        if (job.provider, job.device, str(job.execution_mode) != "local") == (
            provider,
            device,
            True,
        ):
            jobs.append(job)
            first = job.attempts[0].queue_seconds if job.attempts else None
            if first is not None and job.session is None:
                waits.append((job.started_at, first))
    return History(jobs), waits


def look(
    provider: Provider,
    device: str,
    *,
    at: float,
    circuit: Any = None,
    layout: Qubits = (),
    price: Price | None = None,
    history: History | None = None,
    waits: Sequence[tuple[float, float]] = (),
    maintenance: Sequence[Window] = (),
    stale_seconds: float = STALE_SECONDS,
) -> Outlook:
    """Ask a provider for what a verdict needs; a part that it does not answer is named.

    Args:
        provider: Who is asked, each question within the provider's own deadline.
        device: Its name.
        at: Epoch seconds now.
        circuit: A Qiskit circuit, or `None`: then a layout is looked at by itself.
        layout: The device's qubits of the circuit's, in order.
        price: Goes before what the provider says.
        history: See `earlier`.
        waits: See `earlier`.
        maintenance: Announced times, from the user.
        stale_seconds: Age from which a calibrated value is stale.

    Raises:
        UsageError: the provider has no such device.
    """
    asked = _Asked(provider)
    info, status = _device(asked, device)
    jobs = asked.able(Capability.JOBS, "jobs", lambda: provider.jobs(limit=50)) or ()
    layouts: Mapping[Qubits, Laid] = {}
    if circuit is not None or layout:
        layouts = _laid(asked, info, circuit, layout, at - stale_seconds)
    return Outlook(
        at=at,
        info=info,
        status=status,
        usage=asked.able(Capability.USAGE, "usage", provider.usage),
        price=price or asked("price", lambda: provider.price(device)),
        history=history or History(),
        waits=waits,
        submitted=[j.created_at for j in jobs if j.created_at and at - MINUTE < j.created_at <= at],
        pending_seconds=sum(j.estimated_seconds or 0.0 for j in jobs if not j.state.is_final),
        layouts=layouts,
        maintenance=maintenance,
        untold=asked.untold,
    )


class _Asked:
    """Questions to a provider, of which some are not answered."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.untold: dict[str, str] = {}

    def able(self, capability: Capability, part: str, ask: Callable[[], Any]) -> Any:
        """Return an answer, `None` where the provider has no such capability."""
        return self(part, ask) if capability in self.provider.capabilities else None

    def __call__(self, part: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  each provider's library has types of its own
            why = _why(self.provider, error)
            self.untold[part] = f"{self.provider.name} does not tell: {why}"
            return None


def _device(asked: _Asked, name: str) -> tuple[DeviceInfo | None, DeviceStatus | None]:
    provider = asked.provider
    listed = asked("device", lambda: dict(_named(provider))) or {}
    if listed and name not in listed:
        if provider.name == "local":
            require_snapshots(name)
        near = get_close_matches(name, listed, n=3) or sorted(listed)[:8]
        known = ", ".join(near)
        raise UsageError(f"device {name!r}: {provider.name} has none; write {known}")
    info, status = listed.get(name, (None, None))
    return info, status


def _laid(
    asked: _Asked, info: DeviceInfo | None, circuit: Any, layout: Qubits, oldest: float
) -> Mapping[Qubits, Laid]:
    """Lay a circuit out by the calibration in force; a simulator's is never stale."""
    if info is None:
        return {}
    provider, name = asked.provider, info.name
    calibration = asked.able(
        Capability.CALIBRATION, "calibration", lambda: provider.calibration(name)
    )
    if calibration is None:
        return {}
    full = info if info.edges else asked("device", lambda: provider.device(name)) or info
    stale_before = None if info.is_simulator else oldest
    return dict(_layouts(circuit, full, calibration, layout, stale_before))


def _why(provider: Provider, error: Exception) -> str:
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return f"{provider.classify(error)}: {first}"


def _named(provider: Provider) -> Iterator[tuple[str, tuple[DeviceInfo, DeviceStatus]]]:
    for info, status in provider.devices():
        yield info.name, (info, status)


def _layouts(
    circuit: Any,
    info: DeviceInfo,
    calibration: Calibration,
    layout: Qubits,
    oldest: float | None,
) -> Iterator[tuple[Qubits, Laid]]:
    """Lay a circuit out as asked and as the compiler would."""
    if circuit is None:
        faults = layout_faults(calibration, layout, stale_before=oldest)
        yield layout, Laid(qubits=layout, faults=faults)
        return
    for wanted in dict.fromkeys((layout, ())):
        placed = place(circuit, info, calibration, wanted or None)
        if placed.reason:
            asked = layout_faults(calibration, wanted) if wanted else None
            yield wanted, Laid(qubits=wanted, faults=asked, reason=placed.reason)
            continue
        yield (
            wanted,
            Laid(
                qubits=placed.qubits,
                faults=layout_faults(
                    calibration, placed.qubits, edges=placed.edges, stale_before=oldest
                ),
                quality=_quality(placed),
            ),
        )


def _quality(placed: Any) -> Estimate:
    try:
        from qgm_observe.quality.noise import expected_success
    except ImportError as error:
        raise MissingExtra("predicted quality", "quality") from error
    errors: dict[Hashable, float | None] = dict(placed.errors.items())
    uses: dict[Hashable, int] = dict(placed.uses.items())
    return expected_success(errors, uses, placed.readout_errors)
