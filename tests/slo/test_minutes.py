"""Minutes that counted and were bad, from the rows of a journal alone."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgm_observe.journal import Event, open_journal
from qgm_observe.slo import minutes
from qgm_observe.slo.journaled import statuses
from qgm_observe.slo.levels import Levels
from qgm_observe.slo.loading import shipped

from .conftest import DEVICE, NOW, WORK

MINUTE, HOUR = 60.0, 3600.0
OBJECTIVES = {each.name: each for each in shipped()}
IN_FLIGHT = OBJECTIVES["training-in-flight"]
MODES = OBJECTIVES["training-modes"]
RUN = "ab" * 16


def told(verb, at, noun="job", run=None, subject="1", **body):
    """A row that the journal took at its own time."""
    return Event(
        verb=verb,
        noun=noun,
        subject=subject,
        at=at,
        run=run,
        body=WORK | (DEVICE if noun in {"job", "model"} else {}) | body,
        id=f"{subject}/{verb}/{at}",
        recorded_at=at,
    )


def modes(at, value):
    """An estimate of the modes."""
    return told("estimate", at, name="effective_modes", value=value)


def usual(at, value):
    """The baseline of the modes."""
    return told("baseline", at, "model", name="effective_modes", baseline={"center": value})


def judged(objective, events, begin, end):
    """What is judged of the minutes of some hours, by the objective."""
    levels = Levels(minutes.selections(objective.indicator))
    for event in sorted(events, key=lambda each: each.at):
        levels.add(event)
    for run in levels._runs.values():
        levels._ends(run, inf)
    return minutes.judged(objective.indicator, levels, minutes.grid(begin, end))


def test_a_minute_is_bad_from_the_estimate_that_is_too_low():
    """8 modes of 10 are below nine tenths: bad from that estimate on until the next one."""
    begin = NOW - HOUR
    events = [
        usual(begin, 10.0),
        modes(begin + 5 * MINUTE, 9.5),
        modes(begin + 20 * MINUTE, 8.0),
        modes(begin + 30 * MINUTE, 9.0),
    ]
    found = judged(MODES, events, begin, NOW)

    assert found.at.size == 56  # from the first estimate on
    assert found.at[found.bad].tolist() == [begin + n * MINUTE for n in range(20, 30)]
    ((labels, flags),) = found.spenders
    assert (labels["pipeline"], labels["device"], int(flags.sum())) == ("nightly", "ibm_fez", 10)


def test_without_a_baseline_no_minute_counts():
    """What there is nothing to compare with is neither good nor bad; from the baseline on it is."""
    begin = NOW - HOUR
    events = [modes(begin, 1.0), usual(begin + 30 * MINUTE, 10.0)]
    found = judged(MODES, events, begin, NOW)

    assert found.at.tolist() == [begin + n * MINUTE for n in range(30, 61)]
    assert found.bad.all()
    other = usual(begin, 10.0)
    other = replace(other, body=other.body | {"pipeline": "another"})
    assert judged(MODES, [modes(begin, 1.0), other], begin, NOW).at.size == 0


def test_what_cannot_be_had_does_not_count():
    """An estimate without a value takes the gauge away: its minutes count neither way."""
    begin = NOW - HOUR
    events = [usual(begin, 10.0), modes(begin, 1.0), modes(begin + 10 * MINUTE, None)]
    found = judged(MODES, events, begin, NOW)

    assert found.at.size == found.bad.sum() == 9


def test_an_estimate_counts_for_an_hour():
    """What is low stays on show, and is held against nobody an hour after it was told."""
    begin = NOW - 3 * HOUR
    found = judged(MODES, [usual(begin, 10.0), modes(begin + MINUTE, 1.0)], begin, NOW)

    assert found.at.size == found.bad.sum() == 61


def test_a_verdict_on_a_training_ends_with_its_run():
    """A run that diverged and ended has bad minutes until then, and no minute after it."""
    begin = NOW - HOUR
    events = [
        told("judged", begin, "run", RUN, RUN, question="training", answer="diverging"),
        told("finished", begin + 9.5 * MINUTE, "run", RUN, RUN, outcome="failure", start=begin),
    ]
    found = judged(OBJECTIVES["training-state"], events, begin, NOW)

    assert found.at.size == found.bad.sum() == 9


def test_only_the_newest_verdict_stands():
    """A training is in a bad state from the verdict that says so to the one that says otherwise."""
    begin = NOW - HOUR
    events = [
        told("judged", begin + n * MINUTE, "run", question="training", answer=answer)
        for n, answer in ((0, "improving"), (10, "diverging"), (15, "improving"))
    ]
    found = judged(OBJECTIVES["training-state"], events, begin, NOW)

    assert (found.at.size, found.bad.sum()) == (60, 5)


def steps(ends, seconds=60.0):
    """Completed steps of a run, by when they ended."""
    return [
        told("finished", at, "step", RUN, f"s{at}", outcome="success", duration=seconds, start=at)
        for at in ends
    ]


def test_a_run_stands_still_five_median_steps_after_its_last_one():
    """Steps of a minute: stalled from five minutes after the last until the next one ends."""
    begin = NOW - HOUR
    events = [
        told("opened", begin, "run", RUN, RUN, start=begin),
        *steps(begin + n * MINUTE for n in (1, 2, 20, 21)),
        told("finished", begin + 40.5 * MINUTE, "run", RUN, RUN, outcome="success", start=begin),
    ]
    found = judged(IN_FLIGHT, events, begin, NOW)

    assert found.at.size == 40
    bad = [(each - begin) / MINUTE for each in found.at[found.bad]]
    assert bad == [*range(8, 20), *range(27, 41)]


def test_a_stalled_minute_with_a_job_at_its_provider_cannot_be_judged():
    """Whether a wait is usual a journal does not know; without such a job it is judged."""
    begin = NOW - HOUR
    run = [told("opened", begin, "run", RUN, RUN, start=begin), *steps([begin + MINUTE])]
    waited = {"start": begin + 9 * MINUTE, "duration": 120.0, "outcome": "success"}
    queue = [["queue", 1.0, 100.0, "provider"]]
    waits = told("finished", begin + 11 * MINUTE, run=RUN, stages=queue, **waited)

    assert judged(IN_FLIGHT, [*run, waits], begin, NOW) == minutes.WAITS
    local = replace(waits, body={**waits.body, "execution_mode": "local"})
    assert judged(IN_FLIGHT, [*run, local], begin, NOW).bad.sum() == 54


def eighths(least, most):
    """Seconds whose sums and multiples are exact, at epoch times too."""
    return st.integers(8 * least, 8 * int(most)).map(lambda number: number / 8)


@given(
    seconds=st.lists(st.tuples(eighths(1, 900), eighths(0, 900)), max_size=30),
    length=eighths(60, 6 * HOUR),
)
@settings(max_examples=60)
def test_stalled_minutes_are_those_of_the_definition(seconds, length):
    """Minute by minute: some run is open, and its last step is older than five median steps."""
    begin, at = NOW - 12 * HOUR, NOW - 12 * HOUR
    ends = []
    for took, pause in seconds:
        at += took + pause
        ends.append((at, took))
    end = begin + length
    kept = [(at, took) for at, took in ends if at < end]
    events = [
        told("opened", begin, "run", RUN, RUN, start=begin),
        *(step for at, took in kept for step in steps([at], took)),
        told("finished", end, "run", RUN, RUN, outcome="success", start=begin),
    ]
    found = judged(IN_FLIGHT, events, begin, NOW)

    expected = {}
    for now in np.arange(begin + MINUTE, NOW + 1, MINUTE):
        done = [each for each in kept if each[0] <= now]
        if now < end:
            median = float(np.median([took for _, took in done[-101:]])) if done else 0.0
            expected[now] = bool(done) and now - done[-1][0] > 5 * median
    assert dict(zip(found.at.tolist(), found.bad.tolist(), strict=True)) == expected


def test_the_shipped_objectives_say_which_a_journal_cannot_tell():
    """Devices, accounts and journals are told by exporters alone, and quantiles by histograms."""
    reasons = {
        name: minutes.lacking(each.indicator)
        for name, each in OBJECTIVES.items()
        if each.indicator.unit == "minute"
    }

    assert {name for name, why in reasons.items() if why == minutes.EXPORTERS} == {
        "calibration-age", "telemetry-coverage",
    }  # fmt: skip
    assert {name for name, why in reasons.items() if why == minutes.QUANTILES} == {
        "compile-time-usual"
    }
    assert {name for name, why in reasons.items() if why is None} == {
        "training-in-flight", "training-xeb", "inference-xeb", "training-modes",
        "inference-modes", "training-state", "fidelity-residual",
    }  # fmt: skip


def test_a_status_counts_minutes_and_leaves_maintenance_out(recorded):
    """An hour of too few modes is 60 bad minutes of the budget, and none in maintenance."""
    begin = NOW - 3 * HOUR + 1
    events = [
        usual(begin, 10.0),
        modes(begin, 10.0),
        modes(begin + HOUR, 5.0),
        modes(begin + 2 * HOUR, 10.0),
    ]
    with open_journal(recorded(events), read_only=True) as journal:
        (whole,) = statuses([MODES], journal, NOW)
        (without,) = statuses([MODES], journal, NOW, [(begin + HOUR, begin + 2 * HOUR)])

    assert (whole.bad, whole.total) == (60, 180)
    assert whole.left == pytest.approx(1 - 60 / 180 / 0.05)
    assert whole.burn[6 * HOUR] == pytest.approx(60 / 180 / 0.05)
    assert whole.spent_by == {
        "pipeline": {"nightly": 60}, "provider": {"ibm": 60}, "device": {"ibm_fez": 60},
    }  # fmt: skip
    assert (without.bad, without.total) == (0, 120)
