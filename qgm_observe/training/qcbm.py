"""A quantum circuit Born machine: a parameterized circuit whose measured bitstrings are samples.

One optimizer step is one submission with all its circuits to a SamplerV2, so the same training runs
on an ideal simulator, on the noise of a calibration snapshot, and on hardware. Every stage of a
step is a public method, called through the instance, for observers to see.

Source: Benedetti et al., npj Quantum Information 5, 45 (2019); Liu and Wang, Physical Review A 98,
062324 (2018).
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qgm_observe.training.ansatz import born_circuit
from qgm_observe.training.checkpoints import Checkpoint, CheckpointStore, require_same, write_json
from qgm_observe.training.counts import by_bitstring, count_register
from qgm_observe.training.devices import Device, Job
from qgm_observe.training.gradients import GradientEstimator, Matrix, make_gradient
from qgm_observe.training.losses import Loss, Vector, make_loss
from qgm_observe.training.optimizers import Optimizer, make_optimizer
from qgm_observe.training.options import Options
from qgm_observe.training.provenance import (
    circuit_hash,
    describe_model,
    read_model,
    values_hash,
)
from qgm_observe.training.targets import Target, as_target
from qgm_observe.training.validation import require_integer

OnStep = Callable[[int, float], None]
Pub = tuple[Any, dict[tuple[Any, ...], Matrix]]
Compiler = Callable[[Any, Mapping[str, Any], Callable[[Any], Any]], Any]
"""Takes a circuit, what else decides the result, and what compiles; for instance a cache."""

_INITIAL, _PERTURBATIONS, _TRAINING_SHOTS, _SAMPLING_SHOTS = range(4)


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a training gave.

    Attributes:
        losses: Loss of each completed step, those before a resume included.
        parameters: Trained circuit parameters in radians, shape (P,).
        first_step: Index of the first step that this call ran; above zero after a resume.
        model: The trained model with its provenance, as `QCBM.register` returns it.
    """

    losses: tuple[float, ...]
    parameters: Vector
    first_step: int
    model: dict[str, Any]


@dataclass(kw_only=True, eq=False)
class QCBM(Options):
    """A circuit Born machine on a device.

    Build it as `QCBM(device, shots=1024, seed=0, ...)` with the settings of `Options` by name.

    Attributes:
        device: Where circuits run.
        compiler: Compiles in place of the core, which remembers only what it compiled itself.
        target: What is learned; None before `prepare`.
        circuit: The circuit before compilation; None before `prepare`.
        parameters: Circuit parameters in radians, shape (P,); None before `prepare`.
        losses: Loss of each completed step.

    Raises:
        ValueError: If a setting is out of range or unknown; one line says what to write.
    """

    device: Device = field(kw_only=False)
    compiler: Compiler | None = field(default=None, repr=False)
    target: Target | None = field(default=None, init=False)
    circuit: Any = field(default=None, init=False, repr=False)
    parameters: Vector | None = field(default=None, init=False, repr=False)
    losses: list[float] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._store: CheckpointStore | None = None
        self._resuming = False
        self._compiled: dict[str, Any] = {}
        self._samplings = 0
        self._job_seed = self._seed_of(_TRAINING_SHOTS, 0)

    @property
    def backend(self) -> Any:
        """The backend that circuits are compiled for; it has a `name`."""
        return self.device.backend

    @property
    def last_loss(self) -> float | None:
        """Loss of the last completed step; None before the first."""
        return self.losses[-1] if self.losses else None

    def fit(
        self,
        target: Target | Mapping[str, float] | ArrayLike,
        *,
        iterations: int,
        checkpoint: Path | None = None,
        resume: bool = False,
        on_step: OnStep | None = None,
    ) -> FitResult:
        """Train until `iterations` steps are completed.

        Args:
            target: What to learn, see `targets.as_target`.
            iterations: Number of steps in all, those before a resume included.
            checkpoint: Folder for a checkpoint after every step, and for the trained model.
            resume: Whether to go on from the folder's newest checkpoint, if there is one. The
                result is that of a training that never stopped, to the last bit on simulators.
            on_step: Called after each completed step with its index and loss.

        Raises:
            ValueError: If an argument is refused, or the folder holds another training.
        """
        require_integer("iterations", iterations, 1)
        self._store = self._open(checkpoint, resume=resume)
        self._resuming = resume
        self.prepare(target)
        first = len(self.losses)
        for index in range(first, iterations):
            loss = self.step(index)
            self._save()
            if on_step is not None:
                on_step(index, loss)
        model = self.register()
        return FitResult(tuple(self.losses), self._trained(), first, model)

    def sample(self, shots: int) -> dict[str, int]:
        """Draw bitstrings from the trained circuit.

        Each call draws anew; on simulators the sequence of calls since `fit` follows from the seed.

        Returns:
            How often each bitstring was measured.

        Raises:
            ValueError: If shots is not a positive integer, or nothing was trained.
        """
        require_integer("shots", shots, 1)
        self._job_seed = self._seed_of(_SAMPLING_SHOTS, self._samplings)
        self._samplings += 1
        pubs = self._pubs(self.encode(self._trained()))
        return by_bitstring(self.decode(self.execute(self.submit(pubs, shots=shots)))[0])

    def exact(self) -> Vector:
        """Compute what the trained circuit would sample without noise: shape (2^n,).

        Raises:
            ValueError: If nothing was trained.
        """
        from qiskit.quantum_info import Statevector

        bound = self.circuit.assign_parameters(self._trained())
        state = Statevector(bound.remove_final_measurements(inplace=False))
        return np.asarray(state.probabilities(), dtype=np.float64)

    def prepare(self, data: Target | Mapping[str, float] | ArrayLike) -> None:
        """Take up the target, build the circuit, and set small angles or the resumed state.

        Raises:
            ValueError: If the data are no target, or a checkpoint does not belong to the training.
        """
        self.target = as_target(data)
        self.circuit = self._ansatz(self.target.num_qubits)
        self._objective: Loss = make_loss(
            self.loss,
            self.target.probabilities,
            bandwidths=self.bandwidths,
            clip=self.clip,
            entropy_weight=self.entropy_weight,
        )
        self._estimator: GradientEstimator = make_gradient(
            self.gradient, perturbation=self.perturbation, directions=self.directions
        )
        self._optimizer: Optimizer = make_optimizer(self.optimizer, self.learning_rate)
        self._random = np.random.default_rng([self.seed, _PERTURBATIONS])
        draw = np.random.default_rng([self.seed, _INITIAL])
        self.parameters = draw.normal(0, self.initial_angle, self.circuit.num_parameters)
        self.losses = []
        self._samplings = 0
        if self._resuming and self._store is not None:
            self._restore(self._store.latest())

    def step(self, index: int) -> float:
        """Run one iteration of the optimizer as one submission.

        Args:
            index: Number of the step, from 0.

        Returns:
            The loss at the parameters before the step.
        """
        self._required_target()
        self._job_seed = self._seed_of(_TRAINING_SHOTS, index)
        points = self.encode(self._trained(), index)
        counts = self.decode(self.execute(self.submit(self._pubs(points))))
        loss = self.evaluate(counts)
        self.optimize(points, counts)
        self.losses.append(loss)
        return loss

    def encode(self, parameters: Vector, index: int | None = None) -> Matrix:
        """List the parameter values of every circuit of a submission, the center first.

        Args:
            parameters: Center of shape (P,).
            index: Number of the step whose gradient is wanted; None for the center alone.

        Returns:
            Shape (circuits, P).
        """
        if index is None:
            return parameters[np.newaxis].copy()
        return self._estimator.points(parameters, index, self._random)

    def compile(self, circuit: Any) -> Any:
        """Translate a circuit for the backend; each structure is translated once.

        Returns:
            A circuit of the backend's own instructions on its own qubits.
        """
        options = {
            "optimization_level": self.optimization_level,
            "seed_transpiler": self.seed % 2**31,
        }
        if self.compiler is not None:
            return self.compiler(circuit, options, lambda each: self._translate(each, options))
        structure = circuit_hash(circuit)
        if structure not in self._compiled:
            self._compiled[structure] = self._translate(circuit, options)
        return self._compiled[structure]

    def _translate(self, circuit: Any, options: Mapping[str, int]) -> Any:
        from qiskit.transpiler import generate_preset_pass_manager

        return generate_preset_pass_manager(backend=self.backend, **options).run(circuit)

    def submit(self, pubs: Iterable[Pub], *, shots: int | None = None) -> Job:
        """Hand all circuits of a step to the sampler at once.

        Args:
            pubs: Compiled circuits with the values of their parameters.
            shots: Shots of each circuit; the core's own number if None.

        Returns:
            The sampler's job; its `result()` waits.
        """
        sampler = self.device.seeded(self._job_seed)
        return sampler.run(list(pubs), shots=self.shots if shots is None else shots)

    def execute(self, job: Job) -> Any:
        """Wait for a job's result: queue and execution hide in here."""
        return job.result()

    def decode(self, result: Any) -> NDArray[np.int64]:
        """Count bitstrings: one row of shape (2^n,) for each circuit of the submission."""
        return np.vstack([count_register(pub.join_data()) for pub in result])

    def evaluate(self, counts: NDArray[np.int64]) -> float:
        """Give the loss of the unshifted circuit, the first row of the counts."""
        return self._objective.value(counts[0])

    def optimize(self, points: Matrix, counts: NDArray[np.int64]) -> Vector:
        """Move the parameters against the gradient and return the new ones, shape (P,)."""
        gradient = self._estimator.gradient(points, counts, self._objective)
        self.parameters = self._optimizer.step(points[0], gradient)
        return self.parameters

    def register(self) -> dict[str, Any]:
        """Describe the trained model: parameters and what they rest on.

        With a checkpoint folder the description is written there as `model.json`.

        Returns:
            Numbers, strings, lists and dictionaries, as JSON keeps them.
        """
        model = describe_model(
            self._required_target(),
            self._trained(),
            losses=self.losses,
            settings=self.settings(),
            device=self.device,
            structure=circuit_hash(self.circuit),
        )
        if self._store is not None:
            path = self._store.folder / "model.json"
            _go_on_without(path, lambda: write_json(path, model))
        return model

    @classmethod
    def load(cls, model: Mapping[str, Any] | Path, device: Device) -> Self:
        """Bring a registered model back, ready to sample.

        Args:
            model: What `register` returned, or the file it wrote.
            device: Where the model's circuit shall run.

        Raises:
            ValueError: If the file is no registered model.
        """
        if isinstance(model, Path):
            model = read_model(model)
        core = cls(device, **model["settings"])
        core.circuit = core._ansatz(model["num_qubits"])
        core.parameters = np.array(model["parameters"], dtype=np.float64)
        return core

    def _ansatz(self, num_qubits: int) -> Any:
        available = self.backend.num_qubits
        if available is not None and available < num_qubits:
            raise ValueError(
                f"the target needs {num_qubits} qubits and device {self.device.name!r} has "
                f"{available}: load the device with num_qubits={num_qubits}"
            )
        return born_circuit(num_qubits, self.rotations, self.entanglement, self.reps)

    def _pubs(self, points: Matrix) -> list[Pub]:
        compiled = self.compile(self.circuit)
        columns = {angle.name: column for column, angle in enumerate(self.circuit.parameters)}
        kept = tuple(compiled.parameters)
        return [(compiled, {kept: points[:, [columns[angle.name] for angle in kept]]})]

    def _seed_of(self, stream: int, number: int) -> int:
        state = np.random.SeedSequence([self.seed, stream, number]).generate_state(1)
        return int(state[0]) >> 1

    def _open(self, folder: Path | None, *, resume: bool) -> CheckpointStore | None:
        if folder is None:
            if resume:
                raise ValueError("resume needs the folder of the checkpoints: write checkpoint=...")
            return None
        store = CheckpointStore(Path(folder), self.keep_checkpoints)
        store.open()
        if not resume and store.latest() is not None:
            raise ValueError(
                f"{folder} already holds checkpoints: write resume=True to go on, or another folder"
            )
        return store

    def _restore(self, saved: Checkpoint | None) -> None:
        if saved is None:
            return
        require_same(saved.settings, self._identity())
        self.parameters = np.array(saved.parameters, dtype=np.float64)
        self.losses = list(saved.losses)
        self._optimizer.restore(saved.optimizer)
        self._random.bit_generator.state = saved.random

    def _save(self) -> None:
        if self._store is None:
            return
        store = self._store
        state = Checkpoint(
            step=len(self.losses),
            parameters=self._trained().tolist(),
            optimizer=self._optimizer.state(),
            random=dict(self._random.bit_generator.state),
            losses=list(self.losses),
            settings=self._identity(),
        )
        _go_on_without(store.folder, lambda: store.save(state))

    def _identity(self) -> dict[str, Any]:
        target = self._required_target()
        settings = {**self.settings(), "target": values_hash(target.probabilities)}
        return {name: value for name, value in settings.items() if name != "keep_checkpoints"}

    def _required_target(self) -> Target:
        if self.target is None:
            raise ValueError("nothing is prepared: call fit(target, iterations=...) first")
        return self.target

    def _trained(self) -> Vector:
        if self.parameters is None:
            raise ValueError("nothing is trained: call fit(target, iterations=...) first")
        return self.parameters


def _go_on_without(path: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as problem:
        warnings.warn(f"{path} is not written, training goes on: {problem}", stacklevel=3)
