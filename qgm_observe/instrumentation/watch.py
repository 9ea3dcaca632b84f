"""One job as the hooks see it, on the script's thread and on the primitive's."""

from collections.abc import Callable
from typing import Any

from qgm_observe.catalog import Outcome
from qgm_observe.instrumentation.pubs import Size, coerced, size_of_pubs
from qgm_observe.lifecycle import JobHandle, recorder
from qgm_observe.lifecycle.provider_job import id_of


class Watch:
    """Stamps the stages of one job and ends it when its work ends.

    Args:
        job: Its handle.
        owned: Whether the hook began the job, and so has to end it.
        size: Tells circuits and shots of the call.
    """

    def __init__(self, job: JobHandle, size: Callable[[], Size], *, owned: bool) -> None:
        self.job = job
        self.now = job.now
        self._size = size
        self._owned = owned
        self._attempt = job.intend()
        if job.remote:
            recorder().commit(self._attempt, "intent")
        job.stage_now = "submit"
        self._started = self.now()
        self._handed = self._begun = self._simulated = 0

    def refused(self, error: BaseException) -> None:
        """The call itself failed."""
        self.job.stamp("submit", self._started, self.now())
        self._attempt.ended(error, "submit")
        self._end(error, "submit")

    def accepted(self, answer: Any) -> None:
        """The call returned, and its work is not on a thread of ours: a provider has it."""
        if self._handed:
            return
        job, attempt = self.job, self._attempt
        job.stamp("submit", self._started, self.now())
        attempt.provider = answer
        job.submitted(attempt)
        recorder().commit(attempt, "submitted")
        self._take_size(None)

    def finished(self, error: BaseException | None, value: Any = None) -> None:
        """The provider's job ended."""
        self.job.waited(self._attempt, error)
        self.job.sized(value)
        self._end(error, "execute")

    def cancelled(self) -> None:
        """The job was taken back before it was done."""
        self._attempt.outcome = Outcome.CANCELLED
        self._attempt.provider = None
        self.job.outcome = Outcome.CANCELLED
        self._end(None, "queue")

    # ------------------------------------------------------------ on a primitive's own thread

    @property
    def has_thread(self) -> bool:
        """Whether a thread of this process has the work."""
        return bool(self._handed)

    def handed(self, primitive_job: Any) -> None:
        """The primitive hands the work to a thread of its own."""
        self._handed = self.now()
        self.job.stamp("submit", self._started, self._handed)
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
        """The thread is done with the work."""
        end = self.now()
        decoding = self._begun < self._simulated
        if not self.job.remote and not self.job.ended:
            executed = self._simulated if decoding else end
            self.job.stamp("queue", self._handed, self._begun)
            self.job.stamp("execute", self._begun, executed)
            if decoding:
                self.job.stamp("decode", executed, end)
        self._attempt.ended(error, "execute")
        self.job.sized(value)
        self._end(error, "decode" if decoding else "execute", end)

    def _take_size(self, primitive_job: Any) -> None:
        """The pubs that a primitive has coerced already are preferred to coercing them again."""
        size, self._size = self._size, _unknown
        with recorder().guard("instrumentation"):
            pubs = coerced(getattr(primitive_job, "_args", ()))
            circuits, shots = size() if pubs is None else size_of_pubs(pubs)
            self.job.circuits = self.job.circuits or circuits
            self.job.shots = self.job.shots or shots

    def _end(self, error: BaseException | None, stage: str, at: int = 0) -> None:
        self.job.stage_now = None
        if error is not None:
            self.job.saw(error, stage)
        if self._owned:
            self.job.end(error, at=at)


def _unknown() -> Size:
    return None, None
