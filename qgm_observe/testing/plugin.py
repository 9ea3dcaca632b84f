"""A pytest plugin: a pipeline's quantum tests in a journal, so that they can be objectives.

`pytest --qgm-journal ci.db` records the session as a run (model `tests`) and in it each quantum
test as a run (model `test`) with its duration, outcome, jobs with their devices, and the chances
that statistical assertions computed. So the pipeline's time is `qgm.run.duration{model="tests"}`,
its pass rate is `qgm.runs{model="test"}` by outcome, and the session counts once in `qgm.roots`.

A test is a quantum test where a hook saw a job in it, where it made a statistical assertion, where
it recorded a job itself, or where it is marked `quantum`. Others leave nothing. Without the option
this plugin does nothing at all. Workers of pytest-xdist record into the same session.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from qgm_observe.testing import session as sessions
    from qgm_observe.testing.capturing import Captured

_KEY: "pytest.StashKey[sessions.TestSession]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("qgm-observe")
    group.addoption(
        "--qgm-journal",
        metavar="FILE",
        help="record quantum tests in this journal, for objectives of the pipeline",
    )
    group.addoption(
        "--qgm-pipeline",
        metavar="NAME",
        help="label of the pipeline (default: QGM_OBSERVE_PIPELINE, or the root folder's name)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin the session where it is to be recorded."""
    config.addinivalue_line(
        "markers", "quantum: a quantum test, whether a job is seen in it or not"
    )
    given = config.getoption("qgm_journal")
    if not given:
        return
    from qgm_observe.errors import Error
    from qgm_observe.testing.session import TestSession

    told = getattr(config, "workerinput", {})
    pipeline = config.getoption("qgm_pipeline") or config.rootpath.name
    given_by_hand = config.getoption("qgm_pipeline") is not None
    try:
        session = TestSession(
            Path(given).absolute(),
            pipeline,
            only_default=not given_by_hand,
            parent=told.get("qgm_run"),
        )
    except Error as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_KEY] = session


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which session its tests belong to."""
    session = node.config.stash.get(_KEY, None)
    if session is not None:
        node.workerinput["qgm_run"] = session.id


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Have a test be what is open while it is set up, called and torn down."""
    session = item.config.stash.get(_KEY, None)
    if session is None:
        return (yield)
    marked = item.get_closest_marker("quantum") is not None
    session.begin(item.nodeid, is_quantum=marked)
    try:
        return (yield)
    finally:
        session.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """See how each phase of a test ended."""
    report = yield
    session = item.config.stash.get(_KEY, None)
    if session is not None:
        error = None if call.excinfo is None else call.excinfo.value
        session.saw(report.when or "", report.outcome, error)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End the session as it ended."""
    recorded = session.config.stash.get(_KEY, None)
    if recorded is not None:
        recorded.finish(int(exitstatus))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was recorded, where and under which name."""
    recorded = config.stash.get(_KEY, None)
    if recorded is not None:
        terminalreporter.write_line(f"qgm-observe: {recorded.told()}")


@pytest.fixture
def qgm_capture() -> "Iterator[Captured]":
    """Record what the test does, apart from everything else: see `qgm_observe.testing.capture`."""
    from qgm_observe.testing.capturing import capture

    with capture() as seen:
        yield seen
