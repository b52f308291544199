"""The schema, as SQLAlchemy Core tables on one metadata. No queries here."""

from __future__ import annotations

from caseway.platform.tables.access import (
    identities,
    instance_grants,
    issuers,
    login_attempts,
    memberships,
    organizations,
    process_grants,
    service_accounts,
    sign_ins,
    spent,
    team_members,
    teams,
    tokens,
    trusts,
    users,
)
from caseway.platform.tables.approvals import approvals, artifact_objects, artifact_uses, artifacts
from caseway.platform.tables.catalogue import (
    processes,
    resources,
    template_ledger,
    template_status,
    templates,
)
from caseway.platform.tables.gathering import event_starts, gathered_events, gatherings
from caseway.platform.tables.hooks import deliveries, remotes
from caseway.platform.tables.installed import (
    current_deployments,
    definitions,
    deployed_workflows,
    deployment_steps,
    deployments,
    instances,
    live_workflows,
)
from caseway.platform.tables.previews import previews
from caseway.platform.tables.records import api_keys, audit, credentials, leases, store
from caseway.platform.tables.running import executions, journal, schedules, tasks
from caseway.platform.tables.runtimes import runtime_builds
from caseway.platform.tables.telemetry import cursors, log_lines, metric_points, spans
from caseway.platform.tables.triggers import rate_limits, seen_items
from caseway.platform.tables.types import Instant, JsonText, instant, metadata, moment, to_text
from caseway.platform.tables.uploads import applies, apply_events, blobs, idempotency_keys, plans
from caseway.platform.tables.waiting import events, sleepers

__all__ = [
    "Instant",
    "JsonText",
    "api_keys",
    "applies",
    "apply_events",
    "approvals",
    "artifact_objects",
    "artifact_uses",
    "artifacts",
    "audit",
    "blobs",
    "credentials",
    "current_deployments",
    "cursors",
    "definitions",
    "deliveries",
    "deployed_workflows",
    "deployment_steps",
    "deployments",
    "event_starts",
    "events",
    "executions",
    "gathered_events",
    "gatherings",
    "idempotency_keys",
    "identities",
    "instance_grants",
    "instances",
    "instant",
    "issuers",
    "journal",
    "leases",
    "live_workflows",
    "log_lines",
    "login_attempts",
    "memberships",
    "metadata",
    "metric_points",
    "moment",
    "organizations",
    "plans",
    "previews",
    "process_grants",
    "processes",
    "rate_limits",
    "remotes",
    "resources",
    "runtime_builds",
    "schedules",
    "seen_items",
    "service_accounts",
    "sign_ins",
    "sleepers",
    "spans",
    "spent",
    "store",
    "tasks",
    "team_members",
    "teams",
    "template_ledger",
    "template_status",
    "templates",
    "to_text",
    "tokens",
    "trusts",
    "users",
]
