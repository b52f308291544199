"""CW6xx, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import triggers
from caseway.repo.rules.rule import Rule


def _with(lines: str, more: str = "") -> str:
    """A use case whose one workflow has the trigger `lines`."""
    head = "# use-cases/demo/usecase.yaml\nspec:\n  workflows:\n"
    return (
        f"{head}    - id: main\n      file: workflows/main.yaml\n{more}      triggers:\n        - {lines}\n"
    )


RULES = (
    Rule(
        code="CW601",
        name="cron-syntax",
        severity=Severity.ERROR,
        summary="a cron expression cannot be read",
        why="Five fields: minute, hour, day of month, month, day of week. A sixth in front counts seconds.",
        example_bad=_with('{id: nightly, type: schedule, cron: "61 2 * * *"}'),
        example_good=_with('{id: nightly, type: schedule, cron: "0 2 * * *"}'),
        check=triggers.unreadable_cron,
    ),
    Rule(
        code="CW602",
        name="never-fires",
        severity=Severity.ERROR,
        summary="a schedule can be read but never fires",
        why="There is no 30 February. A report that never comes is noticed late.",
        example_bad=_with('{id: yearly, type: schedule, cron: "0 0 30 2 *"}'),
        example_good=_with('{id: yearly, type: schedule, cron: "0 0 29 2 *"}'),
        check=triggers.never_fires,
    ),
    Rule(
        code="CW603",
        name="unknown-timezone",
        severity=Severity.ERROR,
        summary="a time zone does not exist",
        why="Time zones are IANA names; abbreviations such as CEST mean different things in different "
        "places.",
        example_bad=_with('{id: nightly, type: schedule, cron: "0 2 * * *", timezone: Europe/Berln}'),
        example_good=_with('{id: nightly, type: schedule, cron: "0 2 * * *", timezone: Europe/Berlin}'),
        check=triggers.unknown_timezone,
    ),
    Rule(
        code="CW604",
        name="idle-timezone",
        severity=Severity.NOTE,
        summary="an interval has a time zone",
        why="`every` counts from the last start; no clock on a wall is involved.",
        example_bad=_with("{id: often, type: schedule, every: 15m, timezone: Europe/Berlin}"),
        example_good=_with("{id: often, type: schedule, every: 15m}"),
        check=triggers.idle_timezone,
    ),
    Rule(
        code="CW605",
        name="path-collision",
        severity=Severity.ERROR,
        summary="two http triggers of a use case have the same method and path",
        why="A request can start only one of them.",
        example_bad=_with("{id: a, type: http, path: /start}\n        - {id: b, type: http, path: /start/}"),
        example_good=_with("{id: a, type: http, path: /start}\n        - {id: b, type: http, path: /again}"),
        check=triggers.path_collision,
    ),
    Rule(
        code="CW606",
        name="no-trigger",
        severity=Severity.ERROR,
        summary="a workflow has an empty list of triggers",
        why="Nothing could ever start it. Without the key it gets a manual trigger.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers: []
""",
        example_good=_with("{id: manual, type: manual}"),
        check=triggers.no_trigger,
    ),
    Rule(
        code="CW607",
        name="only-callable",
        severity=Severity.WARNING,
        summary="a workflow can only be called by others, and names none of them",
        why="`calledBy` says who depends on it, so that its input does not change under their feet.",
        example_bad=_with("{id: called, type: subworkflow}"),
        example_good=_with("{id: called, type: subworkflow}\n        - {id: manual, type: manual}"),
        check=triggers.only_callable,
    ),
    Rule(
        code="CW608",
        name="open-door",
        severity=Severity.NOTE,
        summary="an http trigger asks for no key",
        why="Sometimes this is meant; then say why in an ignore.",
        example_bad=_with("{id: http, type: http, path: /start, auth: none}"),
        example_good=_with("{id: http, type: http, path: /start, auth: key}"),
        check=triggers.open_door,
    ),
    Rule(
        code="CW609",
        name="idle-sync",
        severity=Severity.NOTE,
        summary="a workflow answers synchronously but has no http trigger",
        why="`response` decides what an HTTP caller gets: the output (sync) or the execution's id (async).",
        example_bad=_with("{id: manual, type: manual}", "      response: sync\n"),
        example_good=_with("{id: http, type: http, path: /start}", "      response: sync\n"),
        check=triggers.idle_sync,
    ),
    Rule(
        code="CW610",
        name="slow-sync",
        severity=Severity.NOTE,
        summary="a synchronous answer may take hours",
        why="Proxies and clients give up after a minute or so, while the execution goes on.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  limits: {timeout: 2h}
  workflows:
    - id: main
      file: workflows/main.yaml
      response: sync
      triggers: [{id: http, type: http, path: /start}]
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  limits: {timeout: 30s}
  workflows:
    - id: main
      file: workflows/main.yaml
      response: sync
      triggers: [{id: http, type: http, path: /start}]
""",
        check=triggers.response_limit,
    ),
    Rule(
        code="CW611",
        name="schedule-in-document",
        severity=Severity.WARNING,
        summary="a part of a workflow document's own schedule is not in force",
        why="Where `usecase.yaml` lists triggers of the workflow, they alone hold, not its `schedule`. "
        "Where it lists none, the schedule holds, but for an interval of no time at all.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
schedule:
  every: PT0S
""",
        example_good=_with('{id: nightly, type: schedule, cron: "0 2 * * *"}'),
        check=triggers.schedule_in_document,
    ),
)
