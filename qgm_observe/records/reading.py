"""A device's or an account's state at one instant; unknown is `None`, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a provider said.

    Attributes:
        provider: Who said it.
        device: Of which device, or `None` for an account.
        account: An alias, never the account's own number, or `None` for a device.
        kind: `calibration`, `status`, `queue` or `usage`.
        observed_at: When we asked, epoch seconds.
        taken_at: When the provider measured it, epoch seconds, or `None`.
        values: Number or text by name, in base units; unknown is `None`.
        blob: Content hash of the whole snapshot in the journal, or `None`.
    """

    provider: str
    device: str | None = None
    account: str | None = None
    kind: str
    observed_at: float
    taken_at: float | None = None
    values: Mapping[str, float | str | None] = field(default_factory=dict)
    blob: str | None = None
