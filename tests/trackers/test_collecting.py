"""What a tracker gets of a run, and what it does not get unasked."""

import pytest

from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, Store
from qgm_observe.trackers import Metric, collect
from qgm_observe.trackers.collecting import privacy_of
from qgm_observe.trackers.parameters import parameters_of


def test_metrics_carry_their_intervals(journal: Store, run: Event) -> None:
    """Losses by step; of an estimate three series; one without a value has none."""
    metrics = collect(journal, run).metrics

    assert Metric("loss", 0.25, 1, 13.0) in metrics
    assert [m.value for m in metrics if m.name == "tvd"] == [0.4, 0.2]
    assert [m.value for m in metrics if m.name == "tvd.low"] == [0.3, 0.1]
    assert [m.value for m in metrics if m.name == "tvd.high"] == [0.5, 0.3]
    assert not any("xeb" in m.name for m in metrics)


def test_tags_name_what_it_rests_on(journal: Store, run: Event) -> None:
    """Run, last job, commit, calibration, structure and the gaps are tags."""
    told = collect(journal, run)

    assert told.parameters == {"seed": "7", "iterations": "2"}
    assert told.tags["qgm.run"] == run.subject
    assert told.tags["qgm.job"] == "j0"
    assert told.tags["qgm.git.commit"] == "c0ffee"
    assert told.tags["qgm.git.dirty"] == "False"
    assert told.tags["qgm.calibration"] == "ca11b"
    assert told.tags["qgm.structure"] == "5tr"
    assert told.tags["qgm.gaps"] == "layout"
    assert (told.started_at, told.ended_at, told.is_good) == (10.0, 20.0, True)


def test_contents_go_only_where_they_are_asked_for(journal: Store, run: Event) -> None:
    """Provenance goes always, parameters when registered, circuits when asked for."""
    assert set(collect(journal, run).artifacts) == {"provenance.json"}

    told = collect(journal, run, with_parameters=True, with_circuits=True).artifacts
    assert set(told) == {"provenance.json", "parameters.npz", "circuits-0.qpy"}
    assert parameters_of(told["parameters.npz"], "parameters.npz").tolist() == [0.25, 0.5]


def test_given_parameters_go_before_kept_ones(journal: Store, run: Event) -> None:
    """What the caller hands over is what is registered."""
    told = collect(journal, run, with_parameters=True, parameters=[9.0])

    assert parameters_of(told.artifacts["parameters.npz"], "x.npz").tolist() == [9.0]


def test_a_run_without_parameters_says_what_to_write(journal: Store) -> None:
    """Of a run that kept none the error names the option."""
    other = Event(verb="finished", noun="run", subject="cd" * 16, at=1.0, body={}, id="other")

    with pytest.raises(UsageError, match="write --parameters FILE"):
        collect(journal, other, with_parameters=True)


def test_privacy_is_told_or_told_to_be_missing(journal: Store, run: Event) -> None:
    """The newest result with its interval; a reason where there is none; else `not assessed`."""
    assert dict(privacy_of(journal, run.subject)) == {"qgm.privacy": "not assessed"}

    def say(at: float, **body: object) -> Event:
        return Event(
            verb="estimate",
            noun="run",
            subject=run.subject,
            at=at,
            run=run.subject,
            body=body,
            id=f"privacy/{at}",
        )

    journal.append(
        [
            say(1.0, name="train_match_excess", value=0.9),
            say(2.0, name="train_match_excess", value=0.01, low=0.0, high=0.02, level=0.95),
            say(3.0, name="dcr_share", reason="too few samples"),
        ]
    )

    assert dict(privacy_of(journal, run.subject)) == {
        "qgm.privacy.train_match_excess": "0.01 [0, 0.02] at 95%",
        "qgm.privacy.dcr_share": "too few samples",
    }
