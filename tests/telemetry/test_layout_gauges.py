"""What the layouts in use rest on, as gauges over open work and for an hour after it."""


def layout(numbers, aggregates):
    """The gauges of layouts, by device and parameter."""
    told = numbers(aggregates).items()
    return {key.partition("{")[2]: value for key, value in told if key.startswith("qgm_layout")}


FEZ = 'provider="ibm",device="ibm_fez",region="us-east"'


def test_of_layouts_in_use_the_oldest_stands(aggregates, clock, open_row, numbers):
    """Jobs on one device tell the oldest instant of each parameter and the most pairs lost."""
    aggregates.set_open(
        [
            open_row("job", calibrated_at={"t1": 500.0, "t2": 450.0}, disabled_edges=0),
            open_row("job", calibrated_at={"t1": 400.0}, disabled_edges=2),
            open_row("job", calibrated_at={"t1": 1.0}, device="ibm_kyiv"),
        ],
        clock(),
    )

    assert layout(numbers, aggregates) == {
        f'{FEZ},parameter="t1",source="process"}}': 400.0,
        f'{FEZ},parameter="t2",source="process"}}': 450.0,
        f'{FEZ.replace("fez", "kyiv")},parameter="t1",source="process"}}': 1.0,
        f'{FEZ},source="process"}}': 2,
    }


def test_a_layout_is_told_for_an_hour_after_its_jobs(aggregates, clock, open_row, numbers):
    """Between the jobs of a training its layout stays; an hour after the last nothing is told."""
    row = open_row("job", calibrated_at={"t1": 500.0}, disabled_edges=1)
    aggregates.set_open([row], clock())
    clock.tick(3599)
    aggregates.set_open([], clock())
    assert list(layout(numbers, aggregates).values()) == [500.0, 1]

    clock.tick(1)
    aggregates.set_open([], clock())
    assert layout(numbers, aggregates) == {}


def test_a_new_layout_takes_the_place_of_the_last(aggregates, clock, open_row, numbers):
    """What the newest circuits do not use any more is not told beside what they use."""
    old = open_row("job", calibrated_at={"t1": 500.0, "rzz_error": 10.0}, disabled_edges=1)
    aggregates.set_open([old], clock())
    clock.tick(60)
    aggregates.set_open([], clock())
    new = open_row("job", calibrated_at={"t1": 600.0, "cz_error": 590.0}, disabled_edges=0)
    aggregates.set_open([new, open_row("job")], clock())

    assert layout(numbers, aggregates) == {
        f'{FEZ},parameter="t1",source="process"}}': 600.0,
        f'{FEZ},parameter="cz_error",source="process"}}': 590.0,
        f'{FEZ},source="process"}}': 0,
    }
