"""The newest of what is said about quality: verdicts, levels, charts."""


def test_only_the_newest_answer_is_shown(aggregates, clock, event, numbers):
    """A verdict stands at 1 until the same question of the same work is answered otherwise."""
    for answer in ("improving", "diverging", "improving"):
        aggregates.fold([event("job", "judged", question="training", answer=answer)])
    aggregates.fold([event("job", "judged", question="collapse", answer="whole")])
    clock.tick(60)
    shown = {s: n for s, n in numbers(aggregates).items() if s.startswith("qgm_quality_verdict{")}

    assert sorted(series.partition("question=")[2] for series in shown) == [
        '"collapse",answer="whole",source="process"}',
        '"training",answer="improving",source="process"}',
    ]
    assert set(shown.values()) == {1.0}


def test_a_baseline_shows_its_level_and_where_its_charts_stand(aggregates, clock, event, numbers):
    """The newest of baseline and drift rows gives level, chart and limit; seconds have no level."""
    charts = [{"kind": "ewma", "level": 0.5, "limit": 3.0}]
    told = {"baseline": {"center": 0.8}, "state": {"charts": charts}}
    moved = {"baseline": {"center": 0.8}, "state": {"charts": [charts[0] | {"level": 4.0}]}}
    aggregates.fold(
        [
            event("model", "baseline", name="linear_xeb", **told),
            event("model", "drift", name="linear_xeb", **moved),
            event("model", "baseline", name="execute_seconds", baseline={"center": 2.0}),
        ]
    )
    clock.tick(60)
    shown = {s.partition("{")[0]: n for s, n in numbers(aggregates).items() if "quality" in s}

    assert shown == {
        "qgm_quality_baseline": 0.8,
        "qgm_quality_drift_level": 4.0,
        "qgm_quality_drift_limit": 3.0,
    }
