"""A resume is one run: find the run that wrote the checkpoint."""

import contextlib
from typing import TYPE_CHECKING, Any

from qgm_observe.errors import JournalError
from qgm_observe.journal import open_journal

if TYPE_CHECKING:
    from qgm_observe.lifecycle.recording import Recording


def run_to_resume(recorder: "Recording", options: dict[str, Any]) -> str | None:
    """Return the id of the run that these options of `fit` go on with, or `None`.

    A core resumes when it is called with `resume=True` and the `checkpoint` of an earlier run,
    which is looked for in the journal.
    """
    checkpoint = options.get("checkpoint")
    if checkpoint is not None:
        options["checkpoint"] = str(checkpoint)
    if not options.get("resume") or checkpoint is None or recorder.settings.disabled:
        return None
    found: str | None = None
    with recorder.guard("resume"):
        recorder.flush(recorder.settings.intent_timeout)
        with (
            contextlib.suppress(JournalError),  # nothing was recorded yet
            open_journal(recorder.settings.journal_path, read_only=True) as journal,
        ):
            for event in journal.events(verbs=("opened",), nouns=("run",)):
                if event.body.get("attributes", {}).get("checkpoint") == str(checkpoint):
                    found = event.subject
    return found
