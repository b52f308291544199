"""What a server counts, in the words of Prometheus. Numbers of the store are read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from caseway.platform.gauges import Gauges

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one server process. `look` reads the store's numbers."""

    def __init__(self, look: Callable[[], Gauges]) -> None:
        self.registry = CollectorRegistry()
        self._look = look
        names = ("method", "route", "status")
        self.requests = Counter("caseway_http_requests", "Requests answered", names, registry=self.registry)
        self.seconds = Histogram(
            "caseway_http_request_seconds",
            "How long answering took",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.open = Gauge("caseway_http_requests_open", "Requests under way", registry=self.registry)
        self._executions = Gauge(
            "caseway_executions", "Executions by status", ("status",), registry=self.registry
        )
        self._queue = Gauge(
            "caseway_queue_depth", "Executions that wait for a worker", registry=self.registry
        )
        self._oldest = Gauge(
            "caseway_queue_oldest_seconds", "Age of the one that waits longest", registry=self.registry
        )
        self._lag = Gauge(
            "caseway_scheduler_lag_seconds", "How long the most overdue schedule is", registry=self.registry
        )
        self._workers = Gauge(
            "caseway_worker_executions", "Executions that a worker holds", ("worker",), registry=self.registry
        )
        self._lost = Gauge(
            "caseway_claims_expired",
            "Executions whose worker is not heard of any more",
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Everything, in the exposition format."""
        now = self._look()
        self._executions.clear()
        for status, count in now.executions.items():
            self._executions.labels(status).set(count)
        self._queue.set(now.queue_depth)
        self._oldest.set(now.oldest_pending)
        self._lag.set(now.scheduler_lag)
        self._lost.set(now.expired_claims)
        self._workers.clear()
        for worker, count in now.workers.items():
            self._workers.labels(worker).set(count)
        return generate_latest(self.registry)
