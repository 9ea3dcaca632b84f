"""What may be configured, from arguments and the environment.

`OTEL_SDK_DISABLED` and `OTEL_SERVICE_NAME` are honored; everything of our own begins with
`QGM_OBSERVE_`.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from qgm_observe.errors import UsageError

PREFIX = "QGM_OBSERVE_"
CAPTURES = ("none", "hashes", "circuits", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that may be set; each field is also `QGM_OBSERVE_<FIELD>`.

    Attributes:
        journal: The journal's file, `None` for the user's default (see `default_journal`).
        disabled: Record nothing at all (also `OTEL_SDK_DISABLED`).
        project: Default project label.
        pipeline: Default pipeline label (also `OTEL_SERVICE_NAME`).
        model: Default model label.
        model_version: Default label of the model's version.
        parent: Id of the run that this process's runs and jobs are parts of, as in a sweep.
        sweep: Each fit of an optimizer is a run of its own inside the script's run.
        loss_floor: The lowest loss that can be had, for steps that tell none of their own.
        capture: `none`, `hashes`, `circuits` or `all`: which blobs the journal keeps.
        ring: Events that wait for the writer at most; more are dropped and counted.
        detail_rate: Successful local jobs a second that are kept in full, and estimates that later
            ones about the same work repeat (a minute's at once); more are tallied.
        retention_days: Age at which rows are pruned into totals.
        retention_bytes: Size above which the oldest rows are pruned into totals.
        scrape_interval: Seconds between two scrapes; a new label set stays at 0 for two.
        intent_timeout: Seconds a submission waits for its intent to be on disk.
        exit_timeout: Seconds the exit of the process waits for the journal.
        submit_tags: Send our job id, run, project and pipeline as provider tags where supported.
        guard: What each process may take of money, time and shots, such as `20 USD, 3 retries`;
            see `qgm_observe.spend.limits.limits`.
        plan: Of the provider's account, where its prices differ by plan: `pay-as-you-go`.
        otlp: Deliver traces and metrics to the endpoint of `OTEL_EXPORTER_OTLP_ENDPOINT`.
        otlp_interval: Seconds between two deliveries.
        ship_to: The exporter that takes what the journal holds, `https://host:port`.
        ship_user: The name that is told to it.
        ship_token: The password that is told to it.
        ship_token_file: A file that holds the password, read anew at each delivery.
        ship_ca_file: Certificates that are trusted instead of the system's.
        ship_interval: Seconds between two deliveries.
        ship_blobs: Ship circuits, parameters and other contents that the journal keeps as well.
        strict: Re-raise internal errors (for our own tests).
    """

    journal: Path | None = None
    disabled: bool = False
    project: str = "default"
    pipeline: str = "default"
    model: str = "unknown"
    model_version: str = "unknown"
    parent: str | None = None
    sweep: bool = False
    loss_floor: float | None = None
    capture: str = "circuits"
    ring: int = 65_536
    detail_rate: float = 100.0
    retention_days: float = 90.0
    retention_bytes: int = 2 * 1024**3
    scrape_interval: float = 15.0
    intent_timeout: float = 0.25
    exit_timeout: float = 3.0
    submit_tags: bool = True
    guard: str | None = None
    plan: str | None = None
    otlp: bool = False
    otlp_interval: float = 5.0
    ship_to: str | None = None
    ship_user: str = "qgm-observe"
    ship_token: str | None = field(default=None, repr=False)
    ship_token_file: Path | None = None
    ship_ca_file: Path | None = None
    ship_interval: float = 5.0
    ship_blobs: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if self.capture not in CAPTURES:
            raise UsageError(f"capture {self.capture!r}: write one of {', '.join(CAPTURES)}")
        if self.loss_floor is not None and not math.isfinite(self.loss_floor):
            raise UsageError(f"loss_floor {self.loss_floor}: write a finite number")
        above_zero = ("ring", "retention_days", "retention_bytes", "scrape_interval")
        for name in (*above_zero, "otlp_interval", "ship_interval"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} {getattr(self, name)}: write a number above 0")

    @property
    def journal_path(self) -> Path:
        """The journal's file, the user's default where none was set."""
        return default_journal() if self.journal is None else Path(self.journal)


def default_journal() -> Path:
    """Return the user's default journal, below the platform's state directory."""
    import platformdirs

    return platformdirs.user_state_path("qgm-observe") / "journal.db"


def load_settings(environ: Mapping[str, str] = os.environ, **changes: Any) -> Settings:
    """Return the settings of an environment; keyword arguments win over it.

    Raises:
        UsageError: a variable cannot be read as its type.
    """
    values: dict[str, Any] = {}
    if "OTEL_SERVICE_NAME" in environ:
        values["pipeline"] = environ["OTEL_SERVICE_NAME"]
    if "OTEL_SDK_DISABLED" in environ:
        values["disabled"] = _boolean("OTEL_SDK_DISABLED", environ["OTEL_SDK_DISABLED"])
    for each in fields(Settings):
        variable = PREFIX + each.name.upper()
        if environ.get(variable):
            values[each.name] = _READERS[each.name](variable, environ[variable])
    return Settings(**(values | changes))


def _boolean(variable: str, text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise UsageError(f"{variable}={text}: write true or false")


def _number(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{variable}={text}: write a number") from None


def _whole(variable: str, text: str) -> int:
    return int(_number(variable, text))


def _text(_variable: str, text: str) -> str:
    return text


def _path(_variable: str, text: str) -> Path:
    return Path(text).expanduser()


_BY_TYPE = {
    bool: _boolean,
    float: _number,
    float | None: _number,
    int: _whole,
    str: _text,
    str | None: _text,
    Path | None: _path,
}
_READERS = {each.name: _BY_TYPE[each.type] for each in fields(Settings)}  # type: ignore[index]
