"""The scheduler: many accounts, long times, threads."""

import gc
import sys
import threading

from qgm_observe.catalog import ErrorClass
from qgm_observe.exporters.polling.accounts import Worker


def calls_made(provider):
    return len(provider.calls)


def test_memory_stays_flat_over_many_polls(polled, provider):
    """Over 600 polls of a device that changes hourly fewer than 2,000 blocks are kept."""
    exporter = polled()
    hour = polls = 0
    kept = []
    for wanted in (200, 800):
        while polls < wanted:
            hour += 1
            provider.updated_at, provider.raw = float(hour), b"%d" % hour
            exporter.run(3600)
            polls += len(provider.calls)
            provider.calls = []
        gc.collect()
        kept.append(sys.getallocatedblocks())

    assert kept[1] - kept[0] < 2_000


def test_an_outage_costs_few_calls_and_ends_soon(polled, provider):
    """Ten minutes of outage make at most 12 calls; values go, health stays, then all is back."""
    exporter = polled()
    exporter.run(300)
    provider.raises["*"] = ConnectionError("CANARY")
    made = calls_made(provider)
    exporter.run(600)

    assert calls_made(provider) - made <= 12
    assert exporter.named("qgm_device_queue_jobs") == []
    assert exporter.named("qgm_provider_up") == [0]
    assert sum(exporter.named("qgm_provider_circuit_state")) == 1
    provider.raises.clear()
    exporter.run(600)
    assert exporter.named("qgm_device_queue_jobs") == [4]
    assert "CANARY" not in exporter.text()


def test_a_calibration_comes_back_after_a_pause(polled, provider):
    """An exporter that stood still for hours shows the old calibration again."""
    exporter = polled()
    exporter.run(60)
    shown = exporter.named("qgm_device_t1_seconds")

    exporter.now += 3 * 3600  # the machine slept: longer than a calibration is believed
    exporter.run(1)
    exporter.run(1000)

    assert len(shown) == 3
    assert exporter.named("qgm_device_t1_seconds") == shown


def test_a_first_failure_is_seen_as_an_increase(polled, provider):
    """A counter of failures is at 0 for two scrape intervals and then at its count."""
    exporter = polled()
    exporter.run(60)
    provider.raises["*"] = ConnectionError()
    while not [key for key in exporter.numbers() if 'result="network"' in key]:
        exporter.run(1)
    at_first = [n for key, n in exporter.numbers().items() if 'result="network"' in key]
    exporter.run(40)
    later = [n for key, n in exporter.numbers().items() if 'result="network"' in key]

    assert at_first == [0]
    assert sum(later) >= 1


def test_two_accounts_never_ask_twice_at_once(polled, provider, other_provider):
    """With both hanging there is one call of each, and never a second."""
    text = "providers:\n- provider: ibm\n  account: team\n- provider: ibm\n  account: lab\n"
    exporter = polled(text, lab=other_provider)
    exporter.hangs |= {"team", "lab"}
    exporter.run(7200)

    assert len(exporter.hanging) == 2


def test_an_account_that_was_replaced_is_shown_no_more(polled, provider):
    """When other accounts are polled, the samples and late answers of former ones are dropped."""
    exporter = polled()
    exporter.run(60)
    exporter.hangs.add("team")
    exporter.run(100)
    exporter.polling.replace({})
    exporter.release()
    exporter.run(10)

    assert exporter.named("qgm_device_queue_jobs") == []
    assert exporter.named("qgm_provider_up") == []
    assert exporter.polling.unasked() == []


def test_accounts_are_unasked_until_their_fleet_was_polled(polled, provider):
    """A failed poll counts as well: what matters is that there is something to tell."""
    exporter = polled()
    assert exporter.polling.unasked() == ["team"]
    provider.raises["*"] = ConnectionError()
    provider.told["ConnectionError"] = ErrorClass.AUTH
    exporter.run(1)

    assert exporter.polling.unasked() == []


def test_a_worker_asks_in_order_and_ends_by_closing():
    """Questions are answered one by one on one daemon thread, which closes its asker at the end."""
    told, closed = [], threading.Event()

    class Asker:
        def perform(self, question):
            return question, threading.current_thread().daemon

        def close(self):
            closed.set()

    worker = Worker(Asker(), told.append)
    for number in range(3):
        worker.submit(number)
    worker.end()

    assert worker.join(5.0)
    assert told == [(0, True), (1, True), (2, True)]
    assert closed.is_set()
    assert not worker.is_alive
