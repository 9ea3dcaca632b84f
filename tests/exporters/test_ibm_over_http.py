"""The exporter on the real adapter of IBM, over HTTP to a provider on loopback."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qgm_observe.catalog import ErrorClass
from qgm_observe.providers import open_provider
from qgm_observe.testing.provider import IBMProvider, VirtualClock

CONFIG = "providers:\n- {provider: ibm, account: team, devices: {name: '*', detail: curated}}\n"
ACCOUNT = 'provider="ibm",account="team"'


@pytest.fixture
def server() -> Iterator[IBMProvider]:
    made = IBMProvider(("fake_fez", "fake_manila"), clock=VirtualClock())
    with made as provider, provider.environment():
        yield provider


@pytest.fixture
def exporter(server: IBMProvider, polled: Callable[..., Any]) -> Iterator[Any]:
    """Polls on virtual time, asking over HTTP of the real adapter."""
    ibm = open_provider("ibm", account="team", deadline=30.0, api_url=f"{server.url}/api/v1")
    yield polled(CONFIG, team=ibm)
    ibm.close()


def test_devices_queue_and_calibration_come_over_http(exporter, server):
    """Two devices are online with their queues, and every qubit of both has its T1."""
    server.devices["ibm_fez"].queue = 12
    exporter.run(300)
    numbers = exporter.numbers()

    assert numbers['qgm_device_queue_jobs{provider="ibm",device="ibm_fez"}'] == 12
    assert len(exporter.named("qgm_qubit_t1_seconds")) == 156 + 5
    edges = 'qgm_device_edges{provider="ibm",device="ibm_fez",gate="cz",condition="disabled"}'
    assert numbers[edges] == 7
    assert numbers[f"qgm_provider_up{{{ACCOUNT}}}"] == 1
    assert exporter.named("qgm_account_used_seconds") == [0]
    assert exporter.named("qgm_provider_collector_up") == [1] * 5


def test_an_hour_makes_no_more_requests_than_calls_are_counted(exporter, server):
    """Requests that reach the provider are those that the page counts, but for the login."""
    exporter.run(60)
    server.requests.clear()
    before = sum(exporter.named("qgm_provider_requests_total"))
    exporter.run(3600)
    counted = sum(exporter.named("qgm_provider_requests_total")) - before

    assert 170 <= len(server.requests) <= counted + 10


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 401}, ErrorClass.AUTH),
        ({"status": 403}, ErrorClass.AUTH),
        ({"status": 404}, ErrorClass.NOT_FOUND),
        ({"status": 429}, ErrorClass.RATE_LIMIT),
        ({"status": 429, "retry_after": 600}, ErrorClass.RATE_LIMIT),
        ({"status": 500}, ErrorClass.NETWORK),
        ({"status": 503}, ErrorClass.NETWORK),
        ({"drop": True}, ErrorClass.NETWORK),
    ],
)
def test_each_fault_is_counted_by_its_class(exporter, server, fault, expected):
    """What goes wrong at the list of devices is a request of the right class, and no other."""
    exporter.run(90)
    server.faults.add("GET", "/backends", **fault)
    exporter.run(150)
    failed = {
        key.partition('result="')[2].partition('"')[0]
        for key in exporter.numbers()
        if 'collector="fleet",result=' in key
    }

    assert failed == {"ok", expected.value}
    assert exporter.numbers()[f'qgm_provider_collector_up{{{ACCOUNT},collector="fleet"}}'] == 0
    assert len(exporter.named("qgm_device_queue_jobs")) == 2


def test_retry_after_of_the_provider_is_kept(exporter, server):
    """After 429 with 600 s no request is made for 600 s, and the page says until when."""
    exporter.run(90)
    server.faults.add("GET", "/backends", status=429, retry_after=600, count=1)
    while not exporter.named("qgm_provider_retry_timestamp_seconds"):
        exporter.run(1)
    server.requests.clear()
    exporter.run(590)

    assert len(server.requests) == 0
    [until] = exporter.named("qgm_provider_retry_timestamp_seconds")
    assert until == pytest.approx(exporter.clocks.wall() + 10, abs=3)
    exporter.run(60)
    assert len(server.requests) > 0


def test_a_provider_that_hangs_is_down_after_its_deadline(server, polled):
    """An answer that never comes is a network failure, and the page says that it is down."""
    ibm = open_provider("ibm", account="team", deadline=0.5, api_url=f"{server.url}/api/v1")
    exporter = polled(CONFIG, team=ibm)
    try:
        server.faults.add("GET", "/**", hang=True)
        exporter.run(1)
        assert exporter.named("qgm_provider_up") == [0]
        exporter.run(40)
        key = f'qgm_provider_requests_total{{{ACCOUNT},collector="fleet",result="network"}}'
        assert exporter.numbers()[key] >= 1
    finally:
        server.faults.release()
        ibm.close()
