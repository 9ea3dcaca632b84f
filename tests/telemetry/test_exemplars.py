"""Exemplars: the newest observation of each bucket, with the ids of its span."""

from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource

from qgm_observe.catalog import STAGES, signals
from qgm_observe.journal.event import Event
from qgm_observe.journal.totals import Totals
from qgm_observe.telemetry.aggregates import Aggregates
from qgm_observe.telemetry.exemplars import NONE, Exemplar
from qgm_observe.telemetry.otel import spans

RUN = "5b8aa5a2d2c872e8321cf37308d69df2"
Found = dict[tuple[str, tuple[str, ...]], list[Exemplar]]


def finished(noun: str, subject: str, at: float = 1.0, run: str | None = RUN, **body) -> Event:
    """Make a finished event."""
    return Event(
        verb="finished", noun=noun, subject=subject, run=run, at=at, body=body, id=f"{subject}/f"
    )


def released(*events: Event) -> Aggregates:
    """Fold events and let the holding time pass."""
    now = [0.0]
    aggregates = Aggregates(clock=lambda: now[0])
    aggregates.fold(events)
    now[0] = 60.0
    return aggregates


def found(aggregates: Aggregates) -> Found:
    """Read the exemplars of every histogram series that has any."""
    with aggregates.families() as families:
        told = {
            (family.signal.name, series.labels): list(family.exemplars(series))
            for family in families
            for series in family.series.values()
            if series.histogram is not None
        }
    return {key: each for key, each in told.items() if set(each) != {NONE}}


def only(aggregates: Aggregates, signal=signals.JOB_DURATION) -> list[Exemplar]:
    """Read the exemplars of the only series of a signal that has any."""
    (told,) = [each for (name, _), each in found(aggregates).items() if name == signal.name]
    return [each for each in told if each is not NONE]


def test_a_duration_leads_to_the_span_of_its_job():
    """Trace id, span id, value and time are those of the finished job."""
    job = finished("job", "00f067aa0ba902b7", at=12.5, duration=0.25)

    assert only(released(job)) == [Exemplar(int(RUN, 16), 0x00F067AA0BA902B7, 0.25, 12.5)]


def test_the_newest_observation_of_each_bucket_stands():
    """A later job takes the place of an earlier one in its bucket, and only there."""
    durations = [0.22, 30.0, 0.21]
    jobs = [finished("job", f"{n:016x}", n, duration=d) for n, d in enumerate(durations, start=1)]
    told = only(released(*jobs))

    assert [(each.span, each.value) for each in told] == [(3, 0.21), (2, 30.0)]


def test_an_older_observation_that_comes_late_does_not_stand():
    """What a slow process tells late has an older time than the exemplar that is there."""
    late = finished("job", "0b", at=1.0, duration=0.2)

    assert [
        each.span for each in only(released(finished("job", "0a", 2.0, duration=0.2), late))
    ] == [0xA]


def test_the_last_of_several_like_stages_stands():
    """A stage that came twice shows the later one of its bucket."""
    stages = [["queue", 0.0, 1.5, "local"], ["submit", 1.5, None, "local"], ["queue", 2, 1.6, "p"]]
    job = finished("job", "0a", stages=stages)
    own = spans(job, Resource({}))[3]
    (told,) = only(released(job), signals.JOB_STAGE_DURATION)

    assert (told.value, told.span) == (1.6, own.context.span_id)


def test_a_stage_nobody_knows_is_found_under_other():
    """A stage that is published as `other` leads to its own span."""
    job = finished("job", "0a", stages=[["dream", 0.0, 1.5, "local"]])
    own = spans(job, Resource({}))[1]
    (told,) = only(released(job), signals.JOB_STAGE_DURATION)

    assert (told.value, told.span) == (1.5, own.context.span_id)


def test_a_count_that_is_held_back_has_no_exemplar():
    """An exemplar comes with the count that it belongs to, not before."""
    aggregates = Aggregates(clock=lambda: 0.0)
    aggregates.fold([finished("job", "0a", duration=1.0)])

    assert found(aggregates) == {}


def test_a_trace_that_is_not_sampled_is_not_pointed_to():
    """Of two traces the sampled one has an exemplar, the other none, whatever is counted."""
    other = "0af7651916cd43dd8448eb211c80319c"
    aggregates = released(
        finished("run", RUN, run=RUN, duration=1.0), finished("run", other, run=other, duration=9.0)
    )
    aggregates.point_to(lambda trace: trace == int(other, 16))

    told = only(aggregates, signals.RUN_DURATION)

    assert [(each.trace, each.value) for each in told] == [(int(other, 16), 9.0)]


def test_who_asks_lets_the_events_go():
    """Once exemplars were computed they are kept, and not the events with all their facts."""
    aggregates = released(finished("job", "0a", duration=1.0))
    first = found(aggregates)
    with aggregates.families() as families:
        kept = {
            type(seen)
            for family in families
            for series in family.series.values()
            for seen in series.newest
        }

    assert kept == {Exemplar}
    assert found(aggregates) == first


def test_totals_bring_no_exemplars():
    """What was counted before this process began has numbers and no traces."""
    aggregates, totals = Aggregates(), Totals()
    totals.add(finished("job", "0a", duration=1.0))
    aggregates.seed(totals)

    assert found(aggregates) == {}


@pytest.mark.parametrize(
    ("subject", "run"),
    [("no hex", None), ("0a", "no hex"), ("0a", ""), ("", None), ("-1", None), ("f" * 40, None)],
)
def test_foreign_ids_are_no_exemplar_or_a_valid_one(subject, run):
    """A journal may hold any ids: an exemplar has ids that fit, or there is none."""
    told = found(
        released(finished("job", subject, run=run, duration=1.0, stages=[["queue", 0, 1]]))
    )

    for each in [one for exemplars in told.values() for one in exemplars if one is not NONE]:
        assert 0 < each.trace < 1 << 128
        assert 0 < each.span < 1 << 64


def test_a_body_that_changed_meanwhile_has_no_exemplar():
    """An event that no longer says what was folded costs its exemplar, not the scrape."""
    body = {"duration": 1.0, "stages": [["queue", 0.0, 1.0, "local"]]}
    aggregates = released(replace(finished("job", "0a"), body=body))
    body.clear()

    assert found(aggregates) == {}


SECONDS = st.floats(0, 1e6)
STAGE = st.tuples(st.sampled_from([*STAGES, "dream"]), SECONDS, st.none() | SECONDS)
DETAILS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["a", "b"]),
        "duration": st.none() | SECONDS,
        "restart_seconds": st.none() | SECONDS,
        "stages": st.lists(STAGE.map(list), max_size=12),
    }
)
IDS = st.integers(1, 2**64 - 1).map("{:016x}".format)
EVENTS = st.builds(
    finished,
    st.sampled_from(["run", "step", "job"]),
    IDS,
    st.floats(0, 2e9),
    st.sampled_from([None, RUN]),
).flatmap(lambda event: DETAILS.map(lambda body: replace(event, body=body)))


def _made(events: list[Event]) -> set[tuple[int, int, float]]:
    """Trace id, span id and seconds of everything that could be an exemplar, as spans have it."""
    made = set()
    for event in events:
        root, *stages = spans(event, Resource({}))
        for name in ("duration", "restart_seconds"):
            if event.body[name] is not None:
                made.add((root.context.trace_id, root.context.span_id, event.body[name]))
        for span, entry in zip(stages, event.body["stages"], strict=True):
            if entry[2] is not None:
                made.add((span.context.trace_id, span.context.span_id, entry[2]))
    return made


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=5))
def test_exemplars_are_spans_and_every_count_has_one(events):
    """A bucket that counts anything has an exemplar inside its bounds, of a span that is built."""
    aggregates = released(*events)
    made = _made(events)
    with aggregates.families() as families:
        for family in families:
            for series in family.series.values():
                if series.histogram is None:
                    continue
                bounds = [-inf, *series.histogram.bounds, inf]
                told = zip(
                    family.exemplars(series), series.histogram.counts, pairwise(bounds), strict=True
                )
                for each, count, (low, high) in told:
                    assert (each is not NONE) == bool(count)
                    if count:
                        assert low < each.value <= high
                        assert (each.trace, each.span, each.value) in made
