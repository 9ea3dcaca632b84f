"""Prometheus names, against the text that Prometheus reads."""

import pytest

from qgm_observe.catalog import SIGNALS
from qgm_observe.catalog.names import prometheus_name, unit_suffix

EXPOSED = """\
# TYPE qgm_runs_total counter
# TYPE qgm_roots_total counter
# TYPE qgm_run_duration_seconds histogram
# TYPE qgm_run_restart_duration_seconds histogram
# TYPE qgm_runs_in_flight gauge
# TYPE qgm_runs_stalled gauge
# TYPE qgm_run_cpu_time_seconds_total counter
# TYPE qgm_run_children_cpu_time_seconds_total counter
# TYPE qgm_run_io_read_bytes_total counter
# TYPE qgm_run_io_written_bytes_total counter
# TYPE qgm_run_io_reads_total counter
# TYPE qgm_run_io_writes_total counter
# TYPE qgm_run_memory_peak_bytes gauge
# TYPE qgm_run_gpu_utilization gauge
# TYPE qgm_run_gpu_memory_peak_bytes gauge
# TYPE qgm_steps_total counter
# TYPE qgm_step_duration_seconds histogram
# TYPE qgm_step_loss gauge
# TYPE qgm_jobs_total counter
# TYPE qgm_job_duration_seconds histogram
# TYPE qgm_job_stage_duration_seconds histogram
# TYPE qgm_job_errors_total counter
# TYPE qgm_job_attempts_total counter
# TYPE qgm_job_shots_total counter
# TYPE qgm_job_circuits_total counter
# TYPE qgm_jobs_in_flight gauge
# TYPE qgm_job_oldest_waiting_age_seconds gauge
# TYPE qgm_device_time_needed_seconds gauge
# TYPE qgm_layout_calibration_timestamp_seconds gauge
# TYPE qgm_layout_edges_disabled gauge
# TYPE qgm_sessions_total counter
# TYPE qgm_session_usage_seconds_total counter
# TYPE qgm_cost_usd_total counter
# TYPE qgm_cost_bills_total counter
# TYPE qgm_cost_device_time_seconds_total counter
# TYPE qgm_cost_wasted_usd_total counter
# TYPE qgm_cost_prevented_usd_total counter
# TYPE qgm_cost_foreign_total counter
# TYPE qgm_job_throttle_seconds_total counter
# TYPE qgm_client_requests_total counter
# TYPE qgm_client_request_duration_seconds histogram
# TYPE qgm_client_retries_total counter
# TYPE qgm_client_connect_duration_seconds histogram
# TYPE qgm_quality_shots_scored_total counter
# TYPE qgm_quality_shots_valid_total counter
# TYPE qgm_quality_value gauge
# TYPE qgm_quality_timestamp_seconds gauge
# TYPE qgm_quality_low gauge
# TYPE qgm_quality_high gauge
# TYPE qgm_quality_floor gauge
# TYPE qgm_quality_mode_target gauge
# TYPE qgm_quality_mode_samples gauge
# TYPE qgm_quality_baseline gauge
# TYPE qgm_quality_drift_level gauge
# TYPE qgm_quality_drift_limit gauge
# TYPE qgm_quality_verdict gauge
# TYPE qgm_compile_cache_lookups_total counter
# TYPE qgm_compile_cache_hits_total counter
# TYPE qgm_observe_build_info info
# TYPE qgm_observe_errors_total counter
# TYPE qgm_observe_events_dropped_total counter
# TYPE qgm_observe_events_unwritten_total counter
# TYPE qgm_observe_intent_gaps_total counter
# TYPE qgm_observe_hooks_missing_total counter
# TYPE qgm_observe_spans_delivered_total counter
# TYPE qgm_observe_spans_skipped_total counter
# TYPE qgm_observe_label_sets_folded_total counter
# TYPE qgm_observe_clock_skew_seconds gauge
# TYPE qgm_observe_journal_size_bytes gauge
# TYPE qgm_observe_journal_disk_free_bytes gauge
# TYPE qgm_provider_up gauge
# TYPE qgm_provider_collector_up gauge
# TYPE qgm_provider_last_success_timestamp_seconds gauge
# TYPE qgm_provider_requests_total counter
# TYPE qgm_provider_request_duration_seconds histogram
# TYPE qgm_provider_circuit_state gauge
# TYPE qgm_provider_retry_timestamp_seconds gauge
# TYPE qgm_device_state gauge
# TYPE qgm_device_processing gauge
# TYPE qgm_device_observed_timestamp_seconds gauge
# TYPE qgm_device_queue_jobs gauge
# TYPE qgm_device_queue_capped gauge
# TYPE qgm_device_queue_wait_seconds gauge
# TYPE qgm_device_available_timestamp_seconds gauge
# TYPE qgm_device_qubits gauge
# TYPE qgm_device_edges gauge
# TYPE qgm_device_clops gauge
# TYPE qgm_device_two_qubit_error gauge
# TYPE qgm_device_calibration_timestamp_seconds gauge
# TYPE qgm_device_calibration_changes_total counter
# TYPE qgm_device_t1_seconds gauge
# TYPE qgm_device_t2_seconds gauge
# TYPE qgm_device_readout_error gauge
# TYPE qgm_device_gate_error gauge
# TYPE qgm_device_gate_duration_seconds gauge
# TYPE qgm_qubit_t1_seconds gauge
# TYPE qgm_qubit_t2_seconds gauge
# TYPE qgm_qubit_readout_error gauge
# TYPE qgm_qubit_prob_meas0_prep1 gauge
# TYPE qgm_qubit_prob_meas1_prep0 gauge
# TYPE qgm_qubit_gate_error gauge
# TYPE qgm_qubit_enabled gauge
# TYPE qgm_edge_error gauge
# TYPE qgm_edge_enabled gauge
# TYPE qgm_account_used_seconds gauge
# TYPE qgm_account_limit_seconds gauge
# TYPE qgm_account_remaining_seconds gauge
# TYPE qgm_account_limit_reached gauge
# TYPE qgm_account_period_start_timestamp_seconds gauge
# TYPE qgm_account_period_end_timestamp_seconds gauge
# TYPE qgm_account_jobs_pending gauge
# TYPE qgm_account_oldest_pending_timestamp_seconds gauge
# TYPE qgm_account_jobs_abandoned gauge
# TYPE qgm_price_usd gauge
# TYPE qgm_account_untagged_usd_total counter
# TYPE qgm_account_expiry_timestamp_seconds gauge
# TYPE qgm_exporter_series gauge
# TYPE qgm_exporter_series_dropped_total counter
# TYPE qgm_exporter_reloads_total counter
# TYPE qgm_exporter_journal_lag_seconds gauge
# TYPE qgm_exporter_journal_up gauge
# TYPE qgm_exporter_events_received_total counter
# TYPE qgm_exporter_jobs_reconciled_total counter
# TYPE qgm_exporter_jobs_unreconciled gauge
"""


def test_every_name_is_computed_as_it_is_written():
    """The computed names are, letter for letter, those of a literal exposition."""
    lines = [f"# TYPE {signal.prometheus} {signal.kind}\n" for signal in SIGNALS.values()]

    assert "".join(lines) == EXPOSED


@pytest.mark.parametrize(
    ("name", "kind", "unit", "expected"),
    [
        ("qgm.device.gate.error", "gauge", "1", "qgm_device_gate_error"),
        ("qgm.device.frequency", "gauge", "Hz", "qgm_device_frequency_hertz"),
        ("qgm.account.billed", "counter", "USD", "qgm_account_billed_usd_total"),
        ("qgm.journal.bytes", "gauge", "By", "qgm_journal_bytes"),
        ("qgm.wait.seconds", "counter", "s", "qgm_wait_seconds_total"),
    ],
)
def test_a_unit_is_a_suffix_that_never_stands_twice(name, kind, unit, expected):
    """The unit follows the name unless it stands there already; `_total` comes last."""
    assert prometheus_name(name, kind, unit) == expected


def test_only_base_units_are_known():
    """An annotation has no suffix; a unit that is no base unit is refused."""
    assert unit_suffix("{job}") == ""
    with pytest.raises(KeyError):
        unit_suffix("ms")
