"""Whatever of ours breaks, and whatever the training hands us, the training is the same."""

import functools
import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.lifecycle import Recorder
from qgm_observe.records import Estimate

from .conftest import REMOTE, Clock, ProviderJob


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


ON_THE_CALLER = [
    "lifecycle.recording:describe",
    "lifecycle.provider_job:id_of",
    "lifecycle.provider_job:tag",
    "lifecycle.provider_job:times",
    "lifecycle.job_facts:size_of",
    "lifecycle.observe:keep_parameters",
    "lifecycle.observe:run_to_resume",
    "lifecycle.observe:_options",
    "lifecycle.observe:_Eye._backend",
    "lifecycle.observe:_Eye._place",
    "lifecycle.observe:_Eye._saw",
    "lifecycle.run:Meter",
    "lifecycle.run:Window",
]
ON_AN_ERROR = [
    "lifecycle.handle:classify",
    "lifecycle.handle:outcome_of",
]
ON_THE_WRITER = [
    "lifecycle.events:opened",
    "lifecycle.events:finished",
    "lifecycle.events:attempted",
    "lifecycle.events:said",
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
