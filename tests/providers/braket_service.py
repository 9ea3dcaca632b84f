"""Amazon Braket on loopback, from its schemas' own examples, and the unmodified SDK asking it."""

import datetime as dt
import doctest
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock

from braket.device_schema import device_service_properties_v1 as service_v1
from braket.device_schema import standardized_gate_model_qpu_device_properties_v1 as v1

from qgm_observe.providers.braket import Braket, open_braket

REGION = "eu-north-1"
GARNET = f"arn:aws:braket:{REGION}::device/qpu/iqm/Garnet"
SIMULATOR = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC).timestamp()  # a Monday


def example(documented: Any) -> dict[str, Any]:
    """The valid input that a schema's docstring shows."""
    shown = doctest.DocTestParser().get_examples(documented.__doc__)
    names: dict[str, Any] = {}
    joined = re.sub(r": +\.\.\. +", ": ", shown[1].source)  # a backslash ended the line
    exec("errorMitigation = 'errorMitigation'\n" + joined, names)
    return names.get("valid_input") or names["input_json"]


def standardized(module: Any) -> dict[str, Any]:
    return example(module.StandardizedGateModelQpuDeviceProperties)


def capabilities(**changes: Any) -> dict[str, Any]:
    told = {
        "service": example(service_v1.DeviceServiceProperties),
        "paradigm": {
            "qubitCount": 3,
            "nativeGateSet": ["cz", "prx"],
            "connectivity": {
                "fullyConnected": False,
                "connectivityGraph": {"0": ["1", "7"], "1": ["0"], "7": ["0"]},
            },
        },
        "standardized": standardized(v1),
    }
    return told | changes


def device(**changes: Any) -> dict[str, Any]:
    told = {
        "deviceArn": GARNET,
        "deviceName": "Garnet",
        "providerName": "IQM",
        "deviceType": "QPU",
        "deviceStatus": "ONLINE",
        "deviceCapabilities": json.dumps(capabilities()),
        "deviceQueueInfo": [
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": ">4000", "queuePriority": "Normal"},
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "3", "queuePriority": "Priority"},
            {"queue": "JOBS_QUEUE", "queueSize": "0 (1 prioritized job(s) running)"},
        ],
    }
    return told | changes


def task(status: str = "COMPLETED", number: int = 1, **changes: Any) -> dict[str, Any]:
    told = {
        "quantumTaskArn": f"arn:aws:braket:{REGION}:123456789012:quantum-task/{number}",
        "status": status,
        "deviceArn": GARNET,
        "deviceParameters": "{}",
        "shots": 1000,
        "outputS3Bucket": "b",
        "outputS3Directory": "d",
        "createdAt": f"2026-11-23T09:0{number}:00Z",
        "tags": {"qgm-job": f"job-{number}"},
    }
    return told | changes


class Service:
    """What the service answers, by path; counts what it is asked."""

    def __init__(self) -> None:
        self.devices = [device()]
        self.tasks = [task()]
        self.fault: tuple[int, str] | None = None
        self.asked: list[str] = []

    def reply(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        if self.fault:
            return self.fault[0], {"message": "no"}
        if path == "/devices":
            shown = ("deviceArn", "deviceName", "providerName", "deviceType", "deviceStatus")
            return 200, {"devices": [{name: each[name] for name in shown} for each in self.devices]}
        if path == "/quantum-tasks":
            return 200, {"quantumTasks": self.tasks}
        if path.endswith("/cancel"):
            arn = path.removeprefix("/quantum-task/").removesuffix("/cancel")
            (one,) = [each for each in self.tasks if each["quantumTaskArn"] == arn]
            one["status"] = "CANCELLING"
            return 200, {"quantumTaskArn": arn, "cancellationStatus": "CANCELLING"}
        name = path.partition("/device/")[2] or path.partition("/quantum-task/")[2]
        known = {each["deviceArn"]: each for each in self.devices}
        known |= {each["quantumTaskArn"]: each for each in self.tasks}
        return 200, known[name]


def handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
            status, told = service.reply(path)
            body = json.dumps(told).encode()
            self.send_response(status)
            if service.fault:
                self.send_header("x-amzn-errortype", service.fault[1])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def served() -> Iterator[tuple[Service, str]]:
    """A service that answers at an address."""
    told = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(told))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def asking() -> Iterator[tuple[Braket, Service]]:
    """The unmodified SDK, whose own setting sends it to the loopback."""
    with served() as (told, url), mock.patch.dict(os.environ):
        os.environ |= {
            "BRAKET_ENDPOINT": url,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "canary-secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        opened = open_braket({"regions": [REGION], "simulators": False, "deadline_seconds": 5})
        opened._clock = lambda: NOW
        yield opened, told
        opened.close()
