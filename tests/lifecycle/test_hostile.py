"""Objects that raise at every touch: the training gets them back, and the record is written."""

import functools
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Recorder

from .conftest import REMOTE, ProviderJob


def _hostile(*_args: Any, **_kwargs: Any) -> Any:
    raise RuntimeError("hostile")


DUNDERS = ("str", "repr", "eq", "hash", "bool", "len", "iter", "float", "int", "index", "lt", "gt")
Hostile = type("Hostile", (), {f"__{name}__": _hostile for name in (*DUNDERS, "getattr")})
HostileText = type("HostileText", (str,), {"__getitem__": _hostile, "__str__": _hostile})
HostileNumber = type("HostileNumber", (int,), {"__gt__": _hostile, "__float__": _hostile})
HostileError = type(
    "HostileError",
    (Exception,),
    {
        "__str__": _hostile,
        "__repr__": _hostile,
        "__eq__": _hostile,
        "__hash__": _hostile,
        "__bool__": _hostile,
        "status_code": property(_hostile),
    },
)


def finished(path: Path, recorder: Recorder, noun: str) -> list[Event]:
    """What the journal has of a noun."""
    assert recorder.flush(5)
    with open_journal(path, read_only=True) as journal:
        return list(journal.events(verbs=("finished",), nouns=(noun,)))


def looping() -> list[Any]:
    """A list that holds itself."""
    items: list[Any] = []
    items.append(items)
    return items


VALUES: dict[str, Callable[[], Any]] = {
    "object": Hostile,
    "text": lambda: HostileText("x"),
    "number": lambda: HostileNumber(3),
    "loop": looping,
    "iterator": lambda: iter([1, 2]),
    "long": lambda: 10**5000,
    "surrogate": lambda: "\ud800",
    "nan": lambda: float("nan"),
    "bytes": lambda: b"\xff",
}
"""By name, for pytest has to say the name of a case."""


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_attribute_costs_itself_alone(
    path: Path, counted: tuple[Recorder, Counter[str]], name: str
) -> None:
    """Whatever is noted, the record is written, and the facts beside it are there."""
    value = VALUES[name]()
    with qgm.job("aer") as job:
        job.note(bad=value, good=7)
    with qgm.job("aer"):
        pass
    first, second = finished(path, counted[0], "job")

    assert first.body["attributes"]["good"] == 7
    assert second.body["outcome"] == "success"
    assert counted[1] == {}


def test_a_hostile_backend_is_an_unknown_device(
    path: Path, counted: tuple[Recorder, Counter[str]]
) -> None:
    """A backend that raises at every touch is asked once, and its job is recorded without it."""
    recorder, counts = counted
    backend = Hostile()
    with qgm.run() as run, run.session(backend), run.job(backend) as job:
        job.results(job.attempt(ProviderJob))
    (event,) = finished(path, recorder, "job")
    recorder.guard.take()

    assert event.body["device"] == "unknown"
    assert counts == {"device": 1}


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_result_is_given_back_as_it_is(
    path: Path, counted: tuple[Recorder, Counter[str]], name: str
) -> None:
    """What a provider or a core returns comes back untouched, also when it can be read but once."""
    result = VALUES[name]()

    class HostileCore:
        backend = property(_hostile)

        def fit(self, data: Any, **_: Any) -> Any:
            return self.step(HostileNumber(0))

        def step(self, index: Any) -> Any:
            return self.execute()

        def execute(self) -> Any:
            return result

    class Provided(ProviderJob):
        def job_id(self) -> Any:
            return Hostile()

        def status(self) -> Any:
            return Hostile()

        def metrics(self) -> Any:
            return Hostile()

        def result(self) -> Any:
            return result

    for device in ("aer", REMOTE):
        with qgm.job(device) as job:
            assert job.results(job.attempt(Provided)) is result
    assert (
        qgm.observe(HostileCore()).fit(Hostile(), checkpoint=Hostile(), resume=Hostile()) is result
    )
    assert len(finished(path, counted[0], "job")) == 2
    assert name != "iterator" or list(result) == [1, 2]


def test_a_hostile_exception_passes_as_it_is(
    path: Path, counted: tuple[Recorder, Counter[str]]
) -> None:
    """An exception that raises at every touch leaves job, attempt and stage as the same object."""

    def submit() -> None:
        raise error

    error = HostileError()
    caught: BaseException | None = None
    try:
        with qgm.run(), qgm.job(REMOTE) as job:
            job.attempt(submit)
    except BaseException as same:
        caught = same
    (event,) = finished(path, counted[0], "job")

    assert caught is error
    assert event.body["outcome"] == "failure"


def test_shots_that_are_no_count_are_refused_in_one_line() -> None:
    """Whatever is given as shots, the refusal is ours and says what to write."""
    for shots in (Hostile(), HostileText("x"), "many", 0, -1, 2.5):
        with pytest.raises(UsageError, match="write a count of 1 or more"):
            qgm.job("aer", shots=shots)


def test_hostile_labels_are_called_by_their_type(
    path: Path, counted: tuple[Recorder, Counter[str]]
) -> None:
    """A label that cannot say its name does not stop the run."""
    with qgm.run(model=Hostile()):
        pass
    (event,) = finished(path, counted[0], "run")

    assert event.body["model"] == "Hostile"


def test_a_signature_like_our_own_arguments_is_no_matter(
    path: Path, counted: tuple[Recorder, Counter[str]]
) -> None:
    """A core whose fit takes `core` as an option is recorded like any other."""

    class Core:
        def fit(self, data: list[int], *, core: str, iterations: int) -> str:
            return core * iterations

    assert qgm.observe(Core()).fit([1], core="mine", iterations=1) == "mine"
    (event,) = finished(path, counted[0], "run")
    assert event.body["attributes"]["iterations"] == 1


def test_a_log_handler_that_raises_is_not_our_way_out(
    counted: tuple[Recorder, Counter[str]], caplog: pytest.LogCaptureFixture
) -> None:
    """When the script's own log handler breaks on our warning, the training does not."""

    class Raises(logging.Handler):
        emit = functools.partialmethod(_hostile)

    handler = Raises()
    logging.getLogger("qgm_observe").addHandler(handler)
    try:
        with counted[0].guard("part"):
            raise RuntimeError("of ours")
    finally:
        logging.getLogger("qgm_observe").removeHandler(handler)

    assert counted[0].guard.counts == {"part": 1}
