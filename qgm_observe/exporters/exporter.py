"""What a sidecar is to its server: something that is started, stopped, asked for a page."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from qgm_observe.telemetry.prometheus import Exposition, Form


class Reply(NamedTuple):
    """What an exporter answers to a person or to another process.

    Attributes:
        status: HTTP status.
        body: JSON-compatible.
    """

    status: int
    body: Any


class Exporter(Protocol):
    """Polls or follows on threads of its own; answers only from what is ready in memory.

    `exposition`, `readiness` and `ask` are called on the server's thread and never block.
    """

    def start(self) -> None:
        """Begin to poll or follow, once."""

    def stop(self, timeout: float) -> None:
        """End within so many seconds."""

    def exposition(self, form: Form, target: str | None = None) -> Exposition | None:
        """Return the newest page, of one target or of all; `None` for a target it does not have."""

    def readiness(self) -> str | None:
        """Return why it is not ready, `None` when it is."""

    def reload(self) -> None:
        """Take its configuration anew; one that cannot be used changes nothing.

        Raises:
            UsageError: why it cannot be used, with file and line.
        """

    def ask(self, path: str, query: Mapping[str, str]) -> Reply | None:
        """Answer a read below `/api/v1/`, `None` for a path it does not have."""

    def take(self, path: str, body: bytes) -> Reply | None:
        """Take what was posted below `/api/v1/`, `None` for a path it does not have."""
