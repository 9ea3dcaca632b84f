"""Accounts: what is asked when, and what is shown for how long."""

import logging

import pytest

from qgm_observe.catalog import ErrorClass
from qgm_observe.providers.protocol import Capability, JobState, ProviderJob

HOUR = 3600.0
ACCOUNT = 'provider="ibm",account="team"'


class Refused(Exception):
    """What a provider's library raises."""


def test_an_hour_asks_each_question_as_often_as_configured(polled, provider):
    """Fleet each minute, usage each 5, jobs each half, with at most a tenth between more."""
    polled().run(HOUR)
    counted = {name: provider.calls.count(name) for name in set(provider.calls)}

    assert 60 / 1.1 <= counted["fleet"] <= 61
    assert 12 / 1.1 <= counted["usage"] <= 13
    assert 120 / 1.1 <= counted["jobs"] <= 121
    assert (counted["calibration"], counted["price"]) == (1, 1)


def test_a_calibration_is_asked_for_when_its_stamp_changed(polled, provider):
    """Unchanged it is asked for once and stays; changed it is asked for again, and counted."""
    exporter = polled()
    exporter.run(3 * HOUR)
    assert provider.calls.count("calibration") == 1
    assert (
        exporter.numbers()[
            'qgm_device_t1_seconds{provider="ibm",device="ibm_fez",aggregate="worst"}'
        ]
        == 1e-4
    )

    provider.updated_at, provider.raw = 2.0, b"second"
    exporter.run(120)
    assert provider.calls.count("calibration") == 2
    assert exporter.named("qgm_device_calibration_changes_total") == [1]


def test_a_stamp_that_keeps_changing_is_followed_every_quarter_of_an_hour_at_most(polled, provider):
    """With a new stamp at every fleet poll there are at most four calibrations an hour."""
    exporter = polled()
    for minute in range(120):
        provider.updated_at = float(minute)
        exporter.run(60)

    assert 7 <= provider.calls.count("calibration") <= 9


def test_without_a_stamp_a_calibration_is_asked_for_every_quarter_of_an_hour(polled, provider):
    """A provider that tells no stamp is asked each interval; equal answers are no change."""
    provider.updated_at = None
    exporter = polled()
    exporter.run(2 * HOUR)

    assert 7 <= provider.calls.count("calibration") <= 9
    assert exporter.named("qgm_device_calibration_changes_total") == [0]


def test_what_a_provider_cannot_tell_is_not_asked_for_again(polled, provider):
    """Without capabilities only the fleet is asked for, and nothing else has a sample."""
    provider.capabilities = {Capability.STATUS}
    exporter = polled()
    exporter.run(HOUR)

    assert set(provider.calls) == {"fleet"}
    assert "qgm_account_used" not in exporter.text()
    assert exporter.named("qgm_provider_collector_up") == [1]


def test_last_values_are_shown_for_max_stale_and_health_stays(polled, provider):
    """An outage takes values away after their time, while the health series go on."""
    exporter = polled()
    exporter.run(120)
    last = exporter.numbers()[
        f'qgm_provider_last_success_timestamp_seconds{{{ACCOUNT},collector="fleet"}}'
    ]
    provider.raises["*"] = ConnectionError()
    exporter.run(200)
    assert exporter.named("qgm_device_queue_jobs") == [4]

    exporter.run(120)
    numbers = exporter.numbers()
    assert exporter.named("qgm_device_queue_jobs") == []
    assert numbers[f"qgm_provider_up{{{ACCOUNT}}}"] == 0
    assert numbers[f'qgm_provider_collector_up{{{ACCOUNT},collector="fleet"}}'] == 0
    assert (
        numbers[f'qgm_provider_last_success_timestamp_seconds{{{ACCOUNT},collector="fleet"}}']
        == last
    )
    assert numbers[f'qgm_provider_circuit_state{{{ACCOUNT},circuit_state="open"}}'] == 1
    assert numbers[f"qgm_provider_retry_timestamp_seconds{{{ACCOUNT}}}"] > last

    exporter.run(2 * HOUR)
    assert exporter.named("qgm_device_t1_seconds") == []
    assert exporter.named("qgm_provider_up") == [0]


def test_it_comes_back_after_an_outage(polled, provider):
    """Once the provider answers again, the circuit closes and values are shown again."""
    exporter = polled()
    provider.raises["*"] = ConnectionError()
    exporter.run(1800)
    provider.raises.clear()
    exporter.run(1000)

    assert exporter.named("qgm_device_queue_jobs") == [4]
    assert (
        exporter.numbers()[f'qgm_provider_circuit_state{{{ACCOUNT},circuit_state="closed"}}'] == 1
    )
    assert "qgm_provider_retry_timestamp_seconds{" not in exporter.text()


def test_one_failing_collector_takes_nothing_else_away(polled, provider):
    """With usage failing the fleet is shown, and the failure is counted by its class."""
    provider.raises["usage"] = Refused()
    provider.told["Refused"] = ErrorClass.NOT_FOUND
    exporter = polled()
    exporter.run(HOUR)
    numbers = exporter.numbers()

    assert exporter.named("qgm_device_queue_jobs") == [4]
    assert numbers[f"qgm_provider_up{{{ACCOUNT}}}"] == 1
    assert numbers[f'qgm_provider_collector_up{{{ACCOUNT},collector="usage"}}'] == 0
    counted = numbers[
        f'qgm_provider_requests_total{{{ACCOUNT},collector="usage",result="not_found"}}'
    ]
    assert 11 <= counted <= 13


def test_retry_after_is_kept(polled, provider):
    """After a 429 that names 600 s nothing is asked for 600 s."""
    exporter = polled()
    exporter.run(60)
    error = Refused()
    error.retry_after = "600"
    provider.raises["*"] = error
    exporter.run(60)
    provider.raises.clear()
    made = len(provider.calls)
    exporter.run(530)
    assert len(provider.calls) == made

    exporter.run(60)
    assert len(provider.calls) > made


def test_a_call_that_hangs_counts_as_failed_and_nothing_follows_it(polled, provider):
    """Past its deadline the account is down; its only call is waited for, and its end is news."""
    exporter = polled()
    exporter.run(60)
    exporter.hangs.add("team")
    exporter.run(200)
    assert len(exporter.hanging) == 1
    assert exporter.named("qgm_provider_up") == [0]
    assert exporter.named("qgm_device_queue_jobs") == [4]

    exporter.release()
    exporter.run(1)
    assert exporter.named("qgm_provider_up") == [1]
    network = [n for key, n in exporter.numbers().items() if 'result="network"' in key]
    assert sum(network) == 1


def test_a_hang_of_one_account_leaves_the_other_alone(polled, provider, other_provider):
    """While one account hangs the other is polled as ever."""
    text = "providers:\n- provider: ibm\n  account: team\n- provider: ibm\n  account: lab\n"
    exporter = polled(text, lab=other_provider)
    exporter.hangs.add("team")
    exporter.run(HOUR)

    assert provider.calls == []
    assert other_provider.calls.count("fleet") >= 54
    assert exporter.numbers()['qgm_provider_up{provider="ibm",account="lab"}'] == 1


def test_no_hour_exceeds_the_budget(polled, provider):
    """With 20 calls an hour there are at most 20, whatever the intervals ask for."""
    exporter = polled("providers:\n- provider: ibm\n  account: team\n  calls_per_hour: 20\n")
    exporter.run(HOUR)
    assert 10 <= len(provider.calls) <= 20

    made = len(provider.calls)
    exporter.run(HOUR)
    assert len(provider.calls) - made <= 20


def test_a_device_that_is_gone_is_shown_no_more(polled, provider):
    """When the provider lists a device no longer, its fleet and calibration series go."""
    provider.names = ["ibm_fez", "ibm_torino"]
    exporter = polled()
    exporter.run(120)
    provider.names = ["ibm_fez"]
    exporter.run(70)

    assert "ibm_fez" in exporter.text()
    assert "ibm_torino" not in "".join(
        x for x in exporter.numbers() if "total" not in x and "account" not in x
    )


def test_only_devices_of_the_list_are_watched_and_a_wrong_name_is_told_once(
    polled, provider, caplog
):
    """A device that is not named is neither shown nor asked for; an unknown one is told of."""
    provider.names = ["ibm_fez", "ibm_torino"]
    exporter = polled(
        "providers:\n- provider: ibm\n  account: team\n  devices: [ibm_fez, ibm_fes]\n"
    )
    with caplog.at_level(logging.WARNING):
        exporter.run(HOUR)

    assert "ibm_torino" not in exporter.text()
    assert provider.calls.count("calibration") == 1
    assert [each.getMessage() for each in caplog.records] == [
        "ibm/team has no device ibm_fes: mend its name"
    ]


@pytest.mark.parametrize(
    ("devices", "qubits", "edges", "enabled"),
    [
        ("ibm_fez", 0, 0, 0),
        ("{name: ibm_fez, detail: used, qubits: [0]}", 1, 0, 0),
        ("{name: ibm_fez, detail: used, qubits: [0, 1]}", 2, 1, 1),
        ("{name: ibm_fez, detail: curated}", 2, 1, 0),
    ],
)
def test_the_detail_decides_which_qubits_are_shown(polled, devices, qubits, edges, enabled):
    """Aggregates show no qubit, `used` the named ones and their edges, `curated` all."""
    exporter = polled(f"providers:\n- provider: ibm\n  account: team\n  devices: {devices}\n")
    exporter.run(60)

    assert len(exporter.named("qgm_qubit_t1_seconds")) == qubits
    assert len(exporter.named("qgm_edge_error")) == edges
    assert len(exporter.named("qgm_edge_enabled")) == enabled


def test_pending_jobs_are_shown_by_device_state_and_origin(polled, provider):
    """Of three pending jobs the tagged one is ours; the oldest of each origin has its time."""
    provider.pending = [
        ProviderJob(
            provider="ibm",
            id="a",
            state=JobState.QUEUED,
            device="ibm_fez",
            created_at=9.0,
            tags=("x", "qgm-0a"),
        ),
        ProviderJob(
            provider="ibm", id="b", state=JobState.QUEUED, device="ibm_fez", created_at=7.0
        ),
        ProviderJob(
            provider="ibm", id="c", state=JobState.RUNNING, device="ibm_fez", created_at=8.0
        ),
    ]
    exporter = polled()
    exporter.run(60)
    numbers = exporter.numbers()
    of = f'{{{ACCOUNT},device="ibm_fez"'

    assert numbers[f'qgm_account_jobs_pending{of},job_state="queued",origin="ours"}}'] == 1
    assert numbers[f'qgm_account_jobs_pending{of},job_state="running",origin="ours"}}'] == 0
    assert numbers[f'qgm_account_jobs_pending{of},job_state="running",origin="other"}}'] == 1
    assert numbers[f'qgm_account_oldest_pending_timestamp_seconds{of},origin="ours"}}'] == 9
    assert numbers[f'qgm_account_oldest_pending_timestamp_seconds{of},origin="other"}}'] == 7
    assert "qgm_account_jobs_abandoned{" not in exporter.text()


def test_failures_are_logged_once_until_it_works_again(polled, provider, caplog):
    """An outage of an hour is one line a question, without the exception's words."""
    exporter = polled()
    provider.raises["*"] = ConnectionError("apikey CANARY")
    with caplog.at_level(logging.WARNING):
        exporter.run(HOUR)

    told = [each.getMessage() for each in caplog.records]
    assert len(told) == len(set(told)) == 3
    assert "CANARY" not in "".join(told)
    assert "ibm/team: fleet failed: network (ConnectionError)" in told


def test_known_ends_of_credentials_are_shown(polled):
    """The configured end of a token is a gauge."""
    exporter = polled(
        "providers:\n- provider: ibm\n  account: team\n  credentials: {expires_at: 1900000000}\n"
    )
    exporter.run(1)

    assert exporter.named("qgm_account_expiry_timestamp_seconds") == [1_900_000_000]


def test_an_answer_that_makes_no_sense_harms_its_question_alone(polled, provider, caplog):
    """A calibration of nonsense is a failed collector; the fleet is shown as ever."""
    provider.names = ["ibm\u202e_fez", *(f"d{n}" for n in range(5))]
    provider.calibration = lambda device: "nonsense"
    exporter = polled()
    exporter.run(300)
    numbers = exporter.numbers()

    assert exporter.named("qgm_device_queue_jobs") == [4] * 6
    assert numbers[f"qgm_provider_up{{{ACCOUNT}}}"] == 1
    assert numbers[f'qgm_provider_collector_up{{{ACCOUNT},collector="calibration"}}'] == 0
    assert numbers[f'qgm_provider_collector_up{{{ACCOUNT},collector="fleet"}}'] == 1
    told = "ibm/team: calibration ibm\ufffd_fez failed: other (AttributeError)"
    assert caplog.messages[0] == told


def test_devices_beyond_the_bound_are_left_out_and_counted(polled, provider):
    """Of 203 devices 200 are watched; one poll counts three."""
    provider.names = [f"d{n}" for n in range(203)]
    exporter = polled()
    exporter.run(45)

    assert len(exporter.named("qgm_device_queue_jobs")) == 200
    assert exporter.numbers()['qgm_exporter_series_dropped_total{collector="fleet"}'] == 3
