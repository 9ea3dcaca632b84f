"""What the work came to."""

import io
import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from qgm_observe.cli.summary import Summary, percentile, summarize, to_json
from qgm_observe.cli.summary_text import duration, render
from qgm_observe.journal import Event, Totals
from qgm_observe.records import Estimate

RUN = "0123456789abcdef0123456789abcdef"


def ended(noun: str, number: int = 0, **body: Any) -> Event:
    facts = {"outcome": "success", "start": 100.0, "duration": 2.0, **body}
    subject = RUN if noun == "run" else f"{number:016x}"
    return Event(
        verb="finished", noun=noun, subject=subject, at=102.0, body=facts, id=f"{noun}{number}"
    )


def job(number: int, *, seconds: float = 1.0, **body: Any) -> Event:
    facts = {"shots": 100, "circuits": 2, "stages": [["execute", 0.0, seconds, "local"]], **body}
    return ended("job", number, **facts)


def text(summary: Summary, width: int = 80, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render(summary, **options))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def test_a_run_is_summed_up() -> None:
    """Jobs by outcome, shots, circuits, steps, losses and errors are those of the events."""
    error = {"class": "network", "type": "OSError", "stage": "submit"}
    summary = summarize(
        [
            *(ended("step", n, loss=loss) for n, loss in enumerate([0.9, 0.5, 0.25])),
            ended("step", 3, outcome="failure"),
            job(0),
            job(1),
            job(2, outcome="failure", error=error),
            ended("run", steps=3),
        ],
        Path("/somewhere/journal.db"),
    )

    assert (summary.run, summary.outcome, summary.seconds) == (RUN, "success", 2.0)
    assert summary.jobs == {"success": 2, "failure": 1}
    assert (summary.shots, summary.circuits) == (200, 4)
    assert (summary.steps, summary.first_loss, summary.last_loss) == (3, 0.9, 0.25)
    assert summary.errors == {"submit/network": 1}
    assert summary.journal == "/somewhere/journal.db"


def test_losses_of_optimizers_that_take_turns_stay_apart() -> None:
    """A generator's losses and its critic's are told one beside the other."""
    summary = summarize(
        ended("step", n, loss=loss, **({"attributes": {"turn": 2}} if n % 2 else {}))
        for n, loss in enumerate([0.9, 2.0, 0.5, 3.0])
    )

    assert summary.losses == ((0.9, 0.5), (2.0, 3.0))
    assert summary.course == (
        ", loss 0.9 at first, 0.5 at last and 2 at first, 3 at last (2 optimizers by turns)"
    )


def test_the_outermost_run_gives_its_name() -> None:
    """Of runs inside each other the one that began first is the one that is named."""
    inner = Event(
        verb="finished", noun="run", subject="b" * 32, at=2, body={"start": 200.0}, id="i"
    )

    assert summarize([inner, ended("run")]).run == RUN


def test_stages_come_in_the_order_of_the_work() -> None:
    """Stages of runs, steps and jobs are listed as the work goes, each with its percentiles."""
    summary = summarize(
        [
            *(job(n, seconds=float(n)) for n in range(101)),
            ended("step", stages=[["evaluate", 0, 0.5, "local"]]),
            ended("run", stages=[["prepare", 0, 3.0, "local"]]),
        ]
    )

    assert [each.stage for each in summary.stages] == ["prepare", "execute", "evaluate"]
    execute = summary.stages[1]
    assert (execute.count, execute.p50, execute.p95) == (101, 50.0, 95.0)


def test_tallied_jobs_count() -> None:
    """Jobs whose detail was not kept count among jobs, shots and stages, and are told apart."""
    totals = Totals()
    for number in range(5):
        totals.add(job(number))
    tallied = Event(
        verb="tallied", noun="process", subject="p", at=1, body={"totals": totals.to_json()}, id="t"
    )
    summary = summarize([job(9), tallied])

    assert summary.jobs == {"success": 6}
    assert (summary.tallied, summary.shots, summary.circuits) == (5, 600, 12)
    assert summary.stages[0].count == 6
    assert "6 success (5 without detail)" in text(summary)


def test_open_jobs_are_told() -> None:
    """Jobs that a provider still has are neither success nor forgotten."""
    assert "jobs      1 success, 2 still open\n" in text(summarize([job(0)], open_jobs=2))
    assert "jobs      2 still open\n" in text(summarize([], open_jobs=2))


def test_only_tallied_stages_have_no_percentile() -> None:
    """Where no single duration was kept, none is made up."""
    totals = Totals()
    totals.add(job(0))
    tallied = Event(
        verb="tallied", noun="process", subject="p", at=1, body={"totals": totals.to_json()}, id="t"
    )
    (stage,) = summarize([tallied]).stages

    assert (stage.p50, stage.p95) == (None, None)


def test_estimates_are_read_back() -> None:
    """Statistics that were recorded are part of the summary."""
    body = {"name": "valid_shots", "value": 0.9, "low": 0.8, "high": 0.95, "model": "qcbm"}
    event = Event(verb="estimate", noun="job", subject="j", at=1, body=body, id="e")

    assert summarize([event]).estimates == (
        Estimate(name="valid_shots", value=0.9, low=0.8, high=0.95),
    )


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(name="a_b", value=0.51), "a b 0.51"),
        (Estimate(name="a", value=0.51, low=0.4, high=0.6), "a 0.51 0.4 to 0.6"),
        (
            Estimate(name="a", value=0.1, low=0.05, high=0.2, level=0.9, floor=0.01),
            "a 0.1 0.05 to 0.2 0.01",
        ),
        (Estimate(name="a", reason="insufficient shots"), "a not known insufficient shots"),
        (Estimate(name="a", reason="add 'x[y]'", floor=1), "a not known add 'x[y]'"),
    ],
)
def test_an_estimate_says_how_far_it_can_be_trusted(estimate: Estimate, words: str) -> None:
    """An estimate is shown with its interval and floor, or with the reason why there is none."""
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(render(Summary(estimates=(estimate,))))

    assert words in [" ".join(line.split()) for line in console.export_text().splitlines()]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.0, "0.00 µs"),
        (0.000072, "72.0 µs"),
        (0.0009996, "1.00 ms"),
        (0.01234, "12.3 ms"),
        (1.5, "1.50 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (3600.0 * 71 + 60 * 5, "71 h 05 min"),
    ],
)
def test_durations_are_shown_in_their_own_unit(seconds: float | None, shown: str) -> None:
    """A duration has three digits and the unit that people would use."""
    assert duration(seconds) == shown


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_percentiles_are_those_of_the_library(values: list[float]) -> None:
    """Percentiles agree with the inclusive quantiles of Python's statistics."""
    exact = statistics.quantiles(values, n=20, method="inclusive")

    assert percentile(values, 0.5) == pytest.approx(exact[9])
    assert percentile(values, 0.95) == pytest.approx(exact[18])


def test_one_value_is_every_percentile() -> None:
    """A single duration is its own median and 95th percentile; of none there is none."""
    assert (percentile([3.0], 0.5), percentile([3.0], 0.95), percentile([], 0.5)) == (3, 3, None)


def test_the_text_fits_into_a_pipe() -> None:
    """At 80 columns the whole summary reads so."""
    summary = summarize(
        [
            ended("step", 0, loss=0.5),
            job(0),
            job(1, outcome="failure", error={"class": "network", "stage": "submit"}),
            ended("run"),
        ],
        Path("/home/ada/journal.db"),
    )

    assert text(summary, extra=[("valid shots", "0.91")], heading="quality") == (
        "run       success after 2.00 s\n"
        "jobs      1 failure, 1 success\n"
        "shots     100 in 2 circuits\n"
        "steps     1, loss 0.5 at first, 0.5 at last\n"
        "errors    1 submit/network\n"
        "\n"
        "stage        count       p50       p95\n"
        "execute          2    1.00 s    1.00 s\n"
        "\n"
        "quality\n"
        "valid shots  0.91\n"
        "\n"
        "cost      unknown until priced\n"
        f"run id    {RUN}\n"
        "journal   /home/ada/journal.db"
    )


def test_a_script_without_quantum_work_is_summed_up() -> None:
    """Where nothing was submitted, the summary says so and shows no empty table."""
    assert text(summarize([ended("run")])) == (
        f"run       success after 2.00 s\njobs      none\n\ncost      none\nrun id    {RUN}"
    )


@pytest.mark.parametrize(
    ("modes", "open_jobs", "cost"),
    [
        (("local", "local"), 0, "nothing: simulated here"),
        (("local", "session"), 0, "unknown until priced"),
        (("local",), 1, "unknown until priced"),
        ((), 1, "unknown until priced"),
    ],
)
def test_a_simulation_costs_nothing(modes: tuple[str, ...], open_jobs: int, cost: str) -> None:
    """A price is waited for only where a provider had or has a job of the run."""
    jobs = [job(number, execution_mode=mode) for number, mode in enumerate(modes)]

    assert f"\ncost      {cost}\n" in text(summarize([*jobs, ended("run")], open_jobs=open_jobs))


def test_a_p_value_is_never_zero() -> None:
    """One that has no digits left is told as small as it is known to be."""
    told = [Estimate(name=name, value=0.0, n=9) for name in ("chi_square_p", "mmd_squared")]
    lines = text(Summary(estimates=tuple(told))).splitlines()

    assert "chi square p   < 1e-16" in lines
    assert "mmd squared          0" in lines


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            {"error": {"type": "SystemExit"}, "attributes": {"exit_code": 3}},
            "failure with exit code 3 after 2.00 s",
        ),
        ({"error": {"type": "ValueError"}}, "failure by ValueError after 2.00 s"),
    ],
)
def test_a_failed_run_says_how_it_ended(body: dict[str, Any], line: str) -> None:
    """A run that failed names the exception, or the exit code that the script chose."""
    assert f"run       {line}\n" in text(summarize([ended("run", outcome="failure", **body)]))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_fact_is_cut_off(width: int) -> None:
    """However narrow the terminal, the journal's path is shown whole."""
    path = Path("/", *["a-long-name"] * 8, "journal.db")
    lines = text(Summary(journal=str(path)), width).splitlines()

    assert all(len(line) <= width for line in lines)
    assert str(path) in "".join(line.removeprefix("journal").strip() for line in lines)


def test_color_says_nothing_alone() -> None:
    """Without color the very same words are there."""
    events = [job(0), job(1, outcome="failure"), ended("run")]
    plain = text(summarize(events))
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    console.print(render(summarize(events)))
    colored = console.file.getvalue()

    assert "\x1b[" in colored
    words = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in words.splitlines()] == plain.splitlines()


def test_json_holds_the_same(tmp_path: Path) -> None:
    """The JSON has every field, and null for the cost that nobody knows."""
    estimate = Estimate(name="a", value=1.0)
    told = json.loads(
        json.dumps(to_json(Summary(run=RUN, jobs={"success": 2}, estimates=(estimate,))))
    )

    assert told.keys() == {*Summary.__dataclass_fields__, "first_loss", "last_loss", "cost"}
    assert (told["run"], told["jobs"], told["cost"]) == (RUN, {"success": 2}, None)
    assert told["estimates"][0]["value"] == 1.0


def test_what_submissions_are_expected_to_cost_is_told_until_the_bills_come() -> None:
    """Estimates add up by currency, and none is called a cost."""
    bodies: list[dict[str, Any]] = [
        {"cost": "3.20", "currency": "USD"},
        {"cost": "1.60", "currency": "USD"},
        {"cost": "2", "currency": "EUR"},
        {"device_seconds": 2.0},
    ]
    summary = summarize(
        Event(verb="estimated", noun="attempt", subject="a", at=1, body=body, id=str(number))
        for number, body in enumerate(bodies)
    )

    assert summary.expected == {"EUR": "2", "USD": "4.80"}
    assert to_json(summary)["cost"] is None
    assert "cost      about 2.00 EUR, 4.80 USD by estimate" in text(summary)


def guarded(number: int, reason: str, **body: Any) -> Event:
    facts = {"reason": reason, **body}
    subject = f"{number:016x}.1"
    return Event(
        verb="guarded", noun="attempt", subject=subject, at=1, body=facts, id=f"{subject}/guarded"
    )


def test_what_a_guard_stopped_is_no_error() -> None:
    """Its own row says how many, why and what was not spent; errors are those of other jobs."""
    error = {"class": "other", "type": "BudgetExceeded"}
    usd = {"cost": "1.60", "currency": "USD"}
    summary = summarize(
        [
            job(0),
            job(1, outcome="guarded", error=error),
            job(2, outcome="failure", error={"class": "network", "stage": "submit"}),
            guarded(1, "guard: with this job it would be 4.80 of 4.00 USD; nothing was submitted"),
            guarded(3, "cancelled: older than 600 s", **usd),
            guarded(4, "cancelled: older than 600 s", **usd),
        ]
    )
    told = " ".join(text(summary, 120).split())

    assert summary.errors == {"submit/network": 1}
    assert (summary.prevented, list(summary.stopped.values())) == ({"USD": "3.20"}, [2, 1])
    assert (
        "guards 3 jobs stopped: cancelled: older than 600 s, and 1 other reason; 3.20 USD not spent"
        in told
    )


def test_a_guard_without_prices_says_why_alone() -> None:
    """What a simulation would have cost is nothing, and nothing is said of it."""
    reason = "guard: with this job on aer it would be 3,000 of 2,500 shots; nothing was submitted"
    told = " ".join(text(summarize([guarded(1, reason)]), 120).split())

    assert "guards 1 job stopped: with this job on aer it would be 3,000 of 2,500 shots" in told
    assert "not spent" not in told


def test_a_verdict_on_modes_is_told_of_them() -> None:
    """`whole` is said of the modes; beside the question it would be no answer."""
    body = {"question": "collapse", "answer": "whole"}
    told = text(summarize([Event(verb="judged", noun="job", subject="j", at=1, body=body, id="v")]))

    assert "modes     whole" in told.splitlines()
