"""One job as the hooks see it, on the script's thread and on the primitive's."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any

from qgm_observe.catalog import ErrorClass, Outcome
from qgm_observe.errors import BudgetExceeded
from qgm_observe.instrumentation import scoring
from qgm_observe.instrumentation.circuit_facts import facts_of
from qgm_observe.instrumentation.pubs import UNKNOWN, Asked, asked_of_pubs, coerced
from qgm_observe.instrumentation.scope import saw_job
from qgm_observe.lifecycle import AttemptHandle, JobHandle, collecting, recorder
from qgm_observe.lifecycle.provider_job import id_of
from qgm_observe.records import Failure

Ending = tuple[Outcome, ErrorClass]
"""How a provider's job ended that did not run through, and why."""

_FINAL = {"DONE", "ERROR", "CANCELLED"}


class Watch:
    """Stamps the stages of one job and ends it when its work ends.

    Args:
        job: Its handle.
        ask: Tells what the call asks for.
        owned: Whether the hook began the job, and so has to end it.
        asked: The primitive or backend that is asked.

    Attributes:
        collected: The attempt of an earlier process of the run that stands for the call.
    """

    def __init__(
        self, job: JobHandle, ask: Callable[[], Asked], *, owned: bool, asked: Any = None
    ) -> None:
        self.job = job
        self.now = job.now
        self.is_over = False
        self.asked = asked
        self.is_awaited = False
        self.then: Callable[[], None] | None = None
        self._ask = ask
        self._owned = owned
        saw_job(job)
        self.collected = self._collected() if job.remote else None
        self._attempt = self.collected or self._intended()
        if job.remote and self.collected is None:
            recorder().commit(self._attempt, "intent")
        job.stage_now = "submit"
        self._started = self.now()
        self._handed = self._begun = self._simulated = 0
        self._turn = Lock()
        self._accepted = False
        self._handed_to: Any = None
        self._pending: tuple[BaseException | None, Any, int] | None = None

    def _collected(self) -> AttemptHandle | None:
        """Take what an earlier process of the run submitted, if it certainly is the same."""
        job, found, service = self.job, None, None
        pubs = self._take_size(None)
        with recorder().guard("collect"):
            found = collecting.earlier(job)
            if found is not None and pubs:
                service = collecting.service_for(job, found, self.asked)
        return None if found is None or service is None else job.collect(found, service)

    def _intended(self) -> AttemptHandle:
        """Begin the attempt; a guard has to know how much is asked for."""
        try:
            if self.job.is_guarded and self.job.shots is None:
                with recorder().guard("instrumentation"):
                    asked = self._ask()
                    self._ask = lambda: asked
                    self.job.circuits, self.job.shots = asked.circuits, asked.shots
            return self.job.intend()
        except BudgetExceeded as error:
            if self._owned:
                self.job.end(error)
            raise

    @staticmethod
    def nothing_asked() -> Asked:
        """What a program asks for that says nothing of circuits and shots."""
        return UNKNOWN

    def refused(self, error: BaseException) -> None:
        """The call itself failed."""
        self.job.stamp("submit", self._started, self.now())
        self.job.concluded(self._attempt, error, "submit")
        self._end(error, "submit")

    def accepted(self, answer: Any) -> None:
        """The call returned; from now on the job ends when what it returned is done."""
        with self._turn:
            self._accepted = True
            pending, self._pending = self._pending, None
        future = getattr(answer, "_future", None)
        if self._handed and pending is None:
            return  # the thread tells
        if pending is not None and (not isinstance(future, Future) or future is self._future()):
            self._done(*pending)
        elif self.job.remote:
            self._submitted(answer)
            recorder().commit(self._attempt, "submitted")
        elif isinstance(future, Future):
            self.handed(answer)
            self._begun = self._handed
            future.add_done_callback(self._settled)
        elif _is_final(answer):
            self._take_size(answer)
            self.job.stamp("execute", self._started, self.now())
            self._attempt.provider_job_id = id_of(answer)
            self.job.concluded(self._attempt, None, "execute")
            scoring.score(self.job, answer)
            self._end(None, "execute")
        else:
            self._submitted(answer)

    def _future(self) -> Any:
        return getattr(self._handed_to, "_future", None)

    def _submitted(self, answer: Any) -> None:
        self.job.stamp("submit", self._started, self.now())
        self._attempt.provider = answer
        self.job.submitted(self._attempt)
        self._take_size(None)

    # ----------------------------------------------------------------------------- elsewhere

    def runs(self) -> None:
        """The provider says that it works on the job."""
        self.job.waiting = 0
        self.job.stage_now = "execute"

    def finished(
        self, error: BaseException | None, value: Any = None, ending: Ending | None = None
    ) -> None:
        """The provider's job ended, and the provider may say more of it than the exception."""
        if self.is_over:
            return
        self.job.waited(self._attempt, error)
        if ending is not None and self._attempt.failure is not None and error is not None:
            outcome, why = ending
            self.failed(outcome, why, self._attempt.failure.type)
            return
        self.job.sized(value)
        scoring.score(self.job, value)
        self._end(error, "execute")

    def failed(self, outcome: Outcome, why: ErrorClass, told: str) -> None:
        """The provider's job ended otherwise than well, and no exception tells it."""
        self.job.waiting = 0
        failure = Failure(why, told, "execute")
        self._attempt.outcome, self._attempt.failure = outcome, failure
        self.job.outcome, self.job.failure = outcome, failure
        self._end(None, "execute")

    def cancelled(self) -> None:
        """The job was taken back before it was done."""
        if self._handed:
            self.job.stamp("submit", self._started, self._handed)
        self.job.waiting = 0
        self._attempt.outcome = Outcome.CANCELLED
        self._attempt.provider = None
        self.job.outcome = Outcome.CANCELLED
        self._end(None, "queue")

    # ------------------------------------------------------------ on a primitive's own thread

    @property
    def has_thread(self) -> bool:
        """Whether a thread of this process has the work, and is not done with it."""
        return bool(self._handed) and self._pending is None

    def handed(self, primitive_job: Any) -> None:
        """The primitive hands the work to a thread of its own."""
        self._handed, self._pending = self.now(), None
        self._handed_to = primitive_job
        self._begun = self._simulated = 0
        self.job.stage_now = None if self.job.remote else "queue"
        if not self.job.remote:  # the id of a local wrapper tells nothing about a remote job
            self._attempt.provider_job_id = id_of(primitive_job)
        self._take_size(primitive_job)

    def begun(self) -> None:
        """The thread begins with the work."""
        self._begun = self.now()
        if not self.job.remote:
            self.job.stage_now = "execute"

    def simulated(self) -> None:
        """A simulator gave its result; what comes after the last one is decoding."""
        self._simulated = self.now()

    def done(self, error: BaseException | None, value: Any = None) -> None:
        """The thread is done with the work; a primitive made of others may go on with the next."""
        end = self.now()
        with self._turn:
            if not self._accepted:
                self._pending = error, value, end
                return
        self._done(error, value, end)

    def _done(self, error: BaseException | None, value: Any, end: int) -> None:
        if self.is_over:
            return
        decoding = self._begun < self._simulated
        if not self.job.ended:
            self.job.stamp("submit", self._started, self._handed)
        if not self.job.remote and not self.job.ended:
            executed = self._simulated if decoding else end
            self.job.stamp("queue", self._handed, self._begun)
            self.job.stamp("execute", self._begun, executed)
            if decoding:
                self.job.stamp("decode", executed, end)
        self.job.concluded(self._attempt, error, "execute")
        self.job.sized(value)
        scoring.score(self.job, value)
        self._end(error, "decode" if decoding else "execute", end)

    def _settled(self, future: "Future[Any]") -> None:
        with recorder().guard("instrumentation"):
            if future.cancelled():
                self.cancelled()
            else:
                error = future.exception()
                self.done(error, None if error else future.result())

    def _take_size(self, primitive_job: Any) -> tuple[Any, ...]:
        """The pubs that a primitive has coerced already are preferred to coercing them again."""
        ask, self._ask = self._ask, lambda: UNKNOWN
        with recorder().guard("instrumentation"):
            pubs = coerced(getattr(primitive_job, "_args", ()))
            asked = ask() if pubs is None else asked_of_pubs(pubs)
            self.job.circuits = self.job.circuits or asked.circuits
            self.job.shots = self.job.shots or asked.shots
            circuits = facts_of(asked.sources)
            if circuits:
                self.job.note(circuits=circuits)
            self.job.asked_for(self.asked, asked.pubs or asked.sources)
            return asked.pubs
        return ()

    def _end(self, error: BaseException | None, stage: str, at: int = 0) -> None:
        self.is_over, self._handed_to = True, None
        self.job.stage_now = None
        if error is not None:
            self.job.saw(error, stage)
        if self._owned:
            self.job.end(error, at=at)
        if self.then is not None:
            self.then()


def _is_final(answer: Any) -> bool:
    try:
        status = answer.status()
        return str(getattr(status, "name", status)).upper() in _FINAL
    except Exception:  # noqa: BLE001  what does not answer is unknown
        return False
