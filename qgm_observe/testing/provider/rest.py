"""The provider's interface: which request does what."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from qgm_observe.testing.provider.account import Account
from qgm_observe.testing.provider.clock import VirtualClock, to_seconds
from qgm_observe.testing.provider.devices import Calibration, Device
from qgm_observe.testing.provider.http import Refusal, Reply, Request, as_json, as_text
from qgm_observe.testing.provider.jobs import MAX_TAG_LENGTH, MAX_TAGS, Job
from qgm_observe.testing.provider.scheduling import Scheduler
from qgm_observe.testing.provider.sessions import INTERACTIVE_SECONDS, MAX_SECONDS, Session

PAGE = 200
PROGRAMS = ("executor", "sampler")
_NO_CONTENT = Reply(204)

Endpoint = Callable[..., Reply]


class Interface:
    """Answers requests from the state of an account."""

    def __init__(
        self,
        clock: VirtualClock,
        account: Account,
        devices: Mapping[str, Device],
        scheduler: Scheduler,
    ) -> None:
        self._clock = clock
        self._account = account
        self._devices = devices
        self._scheduler = scheduler
        self._endpoints: list[tuple[str, re.Pattern[str], Endpoint]] = [
            (method, re.compile(path.replace("{id}", "([^/]+)")), endpoint)
            for method, path, endpoint in (
                ("GET", "/backends", self._list_devices),
                ("GET", "/backends/{id}/configuration", self._configuration),
                ("GET", "/backends/{id}/properties", self._properties),
                ("GET", "/backends/{id}/status", self._status),
                ("GET", "/instances/usage", self._usage),
                ("GET", "/jobs", self._list_jobs),
                ("POST", "/jobs", self._submit),
                ("GET", "/jobs/{id}", self._job),
                ("DELETE", "/jobs/{id}", self._delete),
                ("GET", "/jobs/{id}/results", self._results),
                ("GET", "/jobs/{id}/metrics", self._metrics),
                ("GET", "/jobs/{id}/logs", self._logs),
                ("POST", "/jobs/{id}/cancel", self._cancel),
                ("PUT", "/jobs/{id}/tags", self._tag),
                ("POST", "/sessions", self._open),
                ("GET", "/sessions/{id}", self._session),
                ("PATCH", "/sessions/{id}", self._update_session),
                ("DELETE", "/sessions/{id}/close", self._close_session),
            )
        ]

    def answer(self, request: Request) -> Reply:
        """Return the reply; nothing else of the provider happens meanwhile."""
        try:
            with self._clock.lock:
                return self._open_to_all(request) or self._route(request)
        except Refusal as refusal:
            return refusal.reply

    def _open_to_all(self, request: Request) -> Reply | None:
        if request.path == "/identity/token":
            return self._account.token(request)
        if not self._account.knows(request):
            raise Refusal(401, 1201, "Invalid credentials.")
        if request.path == "/v3/resources/search":
            return as_json(self._account.search())
        if re.fullmatch("/plan-[^/]+", request.path):
            return as_json(self._account.catalog())
        if request.instance != self._account.instance:
            raise Refusal(403, 1200, "You are not authorized to perform this action.")
        return None

    def _route(self, request: Request) -> Reply:
        for method, pattern, endpoint in self._endpoints:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                return endpoint(request, *found.groups())
        raise Refusal(404, 404, f"{request.method} {request.path} is not part of the interface.")

    # ---------------------------------------------------------------------------- devices

    def _list_devices(self, request: Request) -> Reply:
        with_waits = "wait_time_seconds" in request.one("fields")
        entries = [
            device.listed(self._clock.now, self._scheduler.waiting(device), with_waits=with_waits)
            for device in self._devices.values()
        ]
        return as_json({"devices": entries})

    def _device(self, name: str) -> Device:
        try:
            return self._devices[name]
        except KeyError:
            raise Refusal(404, 1007, f"Backend {name} not found.") from None

    def _configuration(self, request: Request, name: str) -> Reply:
        device = self._device(name)
        self._asked_calibration(request.one("calibration_id"), device)
        return as_json(device.configuration)

    def _properties(self, request: Request, name: str) -> Reply:
        device = self._device(name)
        calibration = self._asked_calibration(request.one("calibration_id"), device)
        if calibration is None:
            before = request.one("updated_before")
            now = self._clock.now
            calibration = device.calibration_at(min(to_seconds(before), now) if before else now)
        return as_json(calibration.properties if calibration else {})

    def _asked_calibration(self, id_: str, device: Device) -> Calibration | None:
        calibration = device.calibration_of(id_)
        if id_ and calibration is None:
            raise Refusal(404, 404, f"Calibration {id_} of {device.name} not found.")
        return calibration

    def _status(self, _: Request, name: str) -> Reply:
        device = self._device(name)
        return as_json(device.told_status(self._clock.now, self._scheduler.waiting(device)))

    def _usage(self, _: Request) -> Reply:
        return as_json(self._account.usage(self._clock.now))

    # ------------------------------------------------------------------------------- jobs

    def _submit(self, request: Request) -> Reply:
        asked = request.json
        device = self._device(str(asked.get("backend", "")))
        program = str(asked.get("program_id", ""))
        if program not in PROGRAMS:
            raise Refusal(404, 404, f"Program {program!r} not found.")
        if not self._account.takes_submit(self._clock.now):
            limit = self._account.submits_per_minute
            raise Refusal(429, 1202, f"Too many requests received: limit is {limit} per minute.")
        calibration_id = asked.get("calibration_id")
        self._asked_calibration(calibration_id or "", device)
        job = self._scheduler.submit(
            device,
            self._session_of(asked.get("session_id")),
            program=program,
            params=asked.get("params"),
            size=len(request.body),
            tags=_checked_tags(asked.get("tags") or []),
            cost=asked.get("cost"),
            is_private=bool(asked.get("private")),
            calibration_id=calibration_id,
        )
        content: dict[str, Any] = {"id": job.id, "backend": device.name, "private": job.is_private}
        if job.session:
            content["session_id"] = job.session.id
        if job.calibration_id:
            content["calibration_id"] = job.calibration_id
        return as_json(content)

    def _session_of(self, id_: str | None) -> Session | None:
        if not id_:
            return None
        session = self._known_session(id_)
        if not session.is_accepting:
            raise Refusal(400, 400, "The session is closed and takes no more jobs.")
        return session

    def _known(self, id_: str) -> Job:
        try:
            return self._scheduler.jobs[id_]
        except KeyError:
            raise Refusal(404, 404, f"Job not found. Job ID: {id_}") from None

    def _job(self, request: Request, id_: str) -> Reply:
        with_params = request.flag("exclude_params") is not True
        return as_json(self._known(id_).told(with_params=with_params))

    def _list_jobs(self, request: Request) -> Reply:
        fitting = [job for job in self._scheduler.jobs.values() if _fits(job, request)]
        if request.one("sort") != "ASC":
            fitting.reverse()
        limit, offset = _number(request, "limit", PAGE, 1, PAGE), _number(request, "offset", 0)
        page = fitting[offset : offset + limit]
        with_params = request.flag("exclude_params") is False
        return as_json(
            {
                "jobs": [job.told(with_params=with_params) for job in page],
                "count": len(fitting),
                "limit": limit,
                "offset": offset,
            }
        )

    def _delete(self, _: Request, id_: str) -> Reply:
        if self._known(id_).is_pending:
            raise Refusal(400, 400, "A job that waits or runs cannot be deleted.")
        del self._scheduler.jobs[id_]
        return _NO_CONTENT

    def _results(self, _: Request, id_: str) -> Reply:
        result = self._known(id_).result
        return _NO_CONTENT if result is None else as_text(result)

    def _metrics(self, _: Request, id_: str) -> Reply:
        return as_json(self._known(id_).metrics(self._clock.now))

    def _logs(self, _: Request, id_: str) -> Reply:
        job = self._known(id_)
        if job.is_pending:
            raise Refusal(404, 404, "Logs come when the job is over.")
        return as_text(job.log())

    def _cancel(self, _: Request, id_: str) -> Reply:
        self._scheduler.cancel(self._known(id_))
        return _NO_CONTENT

    def _tag(self, request: Request, id_: str) -> Reply:
        self._known(id_).tags = _checked_tags(request.json.get("tags") or [])
        return _NO_CONTENT

    # --------------------------------------------------------------------------- sessions

    def _open(self, request: Request) -> Reply:
        asked = request.json
        mode = asked.get("mode", "dedicated")
        if mode not in INTERACTIVE_SECONDS:
            raise Refusal(400, 400, f"mode is batch or dedicated, not {mode!r}.")
        device = self._device(asked.get("backend") or asked.get("backend_name") or "")
        session = self._scheduler.open(device, mode, int(asked.get("max_ttl") or MAX_SECONDS))
        return as_json(session.told())

    def _known_session(self, id_: str) -> Session:
        try:
            return self._scheduler.sessions[id_]
        except KeyError:
            raise Refusal(404, 404, f"Session not found: {id_}") from None

    def _session(self, _: Request, id_: str) -> Reply:
        return as_json(self._known_session(id_).told())

    def _update_session(self, request: Request, id_: str) -> Reply:
        session = self._known_session(id_)
        if request.json.get("accepting_jobs") is False:
            self._scheduler.stop_accepting(session)
        return _NO_CONTENT

    def _close_session(self, _: Request, id_: str) -> Reply:
        self._scheduler.close(self._known_session(id_))
        return _NO_CONTENT


def _fits(job: Job, request: Request) -> bool:
    pending = request.flag("pending")
    after, before = request.one("created_after"), request.one("created_before")
    session, backend = request.one("session_id"), request.one("backend")
    return (
        pending in (None, job.is_pending)
        and backend in ("", job.device.name)
        and request.one("program") in ("", job.program)
        and (not session or (job.session is not None and job.session.id == session))
        and set(request.query.get("tags", ())) <= set(job.tags)
        and (not after or job.created >= to_seconds(after))
        and (not before or job.created <= to_seconds(before))
    )


def _number(request: Request, name: str, default: int, low: int = 0, high: int = 2**31) -> int:
    text = request.one(name)
    return int(text) if text.isdigit() and low <= int(text) <= high else default


def _checked_tags(tags: list[str]) -> list[str]:
    if len(tags) > MAX_TAGS:
        raise Refusal(400, 1204, f"Too many tags: {len(tags)} of at most {MAX_TAGS}.")
    if any(len(tag) > MAX_TAG_LENGTH for tag in tags):
        raise Refusal(400, 1205, f"A tag is longer than {MAX_TAG_LENGTH} characters.")
    return list(tags)
