"""Preflight as a guard of a run: the provider is asked before the run begins."""

import contextlib
from typing import TYPE_CHECKING

from qgm_observe.errors import JournalError
from qgm_observe.journal import open_journal
from qgm_observe.spend.foresight import History
from qgm_observe.spend.plan import Plan, plan

if TYPE_CHECKING:
    from qgm_observe.lifecycle.recording import Recording
    from qgm_observe.spend.preflight import Preflight


def required(recorder: "Recording", wanted: str | Plan) -> "Preflight":
    """Return the verdict on what is planned; what cannot be told is logged and goes.

    Args:
        recorder: The process's.
        wanted: The plan, or a line of it (see `qgm_observe.spend.plan.plan`).

    Raises:
        UsageError: the plan cannot be read, or the provider has no such device.
        BudgetExceeded: it is no-go.
    """
    from qgm_observe.providers.registry import open_provider
    from qgm_observe.spend.checks import Answer
    from qgm_observe.spend.outlook import earlier, look
    from qgm_observe.spend.preflight import require

    planned = plan(wanted) if isinstance(wanted, str) else wanted
    now = recorder.seconds()
    history = History()
    waits: list[tuple[float, float]] = []
    with (
        contextlib.suppress(JournalError),  # nothing was recorded yet
        open_journal(recorder.settings.journal_path, read_only=True) as journal,
    ):
        history, waits = earlier(journal, planned.provider, planned.device, now)
    with contextlib.closing(open_provider(planned.provider)) as provider:
        outlook = look(
            provider,
            planned.device,
            at=now,
            layout=planned.layout,
            price=recorder.price(planned.provider, planned.device),
            history=history,
            waits=waits,
        )
    told = require(planned, outlook)
    if told.answer is Answer.UNKNOWN:
        recorder.guard.warn_once("preflight", f"preflight: {told.line}")
    return told
