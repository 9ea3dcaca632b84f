"""Tests of the clues: what is evidence of a failure, and what only happened nearby."""

from dataclasses import replace
from typing import Any

import pytest

from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.cause import OURS, Cause
from qgm_observe.runbooks.diagnosis import diagnose
from qgm_observe.runbooks.roots import roots_of

from .situations import AER, a_job, failures, good_days, level, roots, situation

DOWN = [level(provided.PROVIDER_UP, 0.0, provider="ibm", account="team")]


def script_that_raises(**facts: Any) -> list[Any]:
    """Six runs whose job on a simulator went well before the script raised, after three good."""
    work = {"pipeline": "nightly", "model_version": "unknown", **facts}
    failed = {"outcome": "failure", "error_class": "other", "error_type": "RuntimeError"}
    runs, jobs = [], []
    for number in range(9):
        run = a_job(2.0 - number / 10, **work)
        jobs.append(a_job(2.01 - number / 10, place=AER, run=run["id"], **work))
        runs.append({**run, "noun": "run", **(failed if number > 2 else {})})
    return roots_of(runs, jobs)


def others_night() -> list[Any]:
    """Another pipeline failed twice by network with a version that went well in between."""
    work = {"pipeline": "ibm_qcbm", "project": "demo"}
    return roots(
        [
            a_job(9, model_version="3", **work),
            a_job(8, "failure", "network", "queue", model_version="4", **work),
            a_job(7, model_version="4", **work),
            a_job(6, "failure", "auth", "submit", model_version="unknown", **work),
        ]
    )


def test_a_script_that_raises_is_our_own_fault_whatever_else_failed() -> None:
    """Jobs went well on a simulator and the script raised: ours, by nothing of other work."""
    known = situation(samples=DOWN, thresholds={})
    told = diagnose(replace(known, roots=script_that_raises(project="chem"), others=others_night()))
    said = [clue.text for clue in (*told.pro, *told.contra)]

    assert (told.side, told.cause) == (OURS, Cause.CODE)
    assert told.pro[0].text == "6 of 6 failed beside jobs that went well: RuntimeError"
    assert told.pipelines == ("nightly",)
    assert told.changes == ()
    assert not any("ibm" in text or "version" in text for text in said)


def test_a_pipeline_that_never_was_on_a_device_does_not_fail_there() -> None:
    """Of two pipelines in trouble one ran on a simulator: that is no fault of the device."""
    told = diagnose(situation(failures("execution"), failures("other", place=AER, pipeline="b")))

    assert told.pipelines == ("b", "nightly")
    assert not any("at the same time" in clue.text for clue in (*told.pro, *told.contra))


@pytest.mark.parametrize("alert", ["QgmProviderOutage", "QgmSloBurnPage"])
def test_no_clue_speaks_for_and_against(alert: str) -> None:
    """What a silent provider tells stands on one side, and the doubt in words of its own."""
    told = diagnose(
        situation(good_days(), failures("network", "submit"), samples=DOWN, alert=alert)
    )
    pro, contra = ({clue.text for clue in side} for side in (told.pro, told.contra))

    assert told.cause is Cause.PROVIDER
    assert "ibm does not answer the sidecar" in pro
    assert "no other watched provider answers: it may be our way" in contra
    assert not pro & contra
