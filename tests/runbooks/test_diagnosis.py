"""Tests of the verdict: situations whose answer is known, and those where nobody can tell."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import STAGES, ErrorClass, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.cause import OURS, THEIRS, Cause
from qgm_observe.runbooks.diagnosis import ACTIVE, UNTOLD, diagnose
from qgm_observe.runbooks.priors import SAYS
from qgm_observe.runbooks.situation import Situation

from .situations import AER, DAY, FEZ, HOUR, IQM, NOW, a_job, failures, good_days, level, situation

UP = [level(provided.PROVIDER_UP, 1.0, provider="ibm", account="team")]
DOWN = [level(provided.PROVIDER_UP, 0.0, provider="ibm", account="team")]
ONLINE = [
    level(provided.DEVICE_STATE, 1.0, provider="ibm", device="ibm_fez", device_state="online")
]
OFFLINE = [
    level(provided.DEVICE_STATE, 1.0, provider="ibm", device="ibm_fez", device_state="offline"),
    level(provided.DEVICE_STATE, 0.0, provider="ibm", device="ibm_fez", device_state="online"),
]
CHART = {"statistic": "valid_shot_ratio", "chart": "cusum", "pipeline": "nightly"}
CAUSE = {"question": "cause", "pipeline": "nightly"}


def drifting(residual: float) -> list[Any]:
    """A score beyond its limit, and its residual at a level against a limit of 5."""
    rest = CHART | {"statistic": "linear_xeb_residual"}
    return [
        level(signals.QUALITY_DRIFT_LEVEL, 7.0, **CHART),
        level(signals.QUALITY_DRIFT_LIMIT, 5.0, **CHART),
        level(signals.QUALITY_DRIFT_LEVEL, residual, **rest),
        level(signals.QUALITY_DRIFT_LIMIT, 5.0, **rest),
    ]


def calibration(hours_ago: float, name: str) -> dict[str, Any]:
    return {
        "provider": "ibm",
        "device": "ibm_fez",
        "taken_at": NOW - hours_ago * HOUR,
        "calibration_id": name,
    }


def new_library() -> Situation:
    return situation(
        good_days(versions={"qiskit": "2.5.1"}),
        failures("compile", "compile", versions={"qiskit": "2.6.0"}),
    )


def new_model() -> Situation:
    return situation(good_days(), failures("validation", "submit", model_version="4"))


def simulator_fails_too() -> Situation:
    return situation(good_days(place=AER), failures("other", "evaluate", place=AER))


def one_pipeline_of_many() -> Situation:
    others = [a_job(n / 4, pipeline="serving") for n in range(1, 12)]
    return situation(good_days(), failures("execution"), others, samples=UP + ONLINE)


def wrong_input() -> Situation:
    others = [a_job(n / 4, pipeline="serving") for n in range(1, 12)]
    return situation(good_days(), failures("validation", "submit"), others)


def expired_key() -> Situation:
    expiry = level(provided.CREDENTIALS_EXPIRE, NOW - HOUR, provider="ibm", account="team")
    return situation(good_days(), failures("auth", "submit"), samples=[*DOWN, expiry])


def no_quota() -> Situation:
    reached = level(provided.ACCOUNT_LIMIT_REACHED, 1.0, provider="ibm", account="team")
    return situation(good_days(), failures("queue_timeout", "queue"), samples=[*UP, reached])


def no_network() -> Situation:
    other = level(provided.PROVIDER_UP, 0.0, provider="braket", account="lab")
    return situation(
        good_days(),
        failures("network", "submit"),
        failures("network", "submit", place=IQM, pipeline="second"),
        samples=[*DOWN, other],
    )


def provider_is_silent() -> Situation:
    other = level(provided.PROVIDER_UP, 1.0, provider="braket", account="lab")
    return situation(good_days(), failures("network", "submit"), samples=[*DOWN, other])


def device_is_off() -> Situation:
    return situation(good_days(), failures("queue_timeout", "queue"), samples=UP + OFFLINE)


def device_fails_jobs() -> Situation:
    second = failures("execution", pipeline="serving")
    return situation(good_days(), failures("execution"), second)


def worse_calibration() -> Situation:
    told = [level(signals.QUALITY_VERDICT, 1.0, answer="device", **CAUSE), *drifting(1.0)]
    changes = [calibration(30, "old"), calibration(4, "new")]
    return situation(
        good_days(), [a_job(1.0)], samples=told, calibrations=changes, alert="QgmQualityDrift"
    )


def worse_calibration_without_a_verdict() -> Situation:
    changes = [calibration(30, "old"), calibration(4, "new")]
    return situation(
        good_days(), samples=drifting(1.0), calibrations=changes, alert="QgmQualityDrift"
    )


def lost_modes() -> Situation:
    told = [level(signals.QUALITY_VERDICT, 1.0, question="collapse", answer="collapsed")]
    return situation(good_days(), samples=told, alert="QgmModeCollapse")


def lost_processes() -> Situation:
    lost = [a_job(float(n), "lost") for n in range(1, 4)]
    return situation(good_days(), lost, samples=UP)


KNOWN: dict[Callable[[], Situation], tuple[str, Cause]] = {
    new_library: (OURS, Cause.COMPILER),
    new_model: (OURS, Cause.CODE),
    simulator_fails_too: (OURS, Cause.CODE),
    wrong_input: (OURS, Cause.CODE),
    expired_key: (OURS, Cause.CREDENTIALS),
    no_quota: (OURS, Cause.QUOTA),
    no_network: (OURS, Cause.NETWORK),
    lost_modes: (OURS, Cause.TRAINING),
    lost_processes: (OURS, Cause.MACHINE),
    provider_is_silent: (THEIRS, Cause.PROVIDER),
    device_is_off: (THEIRS, Cause.DEVICE),
    device_fails_jobs: (THEIRS, Cause.DEVICE),
    worse_calibration: (THEIRS, Cause.CALIBRATION),
    worse_calibration_without_a_verdict: (THEIRS, Cause.CALIBRATION),
}


@pytest.mark.parametrize("made", KNOWN, ids=lambda made: made.__name__)
def test_a_known_situation_is_told(made: Callable[[], Situation]) -> None:
    """Side and cause of a situation that was made up are found, with a reason."""
    told = diagnose(made())

    assert (told.side, told.cause) == KNOWN[made]
    assert told.pro


def one_bad_job() -> Situation:
    return situation(good_days(), [a_job(1.0, "failure", "network", "submit")])


def network_errors_alone() -> Situation:
    return situation(good_days(), failures("network", "submit"))


def nothing() -> Situation:
    return situation(good_days())


def two_stories() -> Situation:
    return situation(good_days(), failures("execution"), failures("compile", "compile"))


@pytest.mark.parametrize(
    "made",
    [one_bad_job, network_errors_alone, nothing, two_stories, one_pipeline_of_many],
    ids=lambda made: made.__name__,
)
def test_what_nobody_can_tell_is_said_so(made: Callable[[], Situation]) -> None:
    """A single failure, an unreached provider, contradicting clues: the answer is cannot tell."""
    assert diagnose(made()).side == UNTOLD


def test_the_evidence_against_is_told() -> None:
    """Who is blamed although something speaks against it, hears that as well."""
    told = diagnose(situation(good_days(), failures("compile", "compile"), failures("offline")))

    assert told.contra
    assert {clue.cause.side for clue in (*told.pro, *told.contra)} == {OURS, THEIRS}


def test_what_goes_well_again_is_over() -> None:
    """Failures that were followed by enough good ones are over, whatever they were."""
    again = [a_job(n / 10) for n in range(1, 30)]

    assert diagnose(situation(good_days(), failures("network", number=2), again)).is_over


def test_an_old_failure_does_not_make_an_alert_over() -> None:
    """An alert on quota is not over because some run failed and others went well."""
    again = [a_job(n / 10) for n in range(1, 30)]
    jobs = [a_job(9.0, "failure", "network"), *good_days(), *again]
    told = diagnose(situation(jobs, alert="QgmQuotaLow"))

    assert (told.is_over, told.cause) == (False, Cause.QUOTA)
    assert diagnose(situation(jobs)).is_over


def test_ids_pipelines_and_times_come_from_the_failures() -> None:
    """Since when, which pipelines, devices and provider ids are those of the failed roots."""
    failed = failures("execution")
    told = diagnose(situation(good_days(), failed))

    newest_first = [job["attempts"][0]["provider_job_id"] for job in failed]
    assert told.since == pytest.approx(NOW - 3 * HOUR)
    assert told.pipelines == ("nightly",)
    assert told.places == (FEZ,)
    assert list(told.provider_job_ids) == newest_first
    assert told.failed == {job["id"] for job in failed}


@pytest.mark.parametrize("alert", sorted(SAYS))
def test_nobody_is_blamed_on_an_alerts_name_alone(alert: str) -> None:
    """Where all goes well, or nothing is known at all, no alert names a side by its name."""
    for known in (situation(good_days(), [a_job(1.0)], alert=alert), situation(alert=alert)):
        told = diagnose(known)

        assert told.side == UNTOLD
        assert not told.pro
        assert not told.is_claim


@pytest.mark.parametrize("alert", [name for name, claim in SAYS.items() if claim.causes])
def test_an_active_alert_is_believed_where_nothing_contradicts(alert: str) -> None:
    """What a Prometheus holds active and names its cause strongly is told in the alert's words."""
    told = diagnose(situation(good_days(), alert=alert, active_at=NOW - HOUR))
    (cause, points), *_ = SAYS[alert].causes.items()

    assert told.side == (cause.side if points >= 2 else UNTOLD)
    assert (told.cause, told.is_claim, told.is_quiet) == (cause, True, False)
    assert ACTIVE in [clue.text for clue in told.pro]


def test_an_active_alert_that_is_refuted_blames_nobody() -> None:
    """The Prometheus holds it active, and the provider says the credentials end in two years."""
    expiry = level(provided.CREDENTIALS_EXPIRE, NOW + 730 * DAY, provider="ibm", account="team")
    told = diagnose(
        situation(
            alert="QgmCredentialsExpire",
            active_at=NOW - HOUR,
            samples=[expiry],
            thresholds={"credentials_days": 7},
        )
    )

    assert (told.side, told.is_quiet) == (UNTOLD, False)


def test_what_an_alert_says_counts_half_of_what_is_seen() -> None:
    """One failure is not made a verdict by the alert's name; three are, which alone are too few."""
    queued = [a_job(n / 2, "failure", "queue_timeout", "queue") for n in (1, 2, 3)]
    one = diagnose(situation(good_days(), queued[:1], alert="QgmQueueAbnormal"))
    three = diagnose(situation(good_days(), queued, alert="QgmQueueAbnormal"))
    alone = diagnose(situation(good_days(), queued, alert="QgmRunStalled"))

    assert (one.side, one.cause) == (UNTOLD, Cause.QUEUE)
    assert (three.side, three.cause) == (THEIRS, Cause.QUEUE)
    assert (alone.side, alone.cause) == (UNTOLD, Cause.QUEUE)


@pytest.mark.parametrize("alert", sorted(SAYS))
def test_who_reaches_nobody_is_told_nothing(alert: str) -> None:
    """Nobody answered, which a wrong address does as well: no side, no cause, not quiet."""
    told = diagnose(Situation(alert=alert, now=NOW, silent=["host:1 (refused)"], is_heard=False))

    assert (told.side, told.cause, told.is_quiet, told.is_over) == (UNTOLD, None, False, False)


JOBS = st.lists(
    st.builds(
        a_job,
        st.floats(0.01, 60),
        st.sampled_from(["success", "failure", "lost", "timeout", "cancelled"]),
        st.sampled_from([*map(str, ErrorClass), None, "of a later version"]),
        st.sampled_from([*STAGES, ""]),
        place=st.sampled_from([FEZ, IQM, AER]),
        pipeline=st.sampled_from(["nightly", "serving"]),
    ),
    max_size=40,
)


@given(JOBS, st.randoms(use_true_random=False))
def test_whatever_failed_the_verdict_holds_together(jobs: list[Any], chance: Random) -> None:
    """No record stops it, their order does not matter, and reasons are those of the cause."""
    told = diagnose(situation(jobs))
    shuffled = list(jobs)
    chance.shuffle(shuffled)

    assert diagnose(situation(shuffled)) == told
    assert {clue.cause for clue in told.pro} <= {told.cause}
    assert told.side in {UNTOLD, told.cause and told.cause.side}
    assert not (told.is_over and told.failed)


COLLAPSED = [level(signals.QUALITY_VERDICT, 1.0, question="collapse", answer="collapsed")]


@pytest.mark.parametrize("alert", ["QgmSloBurnPage", "QgmConsecutiveFailures"])
def test_an_alert_on_failures_is_not_explained_by_quality(alert: str) -> None:
    """Where nothing has ever failed it is not active, whatever verdicts on samples say."""
    told = diagnose(situation(good_days(), samples=COLLAPSED, alert=alert))

    assert (told.side, told.cause, told.is_quiet, told.is_over) == (UNTOLD, None, True, False)


@pytest.mark.parametrize(
    ("jobs", "known"),
    [
        ([], {}),
        (good_days(), {"active_at": NOW - HOUR}),
        (good_days(), {"alert": "QgmSloBurnTicket"}),
        ([*good_days(), a_job(60.0, "failure", "execution")], {}),
        (good_days(), {"silent": ["host:9466 (refused)"]}),
    ],
    ids=["no-records", "active", "other-objectives", "spent-earlier", "unheard"],
)
def test_quiet_is_said_of_what_is_known_alone(jobs: list[Any], known: dict[str, Any]) -> None:
    """Not without records or an answer, of an active alert, of others, or of a spent budget."""
    assert not diagnose(situation(jobs, **known)).is_quiet


@pytest.mark.parametrize(
    ("alert", "side"),
    [("QgmTelemetryLost", OURS), ("QgmExporterDown", OURS), ("QgmSloBurnPage", UNTOLD)],
)
def test_one_silent_exporter_of_two_is_evidence(alert: str, side: str) -> None:
    """It bears out an alert on telemetry, and is too little to explain any other."""
    told = diagnose(Situation(alert=alert, now=NOW, silent=["host:9466 (refused)"]))

    assert (told.side, told.cause) == (side, Cause.TELEMETRY)


@pytest.mark.parametrize(
    ("needed", "accounts", "is_told"),
    [(300.0, ("team",), True), (100.0, ("team",), False), (300.0, ("team", "lab"), False)],
)
def test_open_work_that_the_quota_will_not_finish_is_told(needed, accounts, is_told):
    """What runs need is held against what is left where one account can be meant; once."""
    left = [level(provided.ACCOUNT_REMAINING, 120.0, provider="ibm", account=a) for a in accounts]
    place = {"pipeline": "nightly", "provider": "ibm", "device": "ibm_fez"}
    need = [
        level(signals.DEVICE_TIME_NEEDED, needed, **place),
        level(signals.DEVICE_TIME_NEEDED, needed, **place, instance="journal:9466"),
    ]
    told = diagnose(situation(good_days(), samples=[*left, *need]))

    said = "open work needs 300 s of ibm's device time, 120 s are left"
    assert (said in [clue.text for clue in (*told.pro, *told.contra)]) is is_told
