"""Tests of the verdict's words, and of the next action that goes with them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgm_observe.catalog import ErrorClass, signals
from qgm_observe.catalog import provider_signals as provided
from qgm_observe.runbooks.actions import next_action
from qgm_observe.runbooks.asking import LEVELS as LEVELS_ASKED
from qgm_observe.runbooks.conditions import shipped_thresholds
from qgm_observe.runbooks.diagnosis import UNTOLD, diagnose
from qgm_observe.runbooks.priors import SAYS, TOLD_BY_PROVIDERS
from qgm_observe.runbooks.situation import Situation
from qgm_observe.runbooks.verdict import is_shown, verdict

from .situations import DAY, HOUR, NOW, a_job, failures, good_days, level, situation

UP = level(provided.PROVIDER_UP, 1.0, provider="ibm")


def told(known: Situation) -> tuple[str, str, str]:
    """Verdict, next action and its command."""
    found = diagnose(known)
    action = next_action(found, known)
    return verdict(found, known), action.text, action.command


def of(alert: str, *jobs: Any, **known: Any) -> Situation:
    every = [job for each in jobs for job in each]
    facts = {"jobs": every, "thresholds": shipped_thresholds()} | known
    return situation(every, alert=alert, **facts)


def test_failures_of_no_telling_class_are_counted_and_shown() -> None:
    """Six of six failed with errors of the script's own: said so, and the failures come next."""
    said, text, command = told(of("QgmSloBurnPage", failures("other", "execute", 6)))

    assert said == "cannot tell: 6 of 6 failed, of no class that names a side"
    assert (text, command) == ("Read the newest failure.", "--show failures")


def test_failures_beside_an_alert_on_something_else_are_told_as_such() -> None:
    """Asked about quota, while the compiler or something untold fails: no quota is seen."""
    compiler, _, _ = told(of("QgmQuotaLow", good_days(), failures("compile", "compile")))
    other, _, command = told(of("QgmQuotaLow", failures("other", "execute", 6)))

    assert (
        compiler == "ours: our circuits no longer compile; of what the alert says nothing is seen"
    )
    assert other.startswith("cannot tell: as the alert says, the account's device time will not do")
    assert command == "--url $QGM_PROVIDER"


def test_an_alert_that_nothing_shows_is_told_in_its_own_words() -> None:
    """The alert's clause stands there as the alert's, and whom to ask comes next."""
    said, text, command = told(of("QgmCredentialsExpire", good_days()))

    assert said == (
        "cannot tell: as the alert says, an account's credentials end soon; "
        "nothing that was asked shows it"
    )
    assert "provider's exporter" in text
    assert command == "--url $QGM_PROVIDER"


@pytest.mark.parametrize("alert", sorted(SAYS))
def test_next_is_whoever_could_know(alert: str) -> None:
    """A provider's exporter where it tells and was not asked, else the Prometheus, else a list."""
    _, _, command = told(of(alert, active_at=None))
    _, _, further = told(of(alert, samples=[UP]))
    _, _, last = told(of(alert, samples=[UP], has_prometheus=True))

    if alert != "QgmWatchdog":
        wanted = "--url $QGM_PROVIDER" if alert in TOLD_BY_PROVIDERS else None
        assert command == (wanted or "--prometheus $QGM_PROMETHEUS")
        assert further == "--prometheus $QGM_PROMETHEUS"
    assert last.startswith("--show ")


def test_what_was_seen_instead_is_told() -> None:
    """Only a simulator was used: no money is spent, and that is said beside the alert's words."""
    local = [a_job(1.0, place=("local", "aer_simulator"))]
    said, _, _ = told(of("QgmSpendCap", local))

    assert said.endswith("soon will be; seen here: no bill in 1 known job, all of a simulator")


def test_not_active_is_said_with_its_reason() -> None:
    """The credentials' end is known to be far: not active, and when they end."""
    expiry = level(provided.CREDENTIALS_EXPIRE, NOW + 400 * DAY, account="team")
    said, _, command = told(of("QgmCredentialsExpire", samples=[expiry]))

    assert said == (
        "not active: the credentials of team end in 400.0 days, later than 7 days from now"
    )
    assert command == "--show account"


def test_a_prometheus_that_does_not_hold_it_active_is_believed() -> None:
    """It evaluates our alerts, and nothing shows the contrary: not active, whatever the name."""
    said, _, _ = told(of("QgmCostAnomaly", good_days(), is_inactive=True, has_prometheus=True))

    assert said.startswith("not active: the Prometheus evaluates our alerts")


def test_an_active_alert_is_told_in_its_own_words() -> None:
    """Ours, as the alert says; and the action is that of credentials that still hold."""
    said, text, _ = told(of("QgmCredentialsExpire", good_days(), active_at=NOW - HOUR))

    assert said == "ours: as the alert says, an account's credentials end soon"
    assert text.startswith("Make a new key before this one ends")


def test_what_levels_show_is_told_in_the_alerts_words() -> None:
    """Credentials that end in three days are not called refused, active or not."""
    expiry = level(provided.CREDENTIALS_EXPIRE, NOW + 3 * DAY, account="team")
    for is_inactive in (False, True):
        said, _, _ = told(of("QgmCredentialsExpire", samples=[expiry], is_inactive=is_inactive))

        assert said == "ours: as the alert says, an account's credentials end soon"


def test_an_active_alert_that_is_not_seen_here_is_a_contradiction() -> None:
    """Another exporter's runs may fail: the address comes next."""
    said, text, _ = told(of("QgmSloBurnPage", good_days(2), active_at=NOW - HOUR))

    assert said == (
        "cannot tell: a Prometheus holds it active, and yet no failure in 2 known runs and requests"
    )
    assert "--url" in text


def test_a_state_that_holds_without_a_side_is_told() -> None:
    """A run stands still, and that alone blames nobody."""
    said, _, command = told(of("QgmRunStalled", samples=[level(signals.RUNS_STALLED, 1.0)]))

    assert said == "cannot tell whose it is: 1 open run without a step for long"
    assert command == "--show jobs"


def test_the_watchdog_is_no_fault_and_its_absence_is() -> None:
    """It always fires; where a Prometheus does not hold it, our rules are not evaluated."""
    said, _, _ = told(of("QgmWatchdog", good_days()))
    active, _, _ = told(of("QgmWatchdog", good_days(), active_at=NOW - DAY, has_prometheus=True))
    gone, _, _ = told(of("QgmWatchdog", good_days(), is_inactive=True, has_prometheus=True))

    assert active == said == "no fault: it always fires, and only its absence is a fault"
    assert gone == "ours: our own telemetry has failed"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("127.0.0.1:1 (Connection refused)", "you are in its network"),
        ("host:9466 (it does not speak https: write http://)", "Mend the command"),
    ],
)
def test_who_reached_nobody_is_told_why(why: str, words: str) -> None:
    """No exporter answered: why not, and what to mend; the same command asks again."""
    said, text, command = told(of("QgmTelemetryLost", silent=[why], is_heard=False))

    assert said == f"cannot tell: no exporter answered from here: {why}"
    assert words in text
    assert command == ""


def test_one_address_of_two_is_no_cause_of_another_alert() -> None:
    """One exporter is silent and the other knows no failure: the address may be wrong."""
    said, text, _ = told(of("QgmSloBurnPage", good_days(), silent=["host:1 (refused)"]))

    assert said == "cannot tell: no answer from host:1 (refused)"
    assert "address" in text


JOBS = st.lists(
    st.builds(
        a_job,
        st.floats(0.01, 60),
        st.sampled_from(["success", "failure", "lost", "timeout"]),
        st.sampled_from([str(each) for each in ErrorClass]),
        st.sampled_from(["execute", "compile", "queue", ""]),
    ),
    max_size=12,
)
LEVELS = st.lists(
    st.builds(
        lambda signal, value: level(signal, value, provider="ibm", account="team"),
        st.sampled_from([each for each in LEVELS_ASKED if each.unit == "1"]),
        st.sampled_from([0.0, 1.0]),
    ),
    max_size=6,
)


@given(st.sampled_from(sorted(SAYS)), JOBS, LEVELS)
def test_a_side_is_never_named_without_anything_seen(alert, jobs, samples) -> None:
    """Whatever is known, the sentence has the verdict's side, a reason where it has one, a next."""
    known = of(alert, jobs, samples=samples)
    found = diagnose(known)
    said, text, _ = told(known)

    assert text
    assert said.startswith((found.side, "over: ", "not active: ", "no fault: "))
    assert found.side == UNTOLD or is_shown(found)
