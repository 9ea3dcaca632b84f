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


def test_shares_that_are_none_are_left_out(aggregates, clock, event, numbers):
    """What is told of modes in another form shows nothing, and breaks nothing."""
    for modes in (5, "ab", [1, [0.5]], {"01": 1}, [["x", None]]):
        aggregates.fold([event("job", "estimate", name="mode_deficit", modes=modes)])
    clock.tick(60)

    assert not any("quality_mode_" in series for series in numbers(aggregates))


def test_the_newest_samples_stand_beside_their_target(aggregates, clock, event, numbers):
    """Each told mode has both shares by its rank; a mode that is told no more has none."""
    for modes in ([[0.5, 0.6], [0.3, 0.1]], [[0.7, 0.4]]):
        aggregates.fold([event("job", "estimate", name="mode_deficit", value=0.1, modes=modes)])
        clock.tick(60)
        shown = {
            (series.partition("{")[0], series.partition(',mode="')[2][:2]): number
            for series, number in numbers(aggregates).items()
            if "quality_mode_" in series
        }
        if len(modes) == 2:
            assert shown[("qgm_quality_mode_samples", "02")] == 0.1
            assert shown[("qgm_quality_mode_target", "02")] == 0.3

    assert shown == {
        ("qgm_quality_mode_target", "01"): 0.7,
        ("qgm_quality_mode_samples", "01"): 0.4,
    }
