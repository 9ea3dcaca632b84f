"""Objectives judged by asking a Prometheus over its HTTP API (standard library only)."""

import base64
import http.client
import json
import math
import ssl
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from qgm_observe.errors import UsageError
from qgm_observe.slo import promql
from qgm_observe.slo.indicator import Ratio, Slices
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.score import TRAFFIC_WINDOW, WINDOWS
from qgm_observe.slo.status import BURN_WINDOWS, Count, Status, status_of, unknown
from qgm_observe.slo.window import MINUTE

TIMEOUT = 30.0
_MOST_BYTES = 16 * 2**20
_OK = 200


class Prometheus:
    """A server that is asked instant queries.

    Args:
        url: `http://host:9090`, with a path where it has one; user and password go in it or a
            bearer token beside it, and neither is ever shown.
        token: Bearer token.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError("--prometheus: write an address such as http://localhost:9090")
        try:
            self._port = parts.port
        except ValueError:
            raise UsageError("--prometheus: write a port from 1 to 65535") from None
        self._secure, self._host = parts.scheme == "https", parts.hostname
        self._path = parts.path.rstrip("/") + "/api/v1/query"
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.username:
            pair = f"{parts.username}:{parts.password or ''}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"

    def value(self, query: str, now: float) -> float | None:
        """Return the one number of an instant query, `None` where it has none.

        Raises:
            UsageError: the server cannot be asked, or does not understand.
        """
        found = self._asked(query, now)
        if not found:
            return None
        number = float(found[0]["value"][1])
        return number if math.isfinite(number) else None

    def _asked(self, query: str, now: float) -> list[Any]:
        where = f"{self._host}:{self._port or (443 if self._secure else 80)}"
        try:
            status, text = self._posted(urlencode({"query": query, "time": f"{now:.3f}"}))
            told = json.loads(text)
        except (OSError, http.client.HTTPException) as error:
            raise UsageError(f"Prometheus at {where} cannot be asked: {_why(error)}") from None
        except ValueError:
            raise UsageError(f"{where} does not answer as a Prometheus: mend the address") from None
        if status != _OK or not isinstance(told, dict) or told.get("status") != "success":
            reason = told.get("error", status) if isinstance(told, dict) else status
            raise UsageError(f"Prometheus at {where} refused: {str(reason)[:200]}")
        result: list[Any] = told["data"]["result"]
        return result

    def _posted(self, body: str) -> tuple[int, bytes]:
        if self._secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.request("POST", self._path, body, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_BYTES)
        finally:
            connection.close()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def statuses(objectives: Sequence[Objective], server: Prometheus, now: float) -> list[Status]:
    """Return how objectives stand by a Prometheus at an instant (epoch s)."""
    return [_status(each, server, now) for each in objectives]


def _status(objective: Objective, server: Prometheus, now: float) -> Status:
    length = max(MINUTE, (now - objective.window.begin(now)) // MINUTE * MINUTE)
    count = _counter(objective, server, now)
    if count is None:
        return unknown(objective, "money is told by the bill; see the spending pages")
    whole = count(length)
    if not whole.total:
        return status_of(objective, whole, {}, {})
    windows: Iterable[float] = BURN_WINDOWS
    if objective.score is not None:
        windows = sorted({*BURN_WINDOWS, *WINDOWS, TRAFFIC_WINDOW})
    counts = {window: count(window) for window in windows}
    return status_of(objective, whole, counts, {})


def _counter(objective: Objective, server: Prometheus, now: float) -> Any:
    indicator = objective.indicator
    if isinstance(indicator, Ratio):
        return lambda window: _counted(
            server,
            now,
            promql.count(indicator.good, window),
            promql.count(indicator.total, window),
        )
    if isinstance(indicator, Slices):
        return lambda window: _counted(
            server,
            now,
            promql.minutes(indicator, window, good=True),
            promql.minutes(indicator, window, good=False),
        )
    return None


def _counted(server: Prometheus, now: float, good: str, total: str) -> Count:
    all_ = server.value(total, now) or 0.0
    return Count(all_ - (server.value(good, now) or 0.0), all_)
