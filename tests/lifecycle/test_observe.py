"""What `observe(core)` sees of a core, and that the core does not notice."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qgm_observe as qgm
from qgm_observe.errors import UsageError
from qgm_observe.journal import Event
from qgm_observe.lifecycle import Recorder

from .conftest import Clock

Rows = Callable[..., list[Event]]
pytestmark = pytest.mark.usefixtures("recorder")


class Submitted:
    """A local provider's job."""

    def job_id(self) -> str:
        return "p-1"

    def result(self) -> list[int]:
        return [1, 2, 3]


class Core:
    """A training core with every stage."""

    shots = 64
    backend = "aer"
    clock: Clock | None = None
    broken_at = -1

    def fit(self, data: list[int], *, iterations: int = 2, **_: Any) -> float:
        self.prepare(data)
        losses = [self.step(i) for i in range(iterations)]
        self.register()
        return losses[-1]

    def sample(self, shots: int) -> list[int]:
        return self.decode(self.execute(self.submit(self.compile("circuit"))))[:shots]

    def prepare(self, data: list[int]) -> None:
        self.data = data

    def step(self, index: int) -> float:
        circuit = self.compile(self.encode(index))
        if index == self.broken_at:
            raise ConnectionError
        loss = self.evaluate(self.decode(self.execute(self.submit(circuit))))
        self.optimize(loss)
        return loss

    def encode(self, index: int) -> int:
        return index

    def compile(self, circuit: Any) -> Any:
        if self.clock is not None:
            self.clock.tick(1)
        return circuit

    def submit(self, _circuit: Any) -> Submitted:
        return Submitted()

    def execute(self, job: Submitted) -> list[int]:
        return job.result()

    def decode(self, result: list[int]) -> list[int]:
        return result

    def evaluate(self, samples: list[int]) -> float:
        return sum(samples) / 10

    def optimize(self, loss: float) -> float:
        return loss

    def register(self) -> str:
        return "stored"


def test_every_stage_lands_where_it_belongs(rows: Rows) -> None:
    """Run stages are on the run, step stages on the step, job stages on one job a step."""
    qgm.observe(Core(), model="m").fit([1])

    (run,) = rows(verbs=("finished",), nouns=("run",))
    steps = rows(verbs=("finished",), nouns=("step",))
    jobs = rows(verbs=("finished",), nouns=("job",))
    names = [[[s[0] for s in e.body["stages"]] for e in events] for events in ([run], steps, jobs)]

    assert names[0] == [["prepare", "register"]]
    assert names[1] == [["encode", "evaluate", "optimize"]] * 2
    assert names[2] == [["compile", "submit", "queue", "execute", "decode"]] * 2
    assert [step.subject for step in steps] == [job.body["step"] for job in jobs]
    assert {"m"} == {e.body["model"] for e in (run, *steps, *jobs)}
    assert [(s.body["index"], s.body["loss"]) for s in steps] == [(0, 0.6), (1, 0.6)]
    assert jobs[0].body["attempts"][0]["provider_job_id"] == "p-1"


def test_the_core_is_the_same_object_with_the_same_results() -> None:
    """Observed or not, the object and what it returns are the same."""
    core = Core()

    assert core is qgm.observe(core)
    assert Core().fit([1]) == core.fit([1])
    assert Core().sample(2) == core.sample(2)


def test_sampling_outside_a_run_is_an_inference_job(rows: Rows) -> None:
    """`sample` on its own is one job of kind inference with its stages on it."""
    qgm.observe(Core()).sample(64)

    (job,) = rows(verbs=("finished",))

    assert (job.body["kind"], job.noun, job.run) == ("inference", "job", None)
    assert [s[0] for s in job.body["stages"]] == ["compile", "submit", "queue", "execute", "decode"]


def test_a_stage_may_have_another_name(rows: Rows) -> None:
    """A method that is not named like its stage is named to `observe`."""

    class Own:
        def fit(self, data: int) -> int:
            return self._transpile(data)

        def _transpile(self, data: int) -> int:
            return data

    assert qgm.observe(Own(), stages={"compile": "_transpile"}).fit(5) == 5

    (job,) = rows(verbs=("finished",), nouns=("job",))
    assert job.body["stages"][0][0] == "compile"


def test_an_error_passes_and_is_placed(rows: Rows) -> None:
    """What a core raises comes through unchanged; run and step fail, the job is not blamed."""
    core = qgm.observe(Core())
    core.broken_at = 1
    with pytest.raises(ConnectionError):
        core.fit([1], iterations=3)

    outcomes = [(e.noun, e.body["outcome"]) for e in rows(verbs=("finished",))]

    assert outcomes == [
        ("job", "success"),
        ("step", "success"),
        ("job", "success"),
        ("step", "failure"),
        ("run", "failure"),
    ]


def test_unobserve_restores_everything() -> None:
    """After `unobserve` nothing of ours is left on the object."""
    core = Core()
    before = dict(core.__dict__)

    assert core is qgm.unobserve(qgm.observe(qgm.observe(core)))
    assert before == core.__dict__


def test_copies_are_not_observed(path: Path, recorder: Recorder) -> None:
    """Pickle and deepcopy give a core without shadows that is wholly its own."""
    core = qgm.observe(Core())
    for twin in (pickle.loads(pickle.dumps(core)), copy.deepcopy(core)):
        assert Core().fit([1]) == twin.fit([1])
        assert "fit" not in twin.__dict__
        assert isinstance(twin, Core)

    assert recorder.flush(5)
    assert not path.exists()


def test_bad_use_is_refused_in_one_line() -> None:
    """No core, no dictionary, unknown stage, missing method: each says what to write."""

    class Slots:
        __slots__ = ()

        def fit(self) -> None: ...

    for wrong, stages, message in [
        (object(), {}, "__slots__"),
        (Slots(), {}, "__slots__"),
        (type("Nothing", (), {})(), {}, "fit or sample"),
        (Core(), {"transpile": "compile"}, "write one of"),
        (Core(), {"compile": "missing"}, "no method 'missing'"),
    ]:
        with pytest.raises(UsageError, match=message):
            qgm.observe(wrong, stages=stages)


def test_a_resume_is_one_run(rows: Rows, clock: Clock, tmp_path: Path) -> None:
    """Fit with resume and the same checkpoint goes on with the run, and times the restart."""
    first = qgm.observe(Core())
    first.broken_at = 2
    with pytest.raises(ConnectionError):
        first.fit([1], iterations=4, checkpoint=tmp_path)

    class Resumed(Core):
        def fit(self, data: list[int], **_: Any) -> float:
            self.prepare(data)
            return self.step(2)

    second = qgm.observe(Resumed())
    second.clock = clock
    second.fit([1], checkpoint=tmp_path, resume=True)
    opened = rows(verbs=("opened",), nouns=("run",))
    (again,) = rows(verbs=("reconciled",), nouns=("run",))

    assert len({event.subject for event in opened}) == 1
    assert again.body["resumed_from"] == 2
    assert again.body["restart_seconds"] == 1.0
    assert again.body["outcome"] == "success"


def test_data_under_any_name_and_secrets_stay_out(rows: Rows, tmp_path: Path) -> None:
    """The first argument of fit is never kept, nor are further lists and texts that are secrets."""

    class Named:
        def fit(self, samples: Any, *, validation: Any, token: str, rate: float, **_: Any) -> None:
            """Do nothing."""

    options = {"validation": [0.123], "token": "tiptop", "rate": 0.5, "note": "plain"}
    qgm.observe(Named()).fit([0.456, 0.789], checkpoint=tmp_path, **options)
    (run,) = rows(verbs=("finished",))
    told = run.body["attributes"]

    assert told == {
        "core": "Named",
        "validation": "<list>",
        "token": "<redacted>",
        "rate": 0.5,
        "note": "plain",
        "checkpoint": str(tmp_path),
    }
    assert "0.456" not in str(rows())


def test_a_core_made_of_stages_outside_a_step_still_has_jobs(rows: Rows) -> None:
    """Without steps, the order of the stages tells where one job ends and the next begins."""

    class Flat:
        def fit(self, n: int) -> None:
            for _ in range(n):
                self.compile()
                self.compile()
                self.execute()

        def compile(self) -> None: ...

        def execute(self) -> None: ...

    qgm.observe(Flat()).fit(2)

    jobs = rows(verbs=("finished",), nouns=("job",))
    assert [[s[0] for s in j.body["stages"]] for j in jobs] == [
        ["compile", "compile", "execute"]
    ] * 2
