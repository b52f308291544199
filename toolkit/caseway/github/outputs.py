"""What later steps of a pipeline may use: `plan-json`, `changed`, `version`, `preview-url`, `summary`, …

Rule: nothing secret and nothing endless. A job's outputs together may have 1 MB, and a step that takes one
through its environment gets at most 128 KiB, so a longer plan is cut and its file holds all of it."""

from __future__ import annotations

import json
from typing import Any

from caseway.github.report import Report
from caseway.reconcile.serialize import as_json

_LONGEST = 100_000  # bytes: below what Linux lets one environment variable hold


def plan_json(report: Report) -> str:
    """The plan (or `{"plans": [...]}` of several) as `caseway plan --format json` has it; "" without one."""
    plans = [part.plan for part in report.parts if part.plan is not None]
    values = [as_json(plan) for plan in plans]
    if not values:
        return ""
    return _compact(values[0] if len(values) == 1 else {"formatVersion": "1", "plans": values})


def outputs(report: Report, summary: str, plan_file: str) -> dict[str, str]:
    """Every output by its name; all of them are there in every run."""
    versions = [version for part in report.parts for version in part.versions]
    previews = [part.preview for part in report.parts if part.preview is not None]
    urls = [address.url for preview in previews for address in preview.addresses]
    return {
        "plan-json": _cut_plan(report),
        "plan-file": plan_file,
        "changed": "true" if report.is_changed else "false",
        "version": versions[0].version if versions else "",
        "versions": _compact({each.use_case: each.version for each in versions}),
        "preview-url": urls[0] if urls else "",
        "preview-id": previews[0].id if previews else "",
        "summary": summary,
    }


def _cut_plan(report: Report) -> str:
    """The plan's JSON, without field changes when it is too long, without actions when even that is."""
    whole = plan_json(report)
    if len(whole.encode("utf-8", "replace")) <= _LONGEST:
        return whole
    value = json.loads(whole)
    plans: list[dict[str, Any]] = value.get("plans") or [value]
    for keys in (("changes",), ("changes", "reason", "dependsOn")):
        for plan in plans:
            plan["truncated"] = True
            plan["actions"] = [
                {key: item for key, item in action.items() if key not in keys} for action in plan["actions"]
            ]
        text = _compact(value)
        if len(text.encode("utf-8", "replace")) <= _LONGEST:
            return text
    for plan in plans:
        plan["actions"] = []
    text = _compact(value)
    return text if len(text) <= _LONGEST else ""


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
