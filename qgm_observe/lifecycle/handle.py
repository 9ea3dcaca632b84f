"""What run, step, job and session handles share: stamps, outcome, context.

The hot path only reads clocks and appends; a handle that has ended goes into the ring as it is,
and the writer makes an event of it later.
"""

import contextvars
import copy
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from qgm_observe.catalog import STAGES, Outcome
from qgm_observe.errors import UsageError
from qgm_observe.lifecycle import judging
from qgm_observe.lifecycle.decorators import decorated
from qgm_observe.lifecycle.failures import classify, outcome_of
from qgm_observe.lifecycle.identity import new_id
from qgm_observe.lifecycle.recording import Recording
from qgm_observe.records import Estimate, Failure, Verdict, Work

if TYPE_CHECKING:
    from qgm_observe.quality.encoding import Encoding
    from qgm_observe.quality.input_drift import InputDrift
    from qgm_observe.quality.parameter_drift import Movement
    from qgm_observe.spend.guards import BudgetGuard
    from qgm_observe.spend.limits import Limits

Function = TypeVar("Function", bound=Callable[..., Any])

SUCCESS = Outcome.SUCCESS
"""Python 3.11 takes longer to find an enum's member than a mark takes in all."""

_STAGE_NAMES = frozenset(STAGES)
"""Looked into with every mark, and a set answers twice as fast as a dictionary."""

_current: contextvars.ContextVar["Handle | None"] = contextvars.ContextVar("qgm", default=None)
current = _current.get
set_current = _current.set
reset_current = _current.reset
"""`current()` gives the innermost open handle of this context, or `None`."""


class StageBlock:
    """`with handle.stage("compile"):` times one stage on its handle."""

    __slots__ = ("_handle", "_name", "_start")

    def __init__(self, handle: "Handle", name: str) -> None:
        self._handle = handle
        self._name = name

    def __enter__(self) -> Self:
        handle = self._handle
        handle.stage_now = self._name
        self._start = handle.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        handle = self._handle
        handle.stamps.extend((self._name, self._start, handle.now()))
        handle.stage_now = None
        if error is not None:
            handle.saw(error, self._name)


class Handle:
    """Something that is going on: a context manager, sync or async, or a decorator.

    Attributes:
        stamps: What the clock said, flat because that spares the garbage collector: a stage's
            name, its start, its end (a mark has none and lasts until the next mark), and `True`
            where the provider told the times. Nanoseconds of the local monotonic clock.
        wall: When it began, epoch nanoseconds: its one anchor to the wall clock, set by the
            writer within a second, before that 0.
    """

    noun: ClassVar[str]
    inside: ClassVar[frozenset[str]]
    id_bits: ClassVar[int] = 64

    number = 0
    wall = 0
    started = 0
    ended = 0
    stage_now: str | None = None
    told = False
    outcome: Outcome | None = None
    failure: Failure | None = None
    failed_with: BaseException | None = None
    attributes: dict[str, Any] | None = None
    encoded_as: str | None = None
    limits: "Limits | None" = None
    budget: "BudgetGuard | None" = None
    _span: Any = None
    _token: Any = None
    kept: list[tuple[str, bytes | Callable[[], bytes]]] | None = None

    def __init__(
        self, recorder: Recording, parent: "Handle | None", given: dict[str, Any] | None = None
    ) -> None:
        self.recorder = recorder
        self.parent = parent
        self.given = given
        self.now = recorder.now
        self.work: Work = recorder.work
        self.stamps: list[str | int] = []
        self.ended = 0  # an instance's own attributes are read several times faster
        self.outcome = self.failed_with = self._span = None

    @property
    def id(self) -> str:
        """32 hexadecimal digits for a run, 16 for the rest."""
        number = self.number or self.__dict__.setdefault("number", new_id(self.id_bits))
        return f"{number:0{self.id_bits // 4}x}"

    def __enter__(self) -> Self:
        try:
            self.begin()
            self._token = set_current(self)
            span = self.recorder.span
            if span is not None and span.get_context() is not span.context:
                self._span = span.enter()
        except BaseException as error:  # an interrupt: no exit will follow
            if current() is self:
                set_current(self.parent)
            self.end(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            if self._span is not None and self.recorder.span is not None:
                self.recorder.span.leave(self._span)
                self._span = None
            if error is not None and not isinstance(error, Exception):
                self._end_left(error)
            token, self._token = self._token, None  # kept, it would be one more to collect
            reset_current(token)
        except ValueError:  # a generator may be closed in another context
            set_current(self.parent)
        finally:  # also when an interrupt strikes just here
            try:
                self.end(error)
            except BaseException:
                self.end(error)
                raise

    def _end_left(self, error: BaseException) -> None:
        """End what was entered inside and never left: an interrupt struck as it was leaving."""
        left: list[Handle] = []
        inner = current()
        while inner is not None and inner is not self:
            left.append(inner)
            inner = inner.parent
        for each in left if inner is self else ():
            each.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def begin(self) -> Self:
        """Begin without a `with` block; `end` has to follow."""
        parent = self.parent or current()
        while parent is not None and parent.ended and parent is not self.parent:
            parent = parent.parent  # an interrupt left it behind as the current one
        parent = parent or self.recorder.outer
        if parent is not None:
            self.parent = parent if parent.noun in self.inside else parent.parent
            self.work = parent.work
        recorder = self.recorder
        if self.given:
            self.work = recorder.work_of(self.work, self.given)
        self.epoch = recorder.epoch
        if not recorder.started:
            recorder.start()
        now = self.now
        self.started = now()
        recorder.open.add(self)
        return self

    def end(
        self, error: BaseException | None = None, outcome: Outcome | None = None, at: int = 0
    ) -> None:
        """End, with the exception that ended it if there was one; only the first call counts."""
        recorder = self.recorder
        if self.ended or not self.started or self.epoch != recorder.epoch:
            return
        now = self.now
        self.ended = at or now()
        if error is not None:
            self.saw(error, self.at_stage)
            self.outcome = Outcome.FAILURE
            with recorder.guard("failure"):
                self.outcome = outcome_of(error)
        elif self.outcome is None:
            self.outcome = outcome or SUCCESS
        if self.failed_with is not None:
            self.failed_with = None
            if self.outcome is SUCCESS:
                self.failure = None
        waiting = len(recorder.ring)
        if waiting < recorder.room:
            recorder.ring.append(self)
            if waiting == recorder.brim:
                recorder.hurry()
        else:
            self.told = True
            recorder.surplus(self)
        recorder.open.discard(self)  # last: what an interrupt left half ended is found there

    def stage(self, name: str) -> StageBlock:
        """Return a block that times one stage.

        Raises:
            UsageError: no stage has this name.
        """
        if name in _STAGE_NAMES:
            return StageBlock(self, name)
        raise _no_stage(name)

    def mark(self, name: str) -> None:
        """Begin a stage here and end the one that was marked before.

        Raises:
            UsageError: no stage has this name.
        """
        if name not in _STAGE_NAMES:
            raise _no_stage(name)
        now = self.now  # Python 3.11 takes longer to find an attribute that is called at once
        self.stamps.extend((name, now()))

    def stamp(self, name: str, start: int, end: int, *, by_provider: bool = False) -> None:
        """Add a stage that was timed elsewhere, in nanoseconds of this handle's clock."""
        self.stamps.extend((name, start, max(start, end)))
        if by_provider:
            self.stamps.append(True)

    @property
    def at_stage(self) -> str | None:
        """The stage that goes on now, or `None`."""
        if self.stage_now is None and self.stamps and isinstance(self.stamps[-2], str):
            return self.stamps[-2]
        return self.stage_now

    @property
    def place(self) -> int | None:
        """The number of the stage that goes on, as its span is numbered, or `None`."""
        if self.at_stage is None:
            return None
        begun = sum(isinstance(stamp, str) for stamp in self.stamps)
        return begun if self.stage_now is not None else begun - 1

    def note(self, **attributes: Any) -> None:
        """Keep facts with the record; they never become labels."""
        if self.attributes is None:
            self.attributes = {}
        self.attributes.update(attributes)

    def keep(self, kind: str, data: bytes | Callable[[], bytes]) -> None:
        """Keep a blob with the record, if the settings' capture level includes its kind.

        Args:
            kind: `circuits`, `parameters`, `calibration`, `counts` or `compile_log`.
            data: The bytes, or a function that makes them later on the writer's thread.
        """
        if self.kept is None:
            self.kept = []
        self.kept.append((kind, data))

    def estimate(self, estimate: Estimate) -> None:
        """Keep a statistic about this run, step or job."""
        self.recorder.say(self, estimate)

    def _say(self, told: Estimate | Verdict, facts: Mapping[str, Any] | None = None) -> None:
        self.recorder.say(self, told, facts)

    def inputs(
        self, window: Mapping[str, Any], reference: Mapping[str, Any], **options: Any
    ) -> "tuple[InputDrift, ...]":
        """Tell whether the inputs have drifted from a frozen reference, and record it.

        Args:
            window: Feature name to values, shape (m,) or (m, d). None of them is kept.
            reference: The same features of an accepted time.
            options: See `qgm_observe.quality.input_drift.input_drift`.

        Raises:
            UsageError: the features differ, or are no numbers or categories.
            MissingExtra: numpy or scipy is not installed.
        """
        return judging.judge_inputs(self._say, window, reference, options)

    def encoding(
        self, encoding: "Encoding", *, training: "Encoding | None" = None, **tables: Any
    ) -> tuple[str, ...]:
        """Tell how data are encoded: its version is on this record and all inside.

        Args:
            encoding: A `qgm_observe.quality.encoding.Encoding`.
            training: That of the training; without it, and where `kind` is not `training`, what
                the newest training of the model in the journal has told.
            tables: `raw` and `encoded` (shape (rows, features), see `transform_coverage`), and
                `failures` (rows that failed, by kind of error) of `rows`. No value is kept.

        Returns:
            The parts that differ from the training's, none where they match or nobody knows.

        Raises:
            UsageError: an argument cannot be read.
            MissingExtra: numpy or scipy is not installed.
        """
        self.encoded_as = judging.name_of(encoding)
        is_training = str(self.work.kind) == "training"
        if training is None and not is_training:
            training = judging.trained(self.recorder, self.work)
        return judging.judge_encoding(
            self._say, encoding, training, tables, is_training=is_training
        )

    def parameters(self, vector: Any, reference: Any, **options: Any) -> "tuple[Movement, ...]":
        """Tell whether parameters have moved from accepted ones, and record it.

        Args:
            vector: Shape (P,), radians for angles, or numbers by name.
            reference: The accepted ones.
            options: See `qgm_observe.quality.parameter_drift.parameter_drift`.

        Raises:
            UsageError: an argument cannot be read.
            MissingExtra: numpy or scipy is not installed.
        """
        return judging.judge_parameters(self._say, vector, reference, options)

    def saw(self, error: BaseException, stage: str | None) -> None:
        """Remember the innermost place an exception came through."""
        if self.failed_with is not error:
            self.failed_with = error
            with self.recorder.guard("failure"):
                self.failure = classify(error, stage)

    def __call__(self, function: Function) -> Function:
        """Decorate a function, coroutine function or generator: each call is one of these."""
        return cast("Function", decorated(self.again, function))

    def again(self) -> Self:
        """Return a fresh handle with the same arguments."""
        twin = copy.copy(self)
        twin.stamps = []
        twin.budget = None
        return twin


def _no_stage(name: object) -> UsageError:
    return UsageError(f"stage {name!r}: write one of {', '.join(STAGES)}")
