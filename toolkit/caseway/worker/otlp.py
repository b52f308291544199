"""Sends spans to an OpenTelemetry receiver (OTLP over HTTP, protobuf).

Rule: the cursor moves only after the receiver took a batch: at least once, under ids that make a repeat the
same span. A receiver that is away holds up nothing but the export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from caseway.platform.bundle import Platform
from caseway.platform.telemetry import look
from caseway.platform.telemetry.tree import Span

READER = "otlp"
BATCH = 512

Send = Callable[[Sequence[Span]], bool]

_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_STATUSES = {"ok": StatusCode.OK, "error": StatusCode.ERROR}


def sender(endpoint: str, *, seconds: float = 10.0) -> Send:
    """Sends to `<endpoint>/v1/traces`; whether they were taken. Further headers, certificates and compression
    come from the `OTEL_EXPORTER_OTLP_*` variables, as OpenTelemetry specifies them."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=seconds)
    resource = Resource.create({"service.name": "caseway"})
    return lambda found: (
        exporter.export([_readable(span, resource) for span in found]) is SpanExportResult.SUCCESS
    )


def export(platform: Platform, send: Send, *, batches: int = 10) -> int:
    """Send what was folded since the last time, at most `batches` of 512; how many spans were taken."""
    sent = 0
    for _ in range(batches):
        found = look.spans_after(platform, look.position(platform, READER), BATCH)
        if not found or not send([span for _, span in found]):
            break
        look.advance(platform, READER, found[-1][0])
        sent += len(found)
    return sent


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=_context(span, span.span_id),
        parent=_context(span, span.parent_id) if span.parent_id else None,
        resource=resource,
        attributes={
            name: value for name, value in span.attributes.items() if isinstance(value, str | int | float)
        },
        kind=_KINDS.get(span.kind, SpanKind.INTERNAL),
        status=Status(_STATUSES.get(span.status, StatusCode.UNSET)),
        start_time=_nanoseconds(span.started_at),
        end_time=_nanoseconds(span.ended_at),
    )


def _context(span: Span, number: str) -> SpanContext:
    return SpanContext(
        trace_id=int(span.trace_id, 16),
        span_id=int(number, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _nanoseconds(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000
