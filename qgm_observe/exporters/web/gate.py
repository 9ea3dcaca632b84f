"""What stands before every answer: the rate limit, the login, what only this machine may ask."""

import ipaddress
import time
from collections.abc import Callable

from qgm_observe.exporters.web import answers
from qgm_observe.exporters.web.answers import Answer, Fields
from qgm_observe.exporters.web.limits import TokenBucket
from qgm_observe.exporters.web.logins import Logins, Verdict
from qgm_observe.exporters.web.web_config import WebConfig

_UNAUTHORIZED = answers.line(401, "Unauthorized", ("www-authenticate", 'Basic realm="qgm-observe"'))
_TOO_MANY = answers.line(429, "too many requests: come again later", ("retry-after", "1"))
_NOT_HERE = answers.line(
    403, "answered on this machine only: set basic_auth_users or client_ca_file to open it"
)


class Gate:
    """A web configuration at work; a new configuration gets a new gate.

    Args:
        config: As the file says.
        clock: Monotonic seconds.

    Attributes:
        config: The same.
        fields: Configured fields of every answer.
    """

    def __init__(self, config: WebConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self.fields: Fields = config.headers
        self._logins = Logins(config.users) if config.users else None
        limit = config.rate_limit
        self._bucket = TokenBucket(limit.interval, limit.burst, clock) if limit else None

    def limited(self) -> Answer | None:
        """Return the refusal of a request too many, `None` if it may go on."""
        return _TOO_MANY if self._bucket is not None and not self._bucket.take() else None

    async def refused(self, authorization: str | None) -> Answer | None:
        """Return the refusal of a client without a login, `None` if it may go on."""
        if self._logins is None:
            return None
        verdict = await self._logins.verdict(authorization)
        if verdict is Verdict.PROVEN:
            return None
        return _TOO_MANY if verdict is Verdict.BUSY else _UNAUTHORIZED

    def kept_private(self, client: str, host: str | None, origin: str | None) -> Answer | None:
        """Return the refusal of what is not for every network, `None` if it may be answered.

        Without authentication only this machine is answered, and no web page in a browser on it:
        neither one from elsewhere (`Origin`) nor one whose name was rebound to loopback (`Host`).

        Args:
            client: Its address and port.
            host: Field Host.
            origin: Field Origin.
        """
        if self.config.authenticates:
            return None
        local = is_loopback(_bare(client)) and is_loopback(_bare(host or "")) and origin is None
        return None if local else _NOT_HERE


def is_loopback(host: str) -> bool:
    """Return whether an address or name is this machine's own and no other's."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _bare(address: str) -> str:
    """Return an address without port and brackets."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.rpartition(":")[0] if address.count(":") == 1 else address
