"""The collector: an application's own registry shows what our text shows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from qgm_observe.catalog import SIGNALS, signals
from qgm_observe.journal.event import Event
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.collector import QGMCollector


def read(text: str) -> list[tuple[object, ...]]:
    return sorted(
        (family.name, family.type, family.documentation, s.name, sorted(s.labels.items()), s.value)
        for family in text_string_to_metric_families(text)
        for s in family.samples
    )


def registered(aggregates: Aggregates) -> str:
    registry = CollectorRegistry()
    registry.register(QGMCollector(aggregates))
    return generate_latest(registry).decode()


@settings(max_examples=25)
@given(
    st.lists(
        st.builds(
            lambda noun, body: Event(
                verb="finished", noun=noun, subject="0", at=0.0, body=body, id="0"
            ),
            st.sampled_from(["run", "step", "job", "session"]),
            st.fixed_dictionaries(
                {
                    "model": st.sampled_from(["a", 'b"\\\n']),
                    "outcome": st.sampled_from(["success", "failure"]),
                    "duration": st.floats(0, 1e6),
                    "usage_seconds": st.floats(0, 1e6),
                    "loss": st.floats(-1, 1),
                }
            ),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_a_registry_shows_exactly_what_the_text_shows(events, released):
    """Families, types, help, labels and numbers are the same through both doors."""
    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    aggregates.fold(events)
    now[0] = 30.0 if released else 1.0

    assert read(registered(aggregates)) == read(aggregates.exposition().text.decode())


def test_every_kind_of_signal_comes_through(aggregates, event):
    """Counter, gauge, histogram and info stand in a registry under their exposed names."""
    aggregates.fold([event("step", outcome="success", duration=1.0, loss=0.5)])
    text = registered(aggregates)

    for line in (
        "# TYPE qgm_steps_total counter",
        "# TYPE qgm_step_loss gauge",
        "# TYPE qgm_step_duration_seconds histogram",
        "# TYPE qgm_observe_build_info gauge",
    ):
        assert line in text


def test_all_families_are_described_before_any_has_data(aggregates):
    """A registry learns every name on registration."""
    described = {metric.name for metric in QGMCollector(aggregates).describe()}

    assert described == {s.prometheus.removesuffix("_total") for s in SIGNALS.values()}


def test_a_clash_is_refused_on_registration(aggregates):
    """An application that has a metric of our name hears it at once, not at a scrape."""
    registry = CollectorRegistry()
    Counter("qgm_runs", "Mine.", registry=registry)

    with pytest.raises(ValueError, match="qgm_runs"):
        registry.register(QGMCollector(aggregates))


def test_registering_twice_is_refused(aggregates):
    """The same collector cannot make every series stand twice."""
    registry = CollectorRegistry()
    registry.register(QGMCollector(aggregates))

    with pytest.raises(ValueError, match=signals.RUNS.prometheus.removesuffix("_total")):
        registry.register(QGMCollector(aggregates))
