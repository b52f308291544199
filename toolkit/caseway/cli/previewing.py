"""Previews on a terminal: what is in one, and how to try it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caseway.cli.output import clean, paint, painted_status, say
from caseway.model.errors import CasewayError
from caseway.model.project_files import PROJECT_FILES


def project_name(root: Path) -> str:
    """The name of the project at `root`, as its file says."""
    from caseway.worker.surroundings import parsed_values

    for name in PROJECT_FILES:
        if (root / name).is_file():
            for value in parsed_values((root / name).read_bytes(), name):
                if isinstance(value, dict) and value.get("kind") == "Project":
                    return str((value.get("metadata") or {}).get("name") or "")
    raise CasewayError(
        "which project? There is no caseway.yaml here or above",
        code="no-project",
        place=str(root),
        hint="choose a project with -C",
    )


def print_preview(made: Mapping[str, Any]) -> None:
    """A preview with its use cases, addresses and what is missing."""
    until = made["expiresAt"][:16].replace("T", " ")
    head = paint("preview", "", bold=True)
    say(f"{head} {clean(made['id'])}: {painted_status(made['status'])}, until {until}")
    for item in made["useCases"]:
        say(f"  {clean(item['useCase'])} {clean(item['version'])} ({clean(item['reason'])})")
        for one in item["instances"]:
            _print_instance(one)
    if not made["useCases"]:
        say("  nothing that runs is touched")
    if made["error"]:
        say(clean(made["error"], lines=True), err=True)


def _print_instance(one: Mapping[str, Any]) -> None:
    say(f"    {clean(one['name'])}: {painted_status(one['phase'])}")
    if one["missing"]:
        say(f"      lacks {clean(', '.join(one['missing']))}: name it in spec.preview.credentials")
    for workflow in one["workflows"]:
        for trigger in workflow["triggers"]:
            if trigger.get("type") == "http":
                say(f"      {clean(trigger.get('method') or 'POST')} {clean(trigger['url'])}")
    say(f"      caseway trigger {clean(one['name'])}")
