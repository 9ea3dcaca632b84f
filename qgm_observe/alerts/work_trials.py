"""What the alerts on trends and on the work are tried on."""

import math
from collections.abc import Iterator
from dataclasses import replace

from qgm_observe.alerts.cause import NO_OBJECTIVE
from qgm_observe.alerts.courses import (
    HEALTHY_STEPS,
    JOB_PLACES,
    SOME,
    STEP,
    Trials,
    absent,
    anew,
    away,
    course,
    lasting,
    reborn,
    short,
    silent,
    together,
    unborn,
)
from qgm_observe.alerts.scenario import (
    BAD,
    COUNT,
    GONE,
    HEALTHY,
    IDLE,
    LEVEL,
    REBORN,
    Check,
    Line,
    Phases,
    Scenario,
    Trial,
)
from qgm_observe.alerts.trends import ENDED
from qgm_observe.catalog import provider_signals, signals
from qgm_observe.slo.window import DAY, HOUR, shorthand


def trends(made: Trials) -> Iterator[Trial]:
    """Yield the trials of trends."""
    good = made.count(signals.ROOTS, 1, 0, outcome="success")
    bad = made.count(signals.ROOTS, 0, 1, outcome=("failure", "timeout", "lost"))
    between = Scenario(
        "a success in between: silent",
        [(IDLE, HEALTHY_STEPS), (BAD, 2), (HEALTHY, 1), (BAD, 2)],
        tuple(Check(HEALTHY_STEPS + step, False) for step in range(5)),
    )
    third = Scenario(
        "the third in a row: fires",
        [(IDLE, HEALTHY_STEPS), (BAD, 3)],
        (Check(HEALTHY_STEPS + 1, False), Check(HEALTHY_STEPS + 2, True)),
        unborn=True,
    )
    scenarios = (course(4), third, short(2), between, absent(), unborn(4), anew())
    kind = {"kind": "training"}
    failing = ("QgmConsecutiveFailures", ("pipeline",))
    counts = ("pipeline_failures", bad), ("pipeline_successes", good)
    apart = _apart({**kind, "pipeline": SOME}, counts)
    away = _away({**kind, "pipeline": SOME}, "pipeline_failures", "pipeline_successes")
    told = (*scenarios, _others_are_well(), apart, away)
    yield made.trial(*failing, good, bad, scenarios=told, carries=kind)
    elsewhere = [Line(good.sibling(name), COUNT, 1, 1) for name in ("pipeline", "kind")]
    yield made.trial(
        *failing, good, bad, *elsewhere, scenarios=(third,), carries=kind, decoyed=False
    )
    yield from _compilations(made, scenarios, third)
    yield from _stalled(made)


def _others_are_well() -> Scenario:
    return Scenario(
        "others are well: it still fires",
        [(HEALTHY, HEALTHY_STEPS), (BAD, 4)],
        (Check(HEALTHY_STEPS + 3, True),),
        decoyed=HEALTHY,
    )


def _apart(labels: dict[str, str], counts: tuple[tuple[str, Line], ...]) -> Scenario:
    """Return a course in which label sets that differ in one label are counted together."""
    given = {f'{name}="{value}"' for name, value in labels.items()}
    told = ",".join(sorted(given | {f'slo="{NO_OBJECTIVE}"', 'window="1d"'}))
    tests = []
    for name, line in counts:
        alike = [each for each in line.siblings if all(label in each for label in given)]
        each = 2 * ((line.healthy or 0) + (line.bad or 0))
        tests.append(
            {
                "expr": f"1 * qgm:{name}:count{{{told}}}",
                "eval_time": shorthand(4 * STEP),
                "exp_samples": [{"labels": f"{{{told}}}", "value": each * (1 + len(alike))}],
            }
        )
    return Scenario(
        "what differs in another label counts together",
        [(IDLE, 1), (HEALTHY, 2), (BAD, 2)],
        (),
        spread=True,
        recorded=tuple(tests),
    )


def _away(labels: dict[str, str], *names: str) -> Scenario:
    """Return a course after which counters are told again that counted hours ago."""
    phases: Phases = [(IDLE, 1), (HEALTHY, 2), (BAD, 3), (GONE, 40), (IDLE, 4)]
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    tests = (
        {
            "expr": f'1 * qgm:{name}:count{{window="{window}"}}',
            "eval_time": shorthand(49 * STEP),
            "exp_samples": [
                {"labels": f'{{{told},slo="{NO_OBJECTIVE}",window="{window}"}}', "value": value}
            ],
        }
        for name, counted in zip(names, (3, 2), strict=True)
        for window, value in (("40m", 0), ("1d", counted))
    )
    return Scenario(
        "nothing is scraped for longer than six hours: what was before is no news",
        phases,
        (),
        recorded=tuple(tests),
    )


def _compilations(
    made: Trials, scenarios: tuple[Scenario, ...], third: Scenario
) -> Iterator[Trial]:
    ended = made.count(signals.JOBS, 1, 0, outcome=ENDED)
    failed = made.count(signals.JOBS, 0, 1, outcome=(ENDED[1], ENDED[0], *ENDED[2:]))
    errors = made.count(signals.JOB_ERRORS, 0, 1, stage="compile")
    apart = _apart(
        dict.fromkeys(JOB_PLACES, SOME), (("compile_failures", errors), ("jobs_ended", ended))
    )
    away = _away(dict.fromkeys(JOB_PLACES, SOME), "compile_failures", "jobs_ended")
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        *(ended, failed, errors),
        scenarios=(*scenarios, _others_are_well()),
    )
    yield made.trial(
        "QgmCompilationFailing", JOB_PLACES, ended, errors, scenarios=(third, apart, away)
    )
    elsewhere = [Line(ended.sibling(name), COUNT, 2, 2) for name in JOB_PLACES]
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        *(ended, failed, errors, *elsewhere),
        scenarios=(third,),
        decoyed=False,
    )
    yield made.trial(
        "QgmCompilationFailing",
        JOB_PLACES,
        made.count(signals.JOBS, 0, 1, outcome="cancelled"),
        made.count(signals.JOBS, 0, 1, outcome="failure"),
        made.count(signals.JOB_ERRORS, 0, 1, stage="compile"),
        scenarios=(third,),
    )


def _stalled(made: Trials) -> Iterator[Trial]:
    stalled = made.level(signals.RUNS_STALLED, 0, 1)
    yield made.trial(
        "QgmRunStalled", ("pipeline",), stalled, scenarios=(course(2), short(1), absent())
    )
    yield made.trial(
        "QgmRunStalled",
        ("pipeline",),
        stalled,
        made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="!local"),
        made.level(provider_signals.DEVICE_WAIT, 300, 300, percentile="p95"),
        scenarios=(silent(4, "its job waits no longer than is usual"),),
    )
    waiting = made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="!local")
    short_wait = made.level(provider_signals.DEVICE_WAIT, 100, 100, percentile="p95")
    mean = made.level(provider_signals.DEVICE_WAIT, 900, 900, percentile="average")
    local = made.level(signals.JOB_OLDEST_WAITING, None, 300, execution_mode="local")
    usual = made.level(provider_signals.DEVICE_WAIT, 900, 900, percentile="p95")
    of_process = Line(waiting.decoys[-1], LEVEL, 50, 50)
    elsewhere = (
        Line(waiting.sibling("pipeline"), LEVEL, 50, 50),
        *(Line(usual.sibling(name), LEVEL, 900, 900) for name in ("provider", "device")),
    )
    for lines in (
        (stalled, waiting, short_wait, mean),
        (stalled, local, usual),
        (stalled, of_process, usual),
        (stalled, waiting, short_wait, *elsewhere),
    ):
        yield made.trial(
            "QgmRunStalled", ("pipeline",), *lines, scenarios=(course(2),), decoyed=False
        )


def work(made: Trials) -> Iterator[Trial]:
    """Yield the trials of causes in the work itself."""
    yield made.trial(
        "QgmRunTooLong",
        JOB_PLACES,
        made.count(signals.JOB_ERRORS, 0, 1, error_class="run_timeout"),
        scenarios=(
            lasting(2, DAY, 3 * STEP),
            together(1),
            short(1),
            absent(),
            unborn(2),
            anew(),
            away(2, DAY, 3 * STEP),
        ),
        step=3 * STEP,
    )
    yield from _retries(made)
    yield made.trial(
        "QgmSubmissionThrottled",
        JOB_PLACES,
        made.count(signals.JOB_ERRORS, 0, 1, error_class="rate_limit"),
        scenarios=(
            course(3),
            lasting(3, HOUR),
            together(1),
            short(2),
            absent(),
            unborn(3),
            anew(),
            away(3, HOUR),
        ),
        seen_by="jobs",
    )
    yield from _refusals(made)


def _retries(made: Trials) -> Iterator[Trial]:
    tries = made.thresholds.attempts_per_job
    attempts = made.count(signals.JOB_ATTEMPTS, 1, 1.5 * tries)
    jobs = made.count(signals.JOBS, 1, 1)
    lasts = Scenario(
        "ten hours of retries: fires for as long as they are counted, and no longer",
        [(HEALTHY, 6), (BAD, 60), (HEALTHY, 40)],
        (Check(5, False), Check(65, True), Check(71, True), Check(105, False)),
    )
    few = Scenario(
        "too few jobs: silent; one more: fires",
        [(IDLE, 6), (BAD, 5)],
        (Check(8, False), Check(9, False), Check(10, True)),
    )
    usual = (course(12, after=40), few, lasts, together(1), short(1), absent(), anew())
    scenarios = (*usual, away(12, 6 * HOUR))
    yield made.trial("QgmRetriesExcessive", JOB_PLACES, attempts, jobs, scenarios=scenarios)
    steady = made.count(signals.JOB_ATTEMPTS, tries, tries)
    for line, name, bad in (
        (attempts, "jobs of a process are overlooked: fires", jobs),
        (steady, "attempts of a process are overlooked: silent", attempts),
    ):
        told = Check(17, line is attempts)
        other = Line(bad.decoys[-1], COUNT, 100, 100)
        course_of = Scenario(name, [(HEALTHY, 6), (BAD, 12)], (told,))
        yield made.trial(
            "QgmRetriesExcessive", JOB_PLACES, line, jobs, other, scenarios=(course_of,)
        )


def _refusals(made: Trials) -> Iterator[Trial]:
    """Of the exporter's own calls: a share just above the threshold, and just below it."""
    share = made.thresholds.throttled_share
    above = min(1.5 * share, (1 + share) / 2)

    def trial(refused: float, part: float, *scenarios: Scenario) -> Trial:
        calls = provider_signals.PROVIDER_REQUESTS
        answered = math.ceil(10 * (refused / part - refused)) / 10
        return made.trial(
            "QgmSubmissionThrottled",
            ("provider",),
            made.count(calls, 0, refused, result="rate_limit"),
            made.count(calls, answered, answered, result="ok"),
            scenarios=scenarios,
            seen_by="exporter",
        )

    ends = Scenario(
        "fires for as long as it is counted, and no longer",
        [(IDLE, 6), (BAD, 6), (IDLE, 9)],
        (Check(11, True), Check(14, True), Check(20, False)),
    )
    yield trial(5, above, course(6), ends, absent(), anew(), reborn(6))
    yield trial(5, share, silent(6, "a share that is just the threshold"))
    below = silent(6, "together a share below the threshold")
    again = Scenario(
        "counters begin anew below the threshold: silent",
        [(HEALTHY, HEALTHY_STEPS), (BAD, 6), (REBORN, 2)],
        (Check(HEALTHY_STEPS + 7, False),),
    )
    yield trial(5, 0.7 * share, replace(below, spread=True), again)
    three = Scenario(
        "two refusals: silent; three: fires",
        [(IDLE, 6), (BAD, 3)],
        (Check(7, False), Check(8, True)),
    )
    yield trial(1, above, three, together(1))
