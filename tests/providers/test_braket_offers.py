"""Amazon's own price list: it goes before the dated one, and costs equal those of the SDK."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from braket.tracking import Tracker, pricing, tracker
from braket.tracking.tracking_events import _TaskCreationEvent, _TaskStatusEvent

from qgm_observe.errors import UsageError
from qgm_observe.providers.braket import Braket

from .braket_service import GARNET, REGION, SIMULATOR, Service, asking, device, task

OFFERS = (
    "a\nb\nc\nd\ne\n"
    '"Product Family","DeviceName","Region Code","PricePerUnit","Currency","Unit","EffectiveDate",'
    '"Version","operation"\n'
    f'"Quantum Task","Garnet","{REGION}","0.31000","USD","Task","2026-10-01","",""\n'
    f'"Quantum Task-Shot","Garnet","{REGION}","0.00150","USD","Shot","2026-10-01","",""\n'
    f'"Simulator Task","","{REGION}","0.075","USD","minutes","2026-10-01","SV1","CompleteTask"\n'
)


@pytest.fixture
def provider() -> Iterator[tuple[Braket, Service]]:
    """The adapter, and the service that it asks."""
    with asking() as both:
        yield both


def offers_file(folder: Path) -> str:
    path = folder / "offers.csv"
    path.write_text(OFFERS)
    return path.as_uri()


def test_amazons_own_list_goes_before_the_dated_one(provider, tmp_path):
    """With BRAKET_PRICE_OFFERS_URL the task's price, day and source are that list's."""
    opened, told = provider
    opened._offers_url = url = offers_file(tmp_path)
    told.devices += [
        device(deviceArn=SIMULATOR, deviceName="SV1", deviceType="SIMULATOR"),
        device(deviceArn=GARNET.replace("Garnet", "Emerald"), deviceName="Emerald"),
    ]
    price, simulator = opened.price("Garnet"), opened.price("SV1")

    assert price is not None
    assert simulator is not None
    assert (price.per_task, price.per_shot) == (Decimal("0.31"), Decimal("0.0015"))
    assert (price.as_of, price.source) == ("2026-10-01", url)
    assert simulator.per_second == Decimal("0.00125")
    assert opened.price("Emerald") is None
    assert opened.job(told.tasks[0]["quantumTaskArn"]).cost == Decimal("1.81")


def test_a_task_costs_what_the_sdks_tracker_says(provider, tmp_path, monkeypatch):
    """The cost of finished and failed tasks equals that of the SDK's own tracker on one list."""
    opened, told = provider
    opened._offers_url = offers_file(tmp_path)
    lines = OFFERS.splitlines(keepends=True)[5:]
    fresh = pricing.Pricing()
    fresh._price_list = list(csv.DictReader(lines))
    monkeypatch.setattr(tracker, "price_search", fresh.price_search)
    theirs = Tracker()
    for number, status in enumerate(("COMPLETED", "FAILED", "CANCELLED"), 1):
        each = task(status, number)
        told.tasks = [each]
        arn = each["quantumTaskArn"]
        before = theirs.qpu_tasks_cost()
        theirs.receive_event(
            _TaskCreationEvent(arn=arn, shots=1000, is_job_task=False, device=GARNET)
        )
        theirs.receive_event(_TaskStatusEvent(arn=arn, status=status))

        assert opened.job(arn).cost == theirs.qpu_tasks_cost() - before
    assert theirs.qpu_tasks_cost() == Decimal("1.81")


@pytest.mark.parametrize(
    ("url", "advice"),
    [("gopher://prices", "write an http, https or file address"), (None, "no price list")],
)
def test_a_wrong_price_list_is_told(provider, url, advice, tmp_path):
    """An address of another kind, and a file that is no price list, are told in one line."""
    (tmp_path / "empty.csv").write_text("nothing")
    opened, _ = provider
    opened._offers_url = url or (tmp_path / "empty.csv").as_uri()

    with pytest.raises(UsageError, match=advice):
        opened.price("Garnet")
