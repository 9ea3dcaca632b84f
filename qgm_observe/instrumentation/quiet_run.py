"""A run that may turn out to be none: a test, or a notebook's cell, without quantum work in it."""

from typing import Any, Self

from qgm_observe.journal import TERMINAL, Store
from qgm_observe.lifecycle import Handle, JobHandle, RunHandle
from qgm_observe.records import Estimate


class QuietRun(RunHandle):
    """A run of which nothing is told before a hook sees a job in it.

    Attributes:
        is_shown: Whether it is told of.
        jobs: Those that hooks saw in it.
        over_at: When it was over, where it was not known by then whether there was work in it.
    """

    is_shown = False
    over_at = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.jobs: list[JobHandle] = _Jobs(self)

    def begin(self) -> Self:
        """Begin, out of sight."""
        Handle.begin(self)
        self.recorder.open.discard(self)
        return self

    def show(self) -> None:
        """Let it be seen from now on."""
        if not self.is_shown:
            self.is_shown = True
            self.recorder.open.add(self)
            self.recorder.announced.append(self)

    def estimate(self, estimate: Estimate) -> None:
        """Keep a statistic about it, which is a reason to tell of it."""
        self.show()
        super().estimate(estimate)

    def name_devices(self) -> None:
        """Note which devices its jobs ran on, and whether one was elsewhere."""
        devices = sorted({job.device.name for job in self.jobs})
        if devices:
            self.note(devices=devices, remote=any(job.remote for job in self.jobs))


class _Jobs(list[JobHandle]):
    """The jobs of a run; with the first one it is shown."""

    def __init__(self, run: QuietRun) -> None:
        super().__init__()
        self._run = run

    def append(self, job: JobHandle) -> None:
        """Take a job."""
        super().append(job)
        self._run.show()


def with_work(journal: Store, runs: dict[str, QuietRun], since: float) -> list[QuietRun]:
    """Return those in which something ended, as far as the journal knows, in the order of that.

    Args:
        journal: Where all that ended stands.
        runs: By id.
        since: When the first of them began, epoch seconds.
    """
    found: dict[str, QuietRun] = {}
    for event in journal.events(verbs=(TERMINAL,), since=since):
        for name in (event.run, event.body.get("parent")):
            if name in runs:
                found[name] = runs[name]
    return list(found.values())
