"""IBM Quantum, by its own client: devices, calibration, jobs, sessions and usage of one instance.

Calls: a fleet list, a status, a configuration, a calibration, a session and the usage take one
each, a job two (one while it waits), a list of jobs one for every 200.
"""

import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import MissingExtra
from qgm_observe.providers import ibm_files, ibm_replies
from qgm_observe.providers.credentials import Secret
from qgm_observe.providers.deadline import Deadline
from qgm_observe.providers.failures import class_of
from qgm_observe.providers.ibm_connection import Connection
from qgm_observe.providers.ibm_login import Login
from qgm_observe.providers.protocol import (
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceStatus,
    JobState,
    Options,
    Price,
    Provider,
    ProviderJob,
    ProviderSession,
)
from qgm_observe.providers.registry import known_options

T = TypeVar("T")

PAGE = 200
"""Jobs that IBM lists in one answer at most."""

OPTIONS = (
    "api_url",
    "instance",
    "instance_env",
    "instance_file",
    "plan",
    "saved_account",
    "token",
    "token_env",
    "token_file",
)


class IBM:
    """IBM as a `Provider`: see there for what each method returns.

    Args:
        connection: To one instance.
        account: The label `account`.
        plan: Of the account, for its price; unknown without it.
        now: Epoch seconds.
    """

    name = ibm_replies.PROVIDER
    capabilities: Collection[Capability] = frozenset(Capability)

    def __init__(
        self,
        connection: Connection,
        *,
        account: str = "default",
        plan: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.account = account
        self._connection = connection
        self._plan = plan
        self._now = now

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        """See `Provider.devices`: one call, with the waits that the client itself never asks for.

        Edges, native gates, most shots and version are told by `device` alone.
        """
        return self._get(
            "devices",
            "/backends",
            lambda told: list(ibm_replies.fleet(told, self._now(), self._connection.region)),
            fields="wait_time_seconds",
        )

    def device(self, name: str) -> DeviceInfo:
        """See `Provider.device`."""
        return self._get(
            f"configuration of {name}",
            f"/backends/{_path(name)}/configuration",
            lambda told: ibm_files.device_info(
                self.name,
                name,
                told,
                region=self._connection.region,
                is_simulator=told.get("simulator") is True,
            ),
        )

    def status(self, device: str) -> DeviceStatus:
        """See `Provider.status`."""
        return self._get(
            f"status of {device}",
            f"/backends/{_path(device)}/status",
            lambda told: ibm_replies.status(told, device, self._now()),
        )

    def calibration(self, device: str, at: float | None = None) -> Calibration | None:
        """See `Provider.calibration`; `None` where the device had none."""
        moment = None if at is None else datetime.fromtimestamp(at, UTC)

        def question(client: Any) -> Calibration | None:
            told = client.backend_properties(_path(device), datetime=moment)
            if not told:
                return None
            return ibm_files.calibration(self.name, device, told, self._now())

        return self._connection.ask(f"calibration of {device}", question)

    def job(self, id_: str) -> ProviderJob:
        """See `Provider.job`."""
        return self._connection.ask("job", lambda client: _job(client, _path(id_)))

    def jobs(
        self, *, pending: bool | None = None, tag: str | None = None, limit: int = 200
    ) -> Sequence[ProviderJob]:
        """See `Provider.jobs`; times of start and end, and billed time, are told by `job` alone."""
        found: list[ProviderJob] = []
        while len(found) < limit:
            page = partial(_page, pending, tag, min(PAGE, limit - len(found)), len(found))
            rows, count = self._connection.ask("jobs", page)
            found += rows
            if not rows or (count is not None and len(found) >= count):
                break
        return found[:limit]

    def session(self, id_: str) -> ProviderSession | None:
        """See `Provider.session`."""
        return self._connection.ask(
            "session", lambda client: ibm_replies.session(client.session_details(_path(id_)))
        )

    def cancel(self, id_: str) -> None:
        """See `Canceler.cancel`."""
        self._connection.ask("cancel a job", lambda client: client.job_cancel(_path(id_)))

    def close_session(self, id_: str) -> None:
        """See `Canceler.close_session`."""
        self._connection.ask("close a session", lambda client: client.cancel_session(_path(id_)))

    def usage(self) -> AccountUsage | None:
        """See `Provider.usage`."""
        return self._connection.ask(
            "usage",
            lambda client: ibm_replies.usage(client.cloud_usage(), self.account, self._now()),
        )

    def price(self, device: str) -> Price | None:
        """See `Provider.price`: of the dated price file, for the plan that was configured."""
        from qgm_observe.providers.prices import prices

        return prices().price(self.name, device, self._plan)

    def classify(self, error: BaseException) -> ErrorClass:
        """See `Provider.classify`."""
        return class_of(error)

    def close(self) -> None:
        """See `Provider.close`."""
        self._connection.close()

    def _get(self, asked: str, path: str, read: Callable[[Any], T], **query: str) -> T:
        """Ask what the client's own method would cut: waits, words, an absent queue length."""
        return self._connection.ask(
            asked,
            lambda client: read(client._session.get(path, params=query).json()),  # noqa: SLF001
        )


def open_ibm(options: Options) -> Provider:
    """Make the provider `ibm`; nothing is asked of IBM yet.

    Args:
        options: Of `Login`, and `plan` (`open`, `pay-as-you-go`, `flex` or `premium`, for the
            price), `account` (an alias for the label), `deadline_seconds` (default 10).

    Raises:
        UsageError: an option is unknown, or a file of a secret cannot be read.
        MissingExtra: IBM's client is not installed.
    """
    told = dict(known_options("ibm", options, *OPTIONS))
    try:
        import qiskit_ibm_runtime.api.client  # noqa: F401  seconds that no deadline is to count
    except ImportError as error:
        raise MissingExtra("the provider ibm", "ibm") from error
    account, plan = str(told.pop("account", "default")), told.pop("plan", None)
    deadline = Deadline(float(told.pop("deadline_seconds", 10.0)))
    for name in ("token", "instance"):
        if isinstance(told.get(name), str):
            told[name] = Secret(told[name])
    login = Login(**told)
    login.key()
    return IBM(Connection(login, deadline), account=account, plan=plan)


def _job(client: Any, id_: str) -> ProviderJob:
    told = client.job_get(id_)
    is_waiting = ibm_replies.job_state(told) is JobState.QUEUED
    return ibm_replies.job(told, None if is_waiting else client.job_metadata(id_))


def _page(
    pending: bool | None, tag: str | None, limit: int, skip: int, client: Any
) -> tuple[list[ProviderJob], int | None]:
    tags = [tag] if tag else None
    told = client.jobs_get(limit=limit, skip=skip, pending=pending, job_tags=tags)
    return [ibm_replies.job(row) for row in told["jobs"]], ibm_files.whole(told.get("count"))


def _path(name: str) -> str:
    """Return a name as one part of a path, whatever it holds."""
    return quote(name, safe="")
