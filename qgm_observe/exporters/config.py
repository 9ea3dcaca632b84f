"""What `export provider` is told: accounts, devices and how often to ask, in a YAML file."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from qgm_observe.documents import Field, Model, field_validator, read
from qgm_observe.errors import UsageError
from qgm_observe.providers.credentials import secret

EXAMPLE = "providers: [{provider: ibm, account: research, devices: [ibm_fez]}]"
"""A file that is complete; what else can be set stands on the shelf."""

ALL = "*"
"""Stands for every device of the account that is not named."""

_SECRET = re.compile(r"(?i)token|secret|passw|api[_-]?key|credential|authorization")
_NAME = r"^[\w.:-]{1,64}$"
_Seconds = float


class Credentials(Model):
    """Where an account's token is; the token itself is never written into the file."""

    token_env: str | None = Field(
        default=None, description="Environment variable that holds the token."
    )
    token_file: Path | None = Field(
        default=None,
        description="File that holds the token; read anew when the provider refuses the old one.",
    )
    token: None = Field(
        default=None, description="Refused: a token is never written into this file."
    )
    expires_at: float | None = Field(
        default=None,
        description="When the token ends, epoch seconds, if you know it; shown as a metric.",
    )

    @field_validator("token", mode="before")
    @classmethod
    def _elsewhere(cls, told: Any) -> None:
        if told is not None:
            raise ValueError("write no token here; write token_env or token_file with its place")

    def options(self) -> dict[str, str]:
        """Return what the provider's adapter is told of the token: its place."""
        named = {"token_env": self.token_env, "token_file": self.token_file}
        return {name: str(place) for name, place in named.items() if place is not None}

    def missing(self) -> str | None:
        """Return what is wrong with the token's place; one that is there is read and forgotten."""
        if self.token_env is not None and self.token_file is not None:
            return "credentials: write token_env or token_file, not both"
        try:
            if self.token_file is not None:
                secret("", self.token_file)
            elif self.token_env is not None and secret(self.token_env) is None:
                return f"token_env: set the environment variable {self.token_env}"
        except UsageError as error:
            return str(error)
        return None


class DeviceConfig(Model):
    """A device that is watched, and how closely."""

    name: str = Field(description="The device's name at its provider; `*` is every other one.")
    detail: Literal["aggregates", "used", "curated"] = Field(
        default="aggregates",
        description="`aggregates`: about 110 series a device. `used`: also 7 a qubit, and 2 an "
        "edge, of `qubits`. `curated`: also 7 of every qubit and 1 of every edge.",
    )
    qubits: tuple[int, ...] = Field(
        default=(), description="Qubits that your layouts use, for `used` and `curated`."
    )


_Named = str | DeviceConfig


class AccountConfig(Model):
    """One account at one provider."""

    provider: str = Field(pattern=_NAME, description="`ibm`, `braket`, `local` or a plug-in.")
    account: str = Field(
        default="",
        validate_default=True,
        pattern=_NAME,
        description="An alias, used as a label, never the account's own number; by default the "
        "provider's name.",
    )
    options: Mapping[str, Any] = Field(
        default_factory=dict,
        description="What the provider's adapter takes, such as {plan: pay-as-you-go} of ibm for "
        "its prices; no secrets.",
    )
    credentials: Credentials = Field(default=Credentials(), description="Where the token is.")
    devices: tuple[DeviceConfig, ...] = Field(
        default=(DeviceConfig(name=ALL),),
        min_length=1,
        description="The devices to watch, by name or with a detail; by default all.",
    )
    calls_per_hour: int = Field(
        default=600,
        ge=5,
        le=100_000,
        description="Calls that no hour exceeds, whatever is configured.",
    )
    deadline_seconds: _Seconds = Field(
        default=20.0, gt=0, le=300, description="Time that a call may take."
    )

    @field_validator("account", mode="before")
    @classmethod
    def _alias(cls, told: Any, others: Any) -> Any:
        return told or others.data.get("provider", "default")

    @field_validator("devices", mode="before", json_schema_input_type=_Named | Sequence[_Named])
    @classmethod
    def _named(cls, told: Any) -> Any:
        """Let a device be written by its name alone."""
        many = told if isinstance(told, list) else [told]
        return [{"name": each} if isinstance(each, str) else each for each in many]

    @field_validator("options")
    @classmethod
    def _harmless(cls, options: Mapping[str, Any]) -> Mapping[str, Any]:
        if any(_SECRET.search(str(name)) for name in options):
            raise ValueError("write no secret here; name its place in credentials: token_env")
        return options

    def device(self, name: str) -> DeviceConfig | None:
        """Return how closely a device is watched, `None` if it is not."""
        by_name = {each.name: each for each in self.devices}
        return by_name.get(name) or by_name.get(ALL)


class Intervals(Model):
    """Seconds between two polls of a kind, at least; each is up to a tenth longer."""

    fleet: _Seconds = Field(
        default=60.0, ge=10, description="Devices, states and queues; one call."
    )
    calibration: _Seconds = Field(
        default=900.0,
        ge=900,
        description="A device's calibration, if it changed; one call a device.",
    )
    usage: _Seconds = Field(
        default=300.0, ge=60, description="Device time used and left; one call."
    )
    jobs: _Seconds = Field(default=30.0, ge=10, description="Jobs that wait or run; one call.")
    price: _Seconds = Field(default=86400.0, ge=900, description="Prices; one call a device.")


class MaxStale(Model):
    """Seconds for which last values are shown after the last poll that confirmed them."""

    fleet: _Seconds = Field(default=300.0, ge=10, description="Devices, states and queues.")
    calibration: _Seconds = Field(default=7200.0, ge=900, description="Calibrations.")
    usage: _Seconds = Field(default=1800.0, ge=60, description="Device time used and left.")
    jobs: _Seconds = Field(default=300.0, ge=10, description="Jobs that wait or run.")
    price: _Seconds = Field(default=7 * 86400.0, ge=900, description="Prices.")


class ProviderConfig(Model):
    """The configuration of `export provider`."""

    providers: tuple[AccountConfig, ...] = Field(
        min_length=1, max_length=50, description="The accounts to poll."
    )
    interval_seconds: Intervals = Field(default=Intervals(), description="How often to poll.")
    max_stale_seconds: MaxStale = Field(
        default=MaxStale(), description="How long to show last values."
    )
    most_series: int = Field(
        default=50_000, ge=100, le=1_000_000, description="Series of providers shown at most."
    )
    targets: tuple[str, ...] = Field(
        default=(), description="Devices and account aliases that /probe?target=NAME may ask for."
    )
    scrape_interval_seconds: _Seconds = Field(
        default=15.0,
        ge=1,
        le=3600,
        description="Prometheus' interval; a new counter is held for two.",
    )
    journal: Path | None = Field(
        default=None,
        description="Journal that calibrations are written to, and that tells which runs ended.",
    )


def load_config(
    path: Path,
    check: Callable[[AccountConfig], None] | None = None,
    *,
    needs_tokens: bool = True,
) -> ProviderConfig:
    """Read a configuration file.

    Args:
        path: Of the file.
        check: Looks at each account further, and raises `UsageError` about it.
        needs_tokens: Whether each token has to be where it is said to be.

    Raises:
        UsageError: `file:line: what is wrong and what to write instead`.
    """
    documents = read(path)
    if not documents:
        raise UsageError(f"{path}: nothing stands in it; for instance: {EXAMPLE}")
    if len(documents) != 1:
        raise UsageError(f"{path}: write exactly one document, not {len(documents)}")
    config = documents[0].validated(ProviderConfig, EXAMPLE)
    seen: set[str] = set()
    for number, account in enumerate(config.providers):
        try:
            _check(account, seen)
            missing = account.credentials.missing()
            if missing is not None and needs_tokens:
                raise UsageError(missing)
            if missing is None and check is not None:
                check(account)
        except UsageError as error:
            raise documents[0].error(("providers", number), str(error)) from None
    return config


def schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file, each field described."""
    return ProviderConfig.model_json_schema()


def _check(account: AccountConfig, seen: set[str]) -> None:
    """Refuse what fits the model and cannot work."""
    if account.account in seen:
        raise UsageError(f"account {account.account} stands twice; write another alias")
    seen.add(account.account)
    for device in account.devices:
        if device.detail == "used" and not device.qubits:
            raise UsageError(f"device {device.name}: detail used needs its qubits; write them")
