"""A device that is online and a plan that goes."""

from decimal import Decimal

from qgm_observe.providers.protocol import DeviceInfo, DeviceState, DeviceStatus, Price, Wait
from qgm_observe.spend.outlook import Outlook
from qgm_observe.spend.plan import Plan

NOW = 1_777_852_800.0
INFO = DeviceInfo(provider="ibm", name="ibm_fez", num_qubits=156, max_shots=10_000)
STATUS = DeviceStatus(
    provider="ibm",
    device="ibm_fez",
    state=DeviceState.ONLINE,
    observed_at=NOW,
    wait=Wait(p50=60.0, p95=120.0),
)
PRICE = Price(
    provider="ibm",
    device="ibm_fez",
    currency="USD",
    per_second=Decimal("1.60"),
    source="s",
    as_of="2026-05-25",
)
CLEAR = Outlook(at=NOW, info=INFO, status=STATUS, price=PRICE)
PLAN = Plan(device="ibm_fez", jobs=10, shots=1_000, each=(2.0, 3.0), throttled=5.0)
