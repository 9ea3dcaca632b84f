"""A Prometheus that is asked over its HTTP API (standard library only)."""

import base64
import http.client
import json
import math
import ssl
from typing import Any
from urllib.parse import urlencode, urlsplit

from qgm_observe.errors import UsageError

TIMEOUT = 30.0
_MOST_BYTES = 16 * 2**20
_OK = 200


class Prometheus:
    """A server that is asked queries.

    Args:
        url: `http://host:9090`, with a path where it has one; user and password go in it or a
            bearer token beside it, and neither is ever shown.
        token: Bearer token.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError("--prometheus: write an address such as http://localhost:9090")
        try:
            self._port = parts.port
        except ValueError:
            raise UsageError("--prometheus: write a port from 1 to 65535") from None
        self._timeout = timeout
        self._secure, self._host = parts.scheme == "https", parts.hostname
        self._path = parts.path.rstrip("/") + "/api/v1/"
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
        found = self.vector(query, now)
        if not found:
            return None
        _, number = found[0]
        return number if math.isfinite(number) else None

    def vector(self, query: str, now: float) -> list[tuple[dict[str, str], float]]:
        """Return labels and number of each series of an instant query.

        Raises:
            UsageError: the server cannot be asked, or does not understand.
        """
        found = self._asked("query", {"query": query, "time": f"{now:.3f}"})
        return [(each["metric"], float(each["value"][1])) for each in found]

    def matrix(
        self, query: str, start: float, end: float, step: float
    ) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Return labels and points (epoch s, number) of each series of a range query.

        Args:
            query: Whose every series is wanted.
            start: Of the first point, epoch seconds.
            end: Not before the last point, epoch seconds.
            step: Seconds between two points.

        Raises:
            UsageError: the server cannot be asked, or does not understand.
        """
        frame = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        found = self._asked("query_range", {"query": query, **frame})
        return [
            (each["metric"], [(at, float(number)) for at, number in each["values"]])
            for each in found
        ]

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules that it evaluates, as its API tells them.

        Raises:
            UsageError: the server cannot be asked, or does not understand.
        """
        groups = self._told("GET", "rules", "").get("groups") or []
        return [rule for group in groups for rule in group.get("rules") or []]

    def _asked(self, path: str, fields: dict[str, str]) -> list[Any]:
        data = self._told("POST", path, urlencode(fields))
        result: list[Any] = data["result"]
        is_scalar = data.get("resultType") == "scalar"
        return [{"metric": {}, "value": result}] if is_scalar else result

    def _told(self, method: str, path: str, body: str) -> dict[str, Any]:
        where = f"{self._host}:{self._port or (443 if self._secure else 80)}"
        try:
            status, text = self._answer(method, self._path + path, body)
            told = json.loads(text)
        except (OSError, http.client.HTTPException) as error:
            raise UsageError(f"Prometheus at {where} cannot be asked: {_why(error)}") from None
        except ValueError:
            raise UsageError(f"{where} does not answer as a Prometheus: mend the address") from None
        if status != _OK or not isinstance(told, dict) or told.get("status") != "success":
            reason = told.get("error", status) if isinstance(told, dict) else status
            raise UsageError(f"Prometheus at {where} refused: {str(reason)[:200]}")
        data: dict[str, Any] = told["data"]
        return data

    def _answer(self, method: str, path: str, body: str) -> tuple[int, bytes]:
        if self._secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_BYTES)
        finally:
            connection.close()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
