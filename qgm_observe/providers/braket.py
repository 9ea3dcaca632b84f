"""Amazon Braket over its own SDK, whose local simulators need no account.

Without `regions` nobody is asked: only the local simulators are listed. With them the account is
the one that AWS's own settings give (environment, profile, role). A call ends after
`deadline_seconds` and is not tried again: the caller decides.

Source: amazon-braket-sdk 1.127 (`AwsSession`, `LocalSimulator`); see `braket_replies`.
"""

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from qgm_observe.catalog import ErrorClass
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.providers import braket_offers as offers
from qgm_observe.providers import braket_replies as replies
from qgm_observe.providers.cost import cost
from qgm_observe.providers.prices import Prices, prices
from qgm_observe.providers.protocol import (
    AccountUsage,
    Calibration,
    Capability,
    DeviceInfo,
    DeviceState,
    DeviceStatus,
    JobState,
    Options,
    Price,
    ProviderJob,
    ProviderSession,
)
from qgm_observe.providers.registry import known_options

OPTIONS = ("profile", "regions", "simulators")
STATES = {
    "CREATED": JobState.QUEUED,
    "QUEUED": JobState.QUEUED,
    "RUNNING": JobState.RUNNING,
    "CANCELLING": JobState.RUNNING,
    "COMPLETED": JobState.DONE,
    "FAILED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
}
UNBILLED = (JobState.FAILED, JobState.CANCELLED)
ERRORS = {
    "AccessDeniedException": ErrorClass.AUTH,
    "ExpiredTokenException": ErrorClass.AUTH,
    "UnrecognizedClientException": ErrorClass.AUTH,
    "NoCredentialsError": ErrorClass.AUTH,
    "PartialCredentialsError": ErrorClass.AUTH,
    "ProfileNotFound": ErrorClass.AUTH,
    "ServiceQuotaExceededException": ErrorClass.QUOTA,
    "ThrottlingException": ErrorClass.RATE_LIMIT,
    "TooManyRequestsException": ErrorClass.RATE_LIMIT,
    "ValidationException": ErrorClass.VALIDATION,
    "DeviceOfflineException": ErrorClass.OFFLINE,
    "DeviceRetiredException": ErrorClass.OFFLINE,
    "ResourceNotFoundException": ErrorClass.NOT_FOUND,
    "InternalServiceException": ErrorClass.NETWORK,
    "ConnectionError": ErrorClass.NETWORK,
    "HTTPClientError": ErrorClass.NETWORK,
    "OSError": ErrorClass.NETWORK,
    "UsageError": ErrorClass.VALIDATION,
    "ValueError": ErrorClass.VALIDATION,
}
"""By the service's code of an error, then by the names of an exception's classes."""


class Braket:
    """Braket as a `Provider`: see there for what each method returns.

    Args:
        sessions: By region, an `AwsSession`.
        account: The label `account`.
        simulators: Whether the SDK's local simulators are listed too.
        deadline_seconds: Of reading a price list.
        known_prices: Where no price list of Amazon's is configured.
        environ: May name that price list.
        clock: Epoch seconds.
    """

    name = "braket"
    capabilities: Collection[Capability] = frozenset(
        {
            Capability.STATUS,
            Capability.QUEUE,
            Capability.CALIBRATION,
            Capability.JOBS,
            Capability.PRICE,
        }
    )

    def __init__(
        self,
        sessions: Mapping[str, Any],
        *,
        account: str = "default",
        simulators: bool = True,
        deadline_seconds: float = 10.0,
        known_prices: Prices | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.account = account
        self._sessions = sessions
        self._simulators = simulators
        self._deadline = deadline_seconds
        self._prices = known_prices or prices(environ=environ)
        self._offers_url = environ.get(offers.VARIABLE)
        self._offers: offers.Offers | None = None
        self._clock = clock
        self._arns: dict[str, str] = {}

    def devices(self) -> Sequence[tuple[DeviceInfo, DeviceStatus]]:
        """See `Provider.devices`; one call a region, and one a device."""
        found = [self._local(name) for name in self._local_names()]
        for region in self._sessions:
            found += [self._told(self._device(arn)) for arn in self._search(region)]
        return found

    def device(self, name: str) -> DeviceInfo:
        """See `Provider.device`."""
        if name in self._local_names():
            return self._local(name)[0]
        return self._told(self._device(self._arn(name)))[0]

    def status(self, device: str) -> DeviceStatus:
        """See `Provider.status`."""
        if device in self._local_names():
            return self._local(device)[1]
        return self._told(self._device(self._arn(device)))[1]

    def calibration(self, device: str, at: float | None = None) -> Calibration | None:
        """See `Provider.calibration`; the service keeps no history."""
        if at is not None or device in self._local_names():
            return None
        capabilities = json.loads(self._device(self._arn(device))["deviceCapabilities"])
        return replies.calibration(device, capabilities, self._clock())

    def job(self, id_: str) -> ProviderJob:
        """See `Provider.job`; the id is a quantum task's ARN."""
        reply = self._session(id_).braket_client.get_quantum_task(quantumTaskArn=id_)
        return self._job(reply)

    def jobs(
        self, *, pending: bool | None = None, tag: str | None = None, limit: int = 200
    ) -> Sequence[ProviderJob]:
        """See `Provider.jobs`."""
        found = [self._job(reply) for region in self._sessions for reply in self._tasks(region)]
        chosen = [
            job
            for job in found
            if (pending is None or pending is not job.state.is_final)
            and (tag is None or tag in job.tags)
        ]
        return sorted(chosen, key=lambda job: -(job.created_at or 0))[:limit]

    def session(self, id_: str) -> ProviderSession | None:  # noqa: ARG002  the Protocol's
        """Return nothing: Braket has no sessions of this kind."""
        return None

    def cancel(self, id_: str) -> None:
        """See `Canceler.cancel`."""
        self._session(id_).braket_client.cancel_quantum_task(quantumTaskArn=id_)

    def close_session(self, id_: str) -> None:
        """See `Canceler.close_session`; Braket has none."""

    def usage(self) -> AccountUsage | None:
        """Return nothing: Braket has no quota of device time."""
        return None

    def price(self, device: str) -> Price | None:
        """See `Provider.price`; Amazon's own list goes before the dated one."""
        if self._offers_url is None or device in self._local_names():
            return self._prices.price(self.name, device)
        return self._listed(self._arn(device))

    def classify(self, error: BaseException) -> ErrorClass:
        """See `Provider.classify`."""
        reply = getattr(error, "response", None)
        code = (reply.get("Error") or {}).get("Code") if isinstance(reply, dict) else None
        names = [str(code), *(kind.__name__ for kind in type(error).__mro__)]
        return next((ERRORS[name] for name in names if name in ERRORS), ErrorClass.OTHER)

    def close(self) -> None:
        """See `Provider.close`."""
        for session in self._sessions.values():
            session.braket_client.close()

    # ---------------------------------------------------------------------------------- devices

    def _local_names(self) -> Sequence[str]:
        if not self._simulators:
            return ()
        from braket.devices import LocalSimulator

        return sorted(LocalSimulator.registered_backends())

    def _local(self, name: str) -> tuple[DeviceInfo, DeviceStatus]:
        from braket.devices import LocalSimulator

        told = json.loads(LocalSimulator(name).properties.json())
        info = replies.device_info(name, told, is_simulator=True, region="local")
        status = DeviceStatus(
            provider=self.name,
            device=name,
            state=DeviceState.ONLINE,
            observed_at=self._clock(),
            is_processing=True,
        )
        return info, status

    def _search(self, region: str) -> list[str]:
        found = self._sessions[region].search_devices(statuses=["ONLINE", "OFFLINE", "RETIRED"])
        arns = [each["deviceArn"] for each in found if self._region(each["deviceArn"]) == region]
        self._arns |= {
            each["deviceName"]: each["deviceArn"] for each in found if each["deviceArn"] in arns
        }
        return arns

    def _arn(self, device: str) -> str:
        if device not in self._arns:
            for region in self._sessions:
                self._search(region)
        if device not in self._arns:
            known = ", ".join(sorted({*self._local_names(), *self._arns})) or "none"
            raise UsageError(f"braket has no device {device!r}: write one of {known}")
        return self._arns[device]

    def _named(self, arn: str) -> str:
        return next((name for name, of in self._arns.items() if of == arn), arn.rsplit("/", 1)[-1])

    def _device(self, arn: str) -> Mapping[str, Any]:
        reply: Mapping[str, Any] = self._session(arn).get_device(arn)
        return reply

    def _told(self, reply: Mapping[str, Any]) -> tuple[DeviceInfo, DeviceStatus]:
        told, now = json.loads(reply["deviceCapabilities"]), self._clock()
        simulator = reply["deviceType"] == "SIMULATOR"
        name, region = reply["deviceName"], self._region(reply["deviceArn"])
        state = DeviceState(reply["deviceStatus"].lower())
        online = state is DeviceState.ONLINE
        executes = online and replies.is_open(replies.windows(told), now)
        waiting, is_bound = replies.queue(reply.get("deviceQueueInfo"))
        status = DeviceStatus(
            provider=self.name,
            device=name,
            state=state,
            observed_at=now,
            is_accepting=online,
            is_processing=executes,
            queue_jobs=waiting,
            queue_is_lower_bound=is_bound,
            next_available_at=(
                replies.next_opening(replies.windows(told), now)
                if online and not executes
                else None
            ),
            updated_at=replies.updated_at(told),
        )
        return replies.device_info(name, told, is_simulator=simulator, region=region), status

    # ------------------------------------------------------------------------------------- jobs

    def _tasks(self, region: str) -> Iterator[Mapping[str, Any]]:
        pages = self._sessions[region].braket_client.get_paginator("search_quantum_tasks")
        for page in pages.paginate(filters=[], PaginationConfig={"MaxItems": 200}):
            yield from page["quantumTasks"]

    def _job(self, reply: Mapping[str, Any]) -> ProviderJob:
        state = STATES.get(reply["status"], JobState.UNKNOWN)
        billed = self._cost(reply, state)
        return ProviderJob(
            provider=self.name,
            id=reply["quantumTaskArn"],
            state=state,
            device=self._named(reply["deviceArn"]),
            session=reply.get("jobArn"),
            created_at=_epoch(reply.get("createdAt")),
            finished_at=_epoch(reply.get("endedAt")),
            shots=reply.get("shots"),
            cost=billed and billed[0],
            currency=billed and billed[1],
            error_class=ErrorClass.EXECUTION if state is JobState.FAILED else None,
            tags=tuple(_tags(reply.get("tags") or {})),
        )

    def _cost(self, reply: Mapping[str, Any], state: JobState) -> tuple[Decimal, str] | None:
        """What a task costs at list price; failed, cancelled and reserved ones cost nothing."""
        if not state.is_final:
            return None
        reserved = any(
            each.get("type") == "RESERVATION_TIME_WINDOW_ARN"
            for each in reply.get("associations") or ()
        )
        if ":device/qpu/" in str(reply["deviceArn"]) and (state in UNBILLED or reserved):
            return Decimal(0), "USD"
        arn = reply["deviceArn"]
        with suppress(UsageError, OSError):  # the bill is worth no failure of the job's state
            return cost(self._listed(arn), shots=reply.get("shots"))
        return None

    def _listed(self, arn: str) -> Price | None:
        if self._offers_url is None:
            return self._prices.price(self.name, self._named(arn))
        if self._offers is None:
            self._offers = offers.read_offers(self._offers_url, self._deadline)
        return offers.offered(self._offers, arn, self._region(arn), self._offers_url)

    def _session(self, arn: str) -> Any:
        region = self._region(arn)
        if region not in self._sessions:
            asked = ", ".join(self._sessions) or "none"
            raise UsageError(f"{arn!r} is of no region that is asked: {asked}; write it in regions")
        return self._sessions[region]

    def _region(self, arn: str) -> str:
        """Return the region of an ARN; Amazon's simulators name none and are the session's own."""
        parts = arn.split(":")
        named = parts[3] if len(parts) > 3 else ""  # noqa: PLR2004  arn:aws:braket:REGION:...
        return named or next(iter(self._sessions), "local")


def open_braket(options: Options) -> Braket:
    """Make the provider `braket`.

    Args:
        options: `regions` (AWS regions to ask, none by default), `profile` (of AWS's settings),
            `account` (an alias for the label), `simulators` (list the local ones, default true),
            `deadline_seconds` (default 10).

    Raises:
        UsageError: an option is unknown.
        MissingExtra: the SDK is not installed.
    """
    options = known_options("braket", options, *OPTIONS)
    deadline = float(options.get("deadline_seconds", 10.0))
    try:
        sessions = {
            region: _aws_session(region, options.get("profile"), deadline)
            for region in options.get("regions") or ()
        }
        import braket.devices  # noqa: F401  says at once whether the SDK is there
    except ImportError as error:
        raise MissingExtra("the provider braket", "braket") from error
    return Braket(
        sessions,
        account=str(options.get("account", "default")),
        simulators=bool(options.get("simulators", True)),
        deadline_seconds=deadline,
    )


def _aws_session(region: str, profile: str | None, deadline: float) -> Any:
    from braket.aws import aws_session

    config = aws_session.Config(
        connect_timeout=deadline, read_timeout=deadline, retries={"total_max_attempts": 1}
    )
    account = aws_session.boto3.Session(region_name=region, profile_name=profile)
    return aws_session.AwsSession(boto_session=account, config=config)


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _tags(told: Mapping[str, str]) -> Iterator[str]:
    for key, value in told.items():
        yield f"{key}={value}" if value else key
