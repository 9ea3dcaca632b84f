"""Pages: owners, caps and bytes."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.page import HEALTH, Page, Sample
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.openmetrics import OPENMETRICS
from qgm_observe.telemetry.prometheus import CLASSIC

ONE, OTHER = ("team", "fleet", ""), ("lab", "fleet", "")
FEZ, TORINO = ("ibm", "ibm_fez"), ("ibm", "ibm_torino")
QUEUE = signals.DEVICE_QUEUE


def page_of(most: int = 1_000, targets: tuple[str, ...] = ()) -> Page:
    return Page(Aggregates("provider", 15.0, lambda: 0.0), most, targets)


def shown(page: Page, target: str | None = None) -> list[str]:
    page.render()
    lines = page.snapshot[target, CLASSIC].text.decode().splitlines()
    return [line for line in lines if line.startswith(("qgm_device", "qgm_account"))]


def test_the_text_is_what_prometheus_reads():
    """A sample is exposed under its catalog name with its labels and the source."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, FEZ, 4), Sample(QUEUE, TORINO, None)])

    assert shown(page) == [
        'qgm_device_queue_jobs{provider="ibm",device="ibm_fez",source="provider"} 4'
    ]


def test_new_samples_of_an_owner_replace_its_old_ones():
    """What an owner does not show again is gone, and so is all of it once it is dropped."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, FEZ, 4), Sample(QUEUE, TORINO, 5)])
    page.show(ONE, [Sample(QUEUE, TORINO, 6)])
    assert [line.rpartition(" ")[2] for line in shown(page)] == ["6"]

    page.drop(ONE)
    assert shown(page) == []


def test_of_two_accounts_the_one_that_told_last_has_a_sample():
    """When two owners show one label set, dropping the former leaves the latter's value."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, FEZ, 4)])
    page.show(OTHER, [Sample(QUEUE, FEZ, 5)])
    page.drop(ONE)
    assert [line.rpartition(" ")[2] for line in shown(page)] == ["5"]

    page.drop(OTHER)
    assert shown(page) == []


def test_what_is_above_the_cap_is_left_out_and_counted():
    """Of 150 samples 100 are shown, 50 are counted; health is shown all the same."""
    page = page_of(most=100)
    page.show(ONE, [Sample(QUEUE, ("ibm", f"d{n}"), n) for n in range(150)])
    page.show(("team", HEALTH), [Sample(signals.PROVIDER_UP, ("ibm", "team"), 1)])
    page.render()
    families = page.aggregates._published.families

    assert len(shown(page)) == 100
    left_out = families[signals.EXPORTER_DROPPED.name].series[("fleet",)]
    assert left_out.number == 50
    assert b"qgm_provider_up{" in page.snapshot[None, CLASSIC].text


def test_a_label_keeps_to_its_bound_and_never_becomes_other():
    """The 201st device is left out; once others are gone a new one has room."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, ("ibm", f"d{n}"), n) for n in range(201)])
    assert len(shown(page)) == 200
    assert not [line for line in shown(page) if "other" in line]

    page.show(ONE, [Sample(QUEUE, ("ibm", "d200"), 1)])
    page.show(ONE, [Sample(QUEUE, ("ibm", "d201"), 1)])
    assert len(shown(page)) == 1


def test_a_value_outside_a_closed_set_is_left_out():
    """A state that the label does not know gives no sample."""
    page = page_of()
    page.show(ONE, [Sample(signals.DEVICE_STATE, (*FEZ, "melted"), 1)])

    assert shown(page) == []


@given(st.text(max_size=200))
def test_a_hostile_name_breaks_no_line(name):
    """Whatever a provider calls its device, its sample is one line of valid UTF-8."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, ("ibm", name), 4)])

    assert len(shown(page)) == 1
    assert shown(page)[0].startswith('qgm_device_queue_jobs{provider="ibm",device="')


def test_a_lone_surrogate_and_a_direction_mark_are_replaced():
    """What would break every later scrape, or forge what a reader sees, becomes U+FFFD."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, ("ibm", "a\ud800b\u202ec\x00"), 4)])

    assert 'device="a\ufffdb\ufffdc\ufffd"' in shown(page)[0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_number_is_no_sample(value):
    """NaN and infinities are not exposed, and take a former value away."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, FEZ, 1)])
    page.show(ONE, [Sample(QUEUE, FEZ, value)])

    assert shown(page) == []


def test_a_target_has_a_page_of_its_own_signals():
    """A device's page has its samples, an account's its own; others are not there."""
    page = page_of(targets=("ibm_fez", "team"))
    pending = (*("ibm", "team"), "ibm_fez", "queued", "ours")
    page.show(ONE, [Sample(QUEUE, FEZ, 4), Sample(QUEUE, TORINO, 5)])
    page.show(OTHER, [Sample(signals.ACCOUNT_USED, ("ibm", "team"), 9)])
    page.show(("team", "jobs", ""), [Sample(signals.ACCOUNT_PENDING, pending, 2)])

    assert [line.partition("{")[0] for line in shown(page, "ibm_fez")] == [
        "qgm_device_queue_jobs",
        "qgm_account_jobs_pending",
    ]
    assert [line.partition("{")[0] for line in shown(page, "team")] == ["qgm_account_used_seconds"]
    assert ("ibm_torino", CLASSIC) not in page.snapshot


def test_a_snapshot_is_replaced_and_never_changed():
    """Who holds a snapshot keeps what it said; both forms are there, plain and compressed."""
    page = page_of()
    page.show(ONE, [Sample(QUEUE, FEZ, 4)])
    page.render()
    before = page.snapshot
    text = before[None, CLASSIC].text
    page.show(ONE, [Sample(QUEUE, FEZ, 5)])
    page.render()

    assert before[None, CLASSIC].text == text
    assert b"} 5\n" in page.snapshot[None, CLASSIC].text
    with pytest.raises(TypeError):
        before[None, CLASSIC] = page.snapshot[None, CLASSIC]
    for form in (CLASSIC, OPENMETRICS):
        exposition = page.snapshot[None, form]
        assert gzip.decompress(exposition.gzip) == exposition.text
    assert page.snapshot[None, OPENMETRICS].text.endswith(b"# EOF\n")


def test_the_series_are_counted_as_lines():
    """The gauge of series is the number of lines, parts of histograms included."""
    page = page_of()
    page.aggregates.add(signals.PROVIDER_REQUEST_DURATION, ("ibm", "team", "fleet"), 0.1)
    page.render()
    page.render()
    lines = page.snapshot[None, CLASSIC].text.decode().splitlines()

    assert f'qgm_exporter_series{{source="provider"}} {sum(x[0] != "#" for x in lines)}' in lines
