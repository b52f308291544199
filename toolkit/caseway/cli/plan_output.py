"""Plans as text, JSON or Markdown, one project or several."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from caseway.cli.output import clean, has_colour
from caseway.cli.plan_schedules import schedule_lines, source_lines
from caseway.model.plan import Plan
from caseway.reconcile.markdown import as_markdown
from caseway.reconcile.serialize import as_json
from caseway.reconcile.text import as_text

MARKDOWN_LIMIT = 60_000
WIDEST = 140


def actions_json(plan: Plan) -> list[Any]:
    """The plan's actions as JSON."""
    whole: Mapping[str, Any] = as_json(plan)
    return list(whole["actions"])


def rendered(plans: Sequence[Plan], form: str) -> str:
    """The plans in the asked form. One plan's JSON is the plan itself; several stand under `plans`."""
    if form == "json":
        values = [as_json(plan) for plan in plans]
        value = values[0] if len(values) == 1 else {"formatVersion": "1", "plans": values}
        return json.dumps(value, indent=2, ensure_ascii=False)
    if form == "markdown":
        return "\n".join(as_markdown(plan, MARKDOWN_LIMIT) for plan in plans)
    width = min(shutil.get_terminal_size((100, 24)).columns, WIDEST)
    return "\n".join(_text(plan, width) for plan in plans)


def _text(plan: Plan, width: int) -> str:
    text = as_text(plan, color=has_colour(), width=width).rstrip("\n")
    schedules = [clean(line) for line in schedule_lines(plan, datetime.now(UTC))]
    sources = [clean(line) for line in source_lines(plan)]
    lines = ["", "Schedules, the next five firings", *schedules] if schedules else []
    lines += ["", "Queues and polls, off in previews", *sources] if sources else []
    return "\n".join([text, *lines])
