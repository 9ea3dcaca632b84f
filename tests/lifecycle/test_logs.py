"""Log lines: whose they are, what is kept of them, and what is masked."""

import io
import logging
import logging.config
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder
from qgm_observe.lifecycle.logs import ContextFilter, TailHandler
from qgm_observe.redaction import LONGEST, redacted
from qgm_observe.telemetry.ids import span_id, trace_id

from .conftest import Clock

Rows = Callable[..., list[Event]]
log = logging.getLogger("training")


@pytest.fixture
def tail(recorder: Recorder, clock: Clock) -> Iterator[TailHandler]:
    """A handler on the training's logger."""
    handler = TailHandler(lines=5, now=clock.now)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
    handler.close()


def logged(rows: Rows, noun: str = "job") -> list[str]:
    """The lines on the one finished record of a noun."""
    (event,) = rows(verbs=("finished",), nouns=(noun,))
    return list(event.body.get("log", []))


def failing(words: Callable[[], None]) -> None:
    """One job that logs and fails."""

    @qgm.job("aer")
    def work() -> None:
        words()
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        work()


# ----------------------------------------------------------------------------------------- filter


@pytest.mark.usefixtures("recorder")
def test_the_filter_works_from_a_configuration() -> None:
    """`dictConfig` finds the filter, and a format may name the four ids."""
    stream = io.StringIO()
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"qgm": {"()": "qgm_observe.lifecycle.logs.ContextFilter"}},
        "formatters": {"f": {"format": "%(qgm_run)s/%(qgm_job)s/%(qgm_trace_id)s/%(qgm_span_id)s"}},
        "handlers": {
            "tail": {"class": "qgm_observe.lifecycle.logs.TailHandler", "lines": 3},
            "h": {
                "class": "logging.StreamHandler",
                "stream": stream,
                "filters": ["qgm"],
                "formatter": "f",
            },
        },
        "loggers": {"configured": {"handlers": ["h", "tail"], "level": "INFO"}},
    }
    logging.config.dictConfig(settings)
    try:
        logger = logging.getLogger("configured")
        logger.info("outside")
        with qgm.run() as run, run.step() as step, step.job("aer") as job:
            logger.info("inside")
    finally:
        for handler in list(logging.getLogger("configured").handlers):
            logging.getLogger("configured").removeHandler(handler)
            handler.close()

    outside, inside = stream.getvalue().splitlines()
    assert outside == "///"
    assert inside == f"{run.id}/{job.id}/{trace_id(job.id, run.id):032x}/{span_id(job.id):016x}"


@pytest.mark.usefixtures("recorder")
def test_a_step_outside_of_a_job_has_a_span_of_its_own() -> None:
    """The span is that of the innermost handle, also where no job is open."""
    record = logging.makeLogRecord({})
    with qgm.run() as run, run.step() as step:
        assert ContextFilter().filter(record)

    seen = vars(record)
    assert (seen["qgm_run"], seen["qgm_job"]) == (run.id, "")
    assert seen["qgm_span_id"] == step.id


# ------------------------------------------------------------------------------------------- tail


def test_the_lines_of_a_failed_job_go_on_its_record(
    rows: Rows, tail: TailHandler, clock: Clock
) -> None:
    """A job that fails keeps the last lines since it began; the run that failed with it, too."""

    @qgm.run()
    def train() -> None:
        log.warning("before")
        clock.tick(1)
        failing(lambda: log.warning("shots %d", 5))
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        train()

    assert logged(rows) == ["WARNING training: shots 5"]
    assert logged(rows, "run") == ["WARNING training: before", "WARNING training: shots 5"]


def test_a_success_keeps_no_line(rows: Rows, tail: TailHandler) -> None:
    """What is logged by work that succeeds stays out of the journal."""
    with qgm.job("aer"):
        log.error("looks bad, went well")

    assert logged(rows) == []


def test_lines_of_before_and_of_other_runs_stay_away(
    rows: Rows, tail: TailHandler, clock: Clock
) -> None:
    """A failed job's record has neither older lines nor those of another run."""
    log.warning("older")
    clock.tick(1)
    with qgm.run():
        log.warning("of another run")
        with qgm.run():
            failing(lambda: log.warning("mine"))

    assert logged(rows) == ["WARNING training: mine"]


def test_the_ring_is_bounded(rows: Rows, tail: TailHandler) -> None:
    """Of many lines the last are kept, each cut."""
    failing(lambda: [log.warning("line %d %s", n, "word " * 500) for n in range(50)] and None)
    lines = logged(rows)

    assert [line.split()[3] for line in lines] == ["45", "46", "47", "48", "49"]
    assert {LONGEST} == {len(line) for line in lines}


def test_of_exceptions_the_type_alone_is_kept(rows: Rows, tail: TailHandler) -> None:
    """Neither `exc_info` nor an exception among the arguments brings its text along."""

    def words() -> None:
        try:
            raise KeyError("sample 0101")
        except KeyError as error:
            log.exception("failed: %s", error)
            log.error("also %(why)s", {"why": error})

    failing(words)

    assert logged(rows) == [
        "ERROR training: failed: KeyError [KeyError]",
        "ERROR training: also KeyError",
    ]


def test_exception_texts_may_be_asked_for(rows: Rows, tail: TailHandler) -> None:
    """Opted in, the text is kept, redacted like the rest."""
    tail._exception_text = True
    failing(lambda: log.error("%s", RuntimeError("no token=abc for q1")))

    assert logged(rows) == ["ERROR training: RuntimeError: no token=*** for q1"]


class Hostile:
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError("hostile")

    __repr__ = __str__


def test_a_hostile_line_harms_nobody(
    rows: Rows, tail: TailHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be formatted is kept as that, and nothing is printed."""
    failing(lambda: [tail.handle(record) for record in hostile_records()] and None)

    assert logged(rows) == [
        "WARNING training: <RuntimeError in formatting>",
        "WARNING training: <RuntimeError in formatting>",
        "WARNING training: <TypeError in formatting>",
    ]
    assert capsys.readouterr().err == ""


def hostile_records() -> list[logging.LogRecord]:
    """A hostile argument, a hostile message, too many arguments."""
    make = logging.LogRecord
    return [
        make("training", logging.WARNING, "f", 1, "%s", (Hostile(),), None),
        make("training", logging.WARNING, "f", 1, Hostile(), (), None),
        make("training", logging.WARNING, "f", 1, "x", (1, 2), None),
    ]


def test_no_line_is_refused() -> None:
    """A handler that would keep nothing is refused with what to write."""
    with pytest.raises(UsageError, match="count of 1 or more"):
        TailHandler(lines=0)


# -------------------------------------------------------------------------------------- redaction


@given(st.integers(0, 2**32), st.integers(40, 200), st.integers(0, 3000))
def test_no_part_of_a_long_token_survives_the_cuts(seed: int, length: int, before: int) -> None:
    """Wherever a token stands in a line, and however that is cut, no 8 of its characters stay."""
    letters = random.Random(seed)
    token = "".join(letters.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=length))
    record = logging.makeLogRecord({"msg": "word " * (before // 5) + token + " end"})
    handler = TailHandler()
    handler.handle(record)
    kept = redacted(handler.held[-1].text)
    handler.close()

    assert not any(token[at : at + 8] in kept for at in range(length - 7))
