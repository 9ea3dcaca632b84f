"""What `export journal` is told, in a YAML file beside the paths on its command line."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from qgm_observe.documents import Field, Model, read
from qgm_observe.errors import UsageError
from qgm_observe.exporters.config import AccountConfig
from qgm_observe.settings import default_journal


class ReconcileConfig(Model):
    """How later truths are asked for."""

    calls_per_hour: int = Field(
        default=120, ge=5, le=10_000, description="Calls to each account that no hour exceeds."
    )
    max_age_days: float = Field(
        default=14.0, gt=0, le=400, description="Age at which a job is asked for no more."
    )
    cancel_abandoned: bool = Field(
        default=False,
        description="Cancel jobs, and close sessions and batches, whose process is gone and whose "
        "guard's time to live has passed.",
    )
    abandoned_after_hours: float | None = Field(
        default=None, gt=0, description="Time to live of work whose guards told none."
    )


class JournalConfig(Model):
    """The configuration of `export journal`."""

    journals: tuple[str, ...] = Field(
        default=(),
        description="Files, directories and patterns, besides those on the command line.",
    )
    follow_seconds: float = Field(default=1.0, gt=0, le=60, description="Between two looks.")
    scrape_interval_seconds: float = Field(
        default=15.0,
        ge=0.1,
        le=3600,
        description="Prometheus' interval; a new counter is held for two.",
    )
    state: Path | None = Field(
        default=None,
        description="Directory that remembers what was counted, also of journals that are gone; "
        "by default one for these paths below the user's state directory.",
    )
    receive: Path | None = Field(
        default=None, description="Journal that takes what others ship to POST /api/v1/events."
    )
    lost_after_seconds: float = Field(
        default=900.0,
        ge=60,
        le=30 * 86400,
        description="Silence after which open work that was shipped here is lost.",
    )
    providers: tuple[AccountConfig, ...] = Field(
        default=(),
        max_length=50,
        description="Accounts that are asked how remote jobs ended, and what they cost, such as "
        "{provider: ibm, account: research, options: {plan: pay-as-you-go}}.",
    )
    reconcile: ReconcileConfig = Field(
        default=ReconcileConfig(), description="How later truths are asked for."
    )

    def state_for(self, places: Sequence[str]) -> Path:
        """Return the directory that remembers what was counted at these places."""
        if self.state is not None:
            return self.state
        names = "\0".join(sorted(str(Path(place).expanduser().absolute()) for place in places))
        digest = hashlib.sha256(names.encode()).hexdigest()[:16]
        return default_journal().parent / "export" / digest


def load_journal_config(path: Path | None) -> JournalConfig:
    """Read a configuration file; without one the defaults hold.

    Raises:
        UsageError: `file:line: what is wrong and what to write instead`.
    """
    if path is None:
        return JournalConfig()
    documents = read(path)
    if len(documents) != 1:
        raise UsageError(f"{path}: write exactly one document, not {len(documents)}")
    config = documents[0].validated(JournalConfig)
    for number, account in enumerate(config.providers):
        missing = account.credentials.missing()
        if missing is not None:
            raise documents[0].error(("providers", number, "credentials"), missing)
    return config
