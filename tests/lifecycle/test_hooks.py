"""Whatever of ours breaks, and whatever the training hands us, the training is the same."""

import functools
import importlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.catalog import ExecutionMode
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event, open_journal
from qgm_observe.lifecycle import Device, Recorder, use
from qgm_observe.records import Estimate
from qgm_observe.settings import load_settings

from .conftest import Clock

REMOTE = Device("ibm", "ibm_fez", "us-east", ExecutionMode.JOB)
TIMES = {
    "created": "2026-11-23T10:00:00Z",
    "running": "2026-11-23T10:00:01Z",
    "finished": "2026-11-23T10:00:02Z",
}


class ProviderJob:
    """A provider's job that tells all there is."""

    def job_id(self) -> str:
        return "d1abc"

    def metrics(self) -> Any:
        return {"timestamps": TIMES}

    def status(self) -> str:
        return "DONE"

    def result(self) -> dict[str, int]:
        return {"00": 5}


class Sampler:
    """A provider's sampler that takes tags."""

    def __init__(self) -> None:
        self.options = SimpleNamespace(environment=SimpleNamespace(job_tags=[]))

    def run(self) -> ProviderJob:
        return ProviderJob()


class Backend:
    """An object, so that it has to be described."""

    name = "local_simulator"


class Core:
    """A core with every stage; its exception is one object, so that it is known again."""

    shots = 8

    def __init__(self, failure: BaseException | None) -> None:
        self.backend = Backend()
        self.failure = failure

    def fit(self, data: list[int], *, iterations: int, core: str = "of the caller") -> list[float]:
        return [self.step(index) for index in range(iterations)]

    def step(self, index: int) -> float:
        samples = self.execute(self.compile(index))
        self.optimize()
        return self.evaluate(samples)

    def compile(self, index: int) -> int:
        return index

    def execute(self, circuit: int) -> Iterator[int]:
        return iter([circuit, circuit + 1])

    def evaluate(self, samples: Iterator[int]) -> float:
        return float(sum(samples))

    def optimize(self) -> Any:
        return SimpleNamespace(tolist=lambda: [0.5])

    def sample(self, shots: int) -> list[int]:
        if self.failure is not None:
            raise self.failure
        return [0] * shots


def plain(failure: BaseException | None) -> tuple[list[Any], BaseException | None]:
    """What the training gives when nobody watches."""
    core = Core(failure)
    seen: list[Any] = [core.fit([1], iterations=2), ProviderJob().result()]
    try:
        seen.append(core.sample(3))
    except BaseException as error:
        return seen, error
    return seen, None


def watched(
    failure: BaseException | None, between: Callable[[], None]
) -> tuple[list[Any], BaseException | None]:
    """The same training, and everything of ours around it."""
    core = qgm.observe(Core(failure))
    seen: list[Any] = [core.fit([1], iterations=2)]
    with qgm.run() as run, run.session(REMOTE) as session, session.job() as job:
        between()
        job.keep("calibration", b"snapshot")
        job.note(seed=7)
        job.estimate(Estimate(name="mmd", value=0.5))
        seen.append(job.results(job.attempt(Sampler().run)))
    try:
        seen.append(core.sample(3))
    except BaseException as error:
        return seen, error
    return seen, None


@pytest.fixture
def counted(path: Path, clock: Clock) -> Iterator[tuple[Recorder, Counter[str]]]:
    """A recorder as users have it, whose guard swallows, and all that its guard has counted."""
    made = Recorder(load_settings(journal=path, strict=False), now=clock.now, wall=clock.wall)
    counts: Counter[str] = Counter()
    take = made.guard.take

    def remember() -> dict[str, int]:
        taken = take()
        counts.update(taken)
        return taken

    made.guard.take = remember  # type: ignore[method-assign]
    before = use(made)
    yield made, counts
    made.close()
    use(before)


ON_THE_CALLER = [
    "lifecycle.recorder:describe",
    "lifecycle.provider_job:id_of",
    "lifecycle.provider_job:tag",
    "lifecycle.provider_job:times",
    "lifecycle.job:size_of",
    "lifecycle.observe:keep_parameters",
    "lifecycle.observe:run_to_resume",
    "lifecycle.observe:_options",
    "lifecycle.observe:_Eye._backend",
    "lifecycle.observe:_Eye._place",
    "lifecycle.observe:_Eye._saw",
    "lifecycle.run:Meter",
]
ON_AN_ERROR = [
    "lifecycle.handle:classify",
    "lifecycle.handle:outcome_of",
]
ON_THE_WRITER = [
    "lifecycle.events:opened",
    "lifecycle.events:finished",
    "lifecycle.events:attempted",
    "lifecycle.events:estimated",
    "lifecycle.events:still_open",
    "lifecycle.events:tail_of",
    "lifecycle.resources:Meter.told",
    "lifecycle.writer:sample",
    "lifecycle.writer:captured",
    "lifecycle.writer:disk_free",
    "lifecycle.writer:open_journal",
    "telemetry.aggregates:Aggregates.fold",
    "telemetry.aggregates:Aggregates.set_open",
    "telemetry.aggregates:Aggregates.set_gauge",
    "journal.store:Journal.append",
    "journal.store:Journal.reap",
    "journal.store:Journal.prune",
]
REPEATS = {"journal.store:Journal.append", "lifecycle.writer:open_journal"}
"""After these the writer tries again, so that one error of ours is several calls."""


def broken(monkeypatch: pytest.MonkeyPatch, hook: str, error: type[BaseException]) -> list[int]:
    """Makes a function of ours raise; returns a list that grows with each call."""
    calls: list[int] = []

    def raises(*_args: Any, **_kwargs: Any) -> Any:
        calls.append(1)
        raise error("of ours")

    module, _, name = hook.partition(":")
    *path, name = name.split(".")
    place = functools.reduce(getattr, path, importlib.import_module(f"qgm_observe.{module}"))
    monkeypatch.setattr(place, name, raises)
    return calls


@pytest.mark.parametrize("hook", [*ON_THE_CALLER, *ON_AN_ERROR, *ON_THE_WRITER])
def test_every_hook_may_raise(
    monkeypatch: pytest.MonkeyPatch,
    counted: tuple[Recorder, Counter[str]],
    clock: Clock,
    hook: str,
) -> None:
    """Results and exception are those of the plain training, and each error of ours is counted."""
    recorder, counts = counted
    calls = broken(monkeypatch, hook, RuntimeError)
    failure = ValueError("of the training")

    def pass_time() -> None:
        clock.tick(70)
        recorder.flush(5)

    def run_twice() -> list[Any]:
        return [watched(failure, pass_time), watched(None, pass_time)]

    seen = run_twice()
    pass_time()
    recorder.close()
    recorder.guard.take()

    assert seen == [plain(failure), plain(None)]
    assert calls, "the hook is on no path"
    errors = sum(counts.values())
    assert errors >= 1 if hook in REPEATS else errors == len(calls)


@pytest.mark.parametrize("hook", ON_THE_CALLER)
def test_an_interrupt_passes_every_hook(
    monkeypatch: pytest.MonkeyPatch, counted: tuple[Recorder, Counter[str]], hook: str
) -> None:
    """Ctrl-C while ours is at work reaches the training as it is, and is no error of ours."""
    recorder, counts = counted
    monkeypatch.setattr(type(recorder.writer), "start", lambda _: None)  # no Ctrl-C reaches it
    broken(monkeypatch, hook, KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt, match="of ours"):
        watched(None, lambda: None)
    monkeypatch.undo()
    recorder.flush(5)

    assert counts == {}


# --------------------------------------------------------------------------------------- hostile


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
    core = qgm.observe(Core(None))

    assert core.fit([1], iterations=1, core="mine") == [1.0]
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
