"""An OTLP endpoint over HTTP that decodes what it is sent, or misbehaves."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver:
    """Keeps every span and the newest value of every metric point.

    Attributes:
        spans: Protobuf spans by their id.
        points: Protobuf data points by metric name.
        sums: By metric name what is summed: its temporality, and of a sum whether it only rises.
        hang: Set while it accepts requests and never answers.
    """

    def __init__(self, port: int = 0) -> None:
        self.spans: dict[bytes, Any] = {}
        self.points: dict[str, list[Any]] = {}
        self.sums: dict[str, tuple[int, bool | None]] = {}
        self.hang = threading.Event()
        self.ended = threading.Event()
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if receiver.hang.is_set():
                    receiver.ended.wait(30)
                taken = receiver.take(self.path, body)
                self.send_response(200 if taken else 400)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def take(self, path: str, body: bytes) -> bool:
        """Decode one request; false if it is sent to another path than OTLP's own."""
        if path not in ("/v1/traces", "/v1/metrics"):
            return False
        with self.arrived:
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        self.spans |= {span.span_id: span for span in scope.spans}
            else:
                for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    for scoped in group.scope_metrics:
                        for metric in scoped.metrics:
                            self._keep(metric)
            self.arrived.notify_all()
        return True

    def _keep(self, metric: Any) -> None:
        data = getattr(metric, metric.WhichOneof("data"))
        self.points[metric.name] = list(data.data_points)
        if hasattr(data, "aggregation_temporality"):
            rises = getattr(data, "is_monotonic", None)
            self.sums[metric.name] = (data.aggregation_temporality, rises)

    def wait_for(self, spans: int, timeout: float = 20) -> bool:
        """Wait until that many spans have come."""
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.spans) >= spans, timeout)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Serve on loopback for a while."""
    receiver = Receiver(port)
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        receiver.server.shutdown()
        receiver.server.server_close()
