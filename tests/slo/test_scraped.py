"""Status from a real Prometheus: minutes equal those of a journal, and who spent is known."""

import random
import time
from dataclasses import replace

import pytest

from qgm_observe.journal import Event, open_journal
from qgm_observe.slo import journaled, promql
from qgm_observe.slo.indicator import Comparison, Level, Matcher, Slices
from qgm_observe.slo.loading import shipped
from qgm_observe.slo.prometheus import Prometheus
from qgm_observe.slo.scraped import statuses

from .conftest import DEVICE, WORK

MINUTE, DAY = 60, 86400
NOW = int(time.time()) // 3600 * 3600 - 6 * 3600 + 30
"""Half a minute after a whole one: then no minute stands on the edge of a window."""

DAYS = 4
START = (NOW - DAYS * DAY) // MINUTE * MINUTE
OBJECTIVES = {each.name: each for each in shipped()}
PIPELINES = tuple(f"p{number}" for number in range(5))
OF_WORK = 'project="chem",model="qcbm",model_version="3",kind="training"'


def place(pipeline):
    """Where a pipeline runs: two devices have two each, or three."""
    return DEVICE | {"device": ("ibm_fez", "ibm_torino")[int(pipeline[1:]) % 2]}


def labelled(labels):
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


SAME = f"{OF_WORK},{labelled(DEVICE)}"
WORKS = 'project="chem",model="qcbm",model_version="3",kind="training",source="journal"'


@pytest.fixture(scope="module")
def told():
    """Random estimates and baselines by pipeline: when, and the value."""
    chance = random.Random(20261123)
    found = {}
    for pipeline in PIPELINES:
        times = sorted(chance.uniform(START, NOW) for _ in range(chance.randrange(20, 200)))
        values = [(at, chance.uniform(5, 14)) for at in times]
        levels = [(chance.uniform(START, NOW), chance.uniform(8, 14)) for _ in range(2)]
        found[pipeline] = values, sorted(levels)
    return found


def newest(told, at):
    """The value told last, `None` before the first."""
    return next((value for when, value in reversed(told) if when <= at), None)


def gauges(told):
    """What an exporter of the journal showed at each whole minute."""
    shown = {
        "qgm_quality_value": lambda both: both[0],
        "qgm_quality_timestamp_seconds": lambda both: [(at, at) for at, _ in both[0]],
        "qgm_quality_baseline": lambda both: both[1],
    }
    for name, chosen in shown.items():
        yield f"# TYPE {name} gauge"
        for pipeline, both in told.items():
            labels = f'{OF_WORK},{labelled(place(pipeline))},pipeline="{pipeline}",source="journal"'
            labels += ',statistic="effective_modes",mitigation="none"'
            values = chosen(both)
            for at in range(START, NOW, MINUTE):
                value = newest(values, at)
                if value is not None:
                    yield f"{name}{{{labels}}} {value!r} {at}"


def recordings():
    """Minutes as rules record them: the first ninety were bad."""
    for record, bad in (("counted", 0), ("good", 90)):
        yield f"# TYPE qgm:slo_slice:{record} gauge"
        for minute, at in enumerate(range(START, NOW, MINUTE)):
            value = int(minute >= bad)
            yield f'qgm:slo_slice:{record}{{slo="inference-xeb"}} {value} {at}'


COUNTERS = {
    "qgm_roots": {
        f'{WORKS},pipeline="p0",outcome="success"': 90,
        f'{WORKS},pipeline="p0",outcome="failure"': 3,
        f'{WORKS},pipeline="p1",outcome="success"': 0,
        f'{WORKS},pipeline="p1",outcome="lost"': 9,
    },
    "qgm_job_errors": {
        f'{SAME},pipeline="p0",source="journal",stage="compile",error_class="validation"': 2,
        f'{SAME},pipeline="p0",source="journal",stage="queue",error_class="queue_timeout"': 8,
    },
    "qgm_cost_usd": {f'{SAME},pipeline="p0",source="journal",basis="billed"': 250},
}


def lines(told):
    """The exposition: gauges, recordings, and counters that rose at once on the first day."""
    yield from gauges(told)
    yield from recordings()
    for name, series in COUNTERS.items():
        yield f"# TYPE {name} counter"
        for labels, count in series.items():
            for place, at in enumerate(range(START, NOW, 5 * MINUTE)):
                yield f"{name}_total{{{labels}}} {count if place > 10 else 0} {at}"
    yield "# EOF"


@pytest.fixture(scope="module")
def server(holding, told):
    """A Prometheus that saw it."""
    with holding(lines(told)) as url:
        yield Prometheus(url)


def of_pipeline(pipeline):
    """The objective of modes, of one pipeline."""
    objective = OBJECTIVES["training-modes"]
    matcher = Matcher("pipeline", (pipeline,))

    def narrowed(level: Level) -> Level:
        chosen = replace(level.selection, matchers=(*level.selection.matchers, matcher))
        return replace(level, selection=chosen)

    good = objective.indicator.good
    indicator = Slices(Comparison(narrowed(good.left), good.op, narrowed(good.right), good.on))
    return replace(objective, name=f"modes-{pipeline}", indicator=indicator)


def rows(told):
    """The same as rows of a journal."""
    for pipeline, (values, levels) in told.items():
        labels = WORK | place(pipeline) | {"pipeline": pipeline, "name": "effective_modes"}
        for noun, verb, points in (("job", "estimate", values), ("model", "baseline", levels)):
            for at, value in points:
                said = {"value": value} if verb == "estimate" else {"baseline": {"center": value}}
                subject = f"{pipeline}/{verb}/{at}"
                yield Event(
                    verb=verb, noun=noun, subject=subject, at=at, body=labels | said, id=subject
                )


def test_minutes_of_a_journal_are_those_of_promql(server, told, recorded):
    """Of random journals both give the same good and bad minutes, and who spent them."""
    objectives = [OBJECTIVES["training-modes"], *map(of_pipeline, PIPELINES)]
    with open_journal(recorded(list(rows(told))), read_only=True) as journal:
        ours = journaled.statuses(objectives, journal, NOW)
    theirs = statuses(objectives, server, NOW)

    for mine, rendered in zip(ours, theirs, strict=True):
        assert mine.total == pytest.approx(rendered.total, abs=1e-6)
        assert mine.bad == pytest.approx(rendered.bad, abs=1e-6)
        assert mine.burn == pytest.approx(rendered.burn, abs=1e-6)
        assert mine.spent_by == rendered.spent_by
        assert [*mine.spent_by["pipeline"]] == [*rendered.spent_by["pipeline"]]
    assert sum(each.bad for each in ours) > 100
    assert len({each.bad for each in ours}) > 1
    assert len(ours[0].spent_by["pipeline"]) == len(PIPELINES)
    assert len(ours[0].spent_by["device"]) > 1
    assert sum(ours[0].spent_by["pipeline"].values()) > ours[0].bad  # some were bad together


def test_recorded_minutes_are_asked_and_not_computed_anew(server):
    """Where rules recorded good and counted minutes, these are the answer."""
    (found,) = statuses([OBJECTIVES["inference-xeb"]], server, NOW)

    assert (found.bad, found.total) == (90, len(range(START, NOW, MINUTE)))
    query = promql.minutes(OBJECTIVES["inference-xeb"].indicator, DAY, good=False)
    assert server.value(query, NOW) is None  # the levels themselves are not there


def test_who_spent_a_budget_of_runs_is_told_by_them_and_by_their_jobs(server):
    """Each kind parts the same twelve runs: ten failed jobs of p0 tell of its three, none of p1."""
    (found,) = statuses([OBJECTIVES["training-success"]], server, NOW)

    assert (found.bad, found.total) == (12, 102)
    assert found.spent_by == {
        "cause": {"other": 9, "provider": pytest.approx(2.4), "compiler": pytest.approx(0.6)},
        "pipeline": {"p1": 9, "p0": pytest.approx(3)},
        "provider": {"unknown": 9, "ibm": pytest.approx(3)},
        "device": {"unknown": 9, "ibm_fez": pytest.approx(3)},
    }


def test_jobs_of_other_work_do_not_tell_who_spent(server):
    """Nine runs of p1 that no job failed of are `other`, whatever failed in p0 meanwhile."""
    objective = OBJECTIVES["training-success"]
    ours = Matcher("pipeline", ("p1",))
    good, total = (
        tuple(replace(each, matchers=(*each.matchers, ours)) for each in part)
        for part in (objective.indicator.good, objective.indicator.total)
    )
    of_p1 = replace(objective, indicator=replace(objective.indicator, good=good, total=total))
    (found,) = statuses([of_p1], server, NOW)

    assert found.spent_by == {
        "cause": {"other": 9}, "pipeline": {"p1": 9},
        "provider": {"unknown": 9}, "device": {"unknown": 9},
    }  # fmt: skip


def test_money_is_held_against_its_cap(server):
    """250 of 1,000 USD are spent: three quarters are left, and the pace is that of the window."""
    (found,) = statuses([OBJECTIVES["quantum-spend"]], server, NOW)

    assert (found.bad, found.total, found.left) == (250, 1000, 0.75)
    assert found.burn[3 * DAY] == 0
    assert found.spent_by == {
        "pipeline": {"p0": 250}, "provider": {"ibm": 250}, "device": {"ibm_fez": 250},
    }  # fmt: skip
