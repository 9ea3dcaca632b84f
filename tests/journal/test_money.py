"""What events that tell of money add to which signal, and that pruning changes nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import provider_signals, signals
from qgm_observe.journal import Event, Totals, open_journal
from qgm_observe.journal.measure import measurements

LABELS = {
    "project": "p",
    "pipeline": "q",
    "model": "m",
    "model_version": "1",
    "kind": "training",
    "provider": "ibm",
    "device": "d",
    "region": "r",
    "execution_mode": "job",
    "shot_class": "1k",
}
JOB = tuple(LABELS.values())
USD = {"cost": "3.2", "currency": "USD"}


def event(verb: str, noun: str = "attempt", **body: Any) -> Event:
    return Event(verb=verb, noun=noun, subject="s", at=1.0, body=LABELS | body, id=f"s/{verb}")


@pytest.mark.parametrize(
    ("verb", "body", "basis"),
    [
        ("estimated", {}, "estimated"),
        ("billed", {}, "billed"),
        ("invoiced", {"job": "a", "number": 1}, "invoiced"),
    ],
)
def test_each_way_of_knowing_a_cost_is_a_counter_of_its_own(verb, body, basis):
    """Estimate, bill and invoice count under their own basis and never under another's."""
    assert measurements(event(verb, device_seconds=2.0, **USD, **body)) == [
        (signals.COST_DEVICE_TIME, (*JOB, basis), 2.0),
        (signals.COST, (*JOB, basis), 3.2),
        (signals.COST_BILLS, (*JOB, basis), 1),
    ]


def test_waste_is_a_part_of_the_bill_by_its_reason():
    """A failed attempt's cost is cost, and wasted as well."""
    told = measurements(event("billed", wasted={"failed": "3.2"}, **USD))

    assert told == [
        (signals.COST, (*JOB, "billed"), 3.2),
        (signals.COST_BILLS, (*JOB, "billed"), 1),
        (signals.COST_WASTED, (*JOB, "failed"), 3.2),
    ]


def test_a_job_in_a_session_is_counted_with_its_session():
    """The session's bill is the whole; the attempt in it adds neither time nor money."""
    inside = {"execution_mode": "session", "device_seconds": 2.0}

    assert measurements(event("billed", **inside)) == []
    told = measurements(event("billed", "session", **inside, **USD))
    assert [(signal, value) for signal, _, value in told] == [
        (signals.COST_DEVICE_TIME, 2.0),
        (signals.COST, 3.2),
        (signals.COST_BILLS, 1),
    ]


@pytest.mark.parametrize(
    ("bill", "currency"),
    [
        ({"cost": "3.2", "currency": "EUR"}, "EUR"),
        ({"device_seconds": 0.0}, "unknown"),
    ],
)
def test_what_is_not_in_dollars_is_counted_and_not_added(bill, currency):
    """A bill in euros, and one without a price, are told by their currency."""
    assert measurements(event("billed", **bill)) == [
        (signals.COST_FOREIGN, (*JOB, currency), 1),
    ]


def test_a_free_bill_is_known_to_be_free():
    """A cost of 0 is no bill without a price: it is a bill that adds nothing."""
    assert measurements(event("billed", cost="0", currency="USD")) == [
        (signals.COST_BILLS, (*JOB, "billed"), 1)
    ]


def test_untagged_money_is_of_a_device_and_of_no_work():
    """An invoice line that belongs to nobody is a signal of the provider's."""
    assert measurements(event("invoiced", "line", **USD)) == [
        (provider_signals.COST_UNTAGGED, ("ibm", "d"), 3.2)
    ]


def test_prevented_money_is_no_cost():
    """What a guard stopped is counted apart."""
    assert measurements(event("guarded", **USD)) == [(signals.COST_PREVENTED, JOB, 3.2)]


@pytest.mark.parametrize("cost", ["much", [], {}, "NaN", "-1", "Infinity"])
def test_a_cost_that_makes_no_sense_adds_nothing(cost):
    """Rows of others are counted all the same."""
    told = measurements(event("billed", cost=cost, currency="USD"))

    assert [signal for signal, *_ in told] == []


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=30))
def test_totals_of_money_are_whole_and_do_not_depend_on_grouping(cents):
    """A sum in billionths is exact, in one go or in two."""
    events = [event("billed", cost=f"{each / 100:.2f}", currency="USD") for each in cents]
    once, first, second = Totals(), Totals(), Totals()
    for number, each in enumerate(events):
        once.add(each)
        (first if number % 2 else second).add(each)
    first.merge(second)

    assert once == first
    counted = once.counters.get(signals.COST.name, {}).get((*JOB, "billed"), 0)
    assert counted == sum(cents) * 10**7


def test_pruning_keeps_what_money_was_counted(tmp_path):
    """Rows go into totals; the counters are the same before and after."""
    with open_journal(tmp_path / "j.db") as journal:
        told = [event(verb, **USD) for verb in ("estimated", "guarded", "billed", "invoiced")]
        journal.append([*told, event("opened", "run")])
        before, _ = journal.snapshot()
        report = journal.prune(journal.clock() + 10, older_than_seconds=0, max_bytes=2**40)
        after, _ = journal.snapshot()

    assert report.rows >= 4
    assert before == after
    assert set(after.counters) == {
        signals.COST.name,
        signals.COST_BILLS.name,
        signals.COST_PREVENTED.name,
        provider_signals.COST_UNTAGGED.name,
    }
