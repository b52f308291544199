"""Plans and applies on a server: content is uploaded once, and the server carries out what it planned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from caseway.model.access import Permission
from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.operations import carrying_out
from caseway.operations.fields import NAME, About, Cursor, Limit
from caseway.operations.operation import PREFIX, Answer, Event, Follow, Look, Operating, Operation, Page
from caseway.operations.paging import read_cursor, unreadable, write_cursor
from caseway.platform import applies, blobs, kept_plans
from caseway.platform.applies import ApplyRecord
from caseway.platform.tables.types import moment
from caseway.reconcile.serialize import as_whole

DIGEST = r"^sha256:[0-9a-f]{64}$"
Digest = Annotated[
    str, About("A digest of canonical JSON.", example="sha256:" + "9f86d081" * 8, longest=71, pattern=DIGEST)
]
ProjectName = Annotated[str, About("The project's name.", example="acme", longest=200, pattern=NAME)]
ApplyId = Annotated[
    str,
    About(
        "Its id; the same id asks for the same apply again.",
        example="5f0d3c6b9a1e4f77",
        longest=64,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
    ),
]


@dataclass(frozen=True, slots=True)
class AskMissing:
    """The digests of what is to be uploaded."""

    digests: Annotated[tuple[str, ...], About("At most 10,000.", maximum=10_000, longest=71)]


@dataclass(frozen=True, slots=True)
class Missing:
    """Those that the server lacks."""

    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutBlob:
    """One content under its digest."""

    digest: Digest
    content: Annotated[JsonObject, About("The content.", example={"title": "Billing"})]


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored."""

    digest: str


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """The desired state of a project, its bodies left out and uploaded before, and how to plan it."""

    project: ProjectName
    desired: Annotated[JsonObject, About("The desired state without the bodies of its contents.")]
    stage: Annotated[str, About("Plan this stage only.", example="", longest=100)] = ""
    prune: bool = False
    allow_mass_delete: bool = False
    use_cases: Annotated[tuple[str, ...], About("All that is in the desired state.", maximum=10_000)] = ()


@dataclass(frozen=True, slots=True)
class OnePlan:
    """Which plan."""

    id: Annotated[str, About("The plan's id.", example="5f0d3c6b9a1e4f7788c2d0aa", longest=100, pattern=NAME)]


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan as the server keeps it: in `plan` all that a reader needs, its actions with their reasons."""

    id: str
    project: str
    plan: JsonObject


@dataclass(frozen=True, slots=True)
class CreateApply:
    """Which plan is carried out, under an id of the caller's: asking again with it does nothing twice."""

    plan: Annotated[
        str, About("The plan's id.", example="5f0d3c6b9a1e4f7788c2d0aa", longest=100, pattern=NAME)
    ]
    id: ApplyId


@dataclass(frozen=True, slots=True)
class OneApply:
    """Which apply."""

    id: ApplyId


@dataclass(frozen=True, slots=True)
class ListApplies:
    """Of which project; of all when empty."""

    project: str = ""
    limit: Limit = 100
    cursor: Cursor = ""


@dataclass(frozen=True, slots=True)
class ApplyEvent:
    """What happened: `event` is begun, held, started, finished, waiting, failed or skipped."""

    event: str
    action: str = ""
    index: int = 0
    total: int = 0
    seconds: float = 0.0
    message: str = ""


def _missing(operating: Operating, asked: AskMissing) -> Missing:
    return Missing(tuple(blobs.missing(operating.platform, operating.organization, asked.digests)))


def _put(operating: Operating, asked: PutBlob) -> Stored:
    blobs.put(operating.platform, operating.organization, asked.digest, asked.content)
    return Stored(asked.digest)


def _plan(operating: Operating, asked: CreatePlan) -> PlanMade:
    if asked.desired.get("project") != asked.project:
        raise CasewayError(
            f"the desired state is not project {asked.project}'s", code="other-project", place=asked.project
        )
    if asked.desired.get("organization") != operating.organization:
        raise CasewayError(
            f"the project is organization {asked.desired.get('organization')}'s, the token's is "
            f"{operating.organization}",
            code="other-organization",
            place=asked.project,
            hint="use a token of that organization, or say --organization",
        )
    how: JsonObject = {
        "desired": asked.desired,
        "stage": asked.stage,
        "prune": asked.prune,
        "allowMassDelete": asked.allow_mass_delete,
        "useCases": list(asked.use_cases),
    }
    made = carrying_out.plan_of(operating.platform, operating.organization, how)
    kept = kept_plans.keep(operating.platform, made, how, actor=operating.actor)
    return PlanMade(kept.id, kept.project, as_whole(kept))


def _get_plan(operating: Operating, asked: OnePlan) -> PlanMade:
    kept = kept_plans.the_plan(operating.platform, operating.organization, asked.id)
    return PlanMade(asked.id, kept.plan.project, as_whole(kept.plan))


def _apply(operating: Operating, asked: CreateApply) -> ApplyRecord:
    platform, organization = operating.platform, operating.organization
    plan = kept_plans.the_plan(platform, organization, asked.plan).plan
    if plan.blocked:
        raise CasewayError(
            "the plan cannot be applied: " + "; ".join(plan.blocked[:3]),
            code="plan-blocked",
            place=plan.project,
        )
    applies.create(platform, organization, asked.id, (asked.plan, plan.project), actor=operating.actor)
    carrying_out.start(platform, organization, asked.id)
    return applies.get(platform, organization, asked.id)


def _get_apply(operating: Operating, asked: OneApply) -> ApplyRecord:
    carrying_out.start(operating.platform, operating.organization, asked.id)  # when nobody does any more
    return applies.get(operating.platform, operating.organization, asked.id)


def _list_applies(operating: Operating, asked: ListApplies) -> Page:
    project = operating.caller.project or asked.project
    if asked.project and project != asked.project:
        return Page([])
    found = applies.listed(
        operating.platform,
        operating.organization,
        project,
        after=_after(asked.cursor),
        limit=asked.limit + 1,
    )
    shown = [replace(item, report=None) for item in found[: asked.limit]]
    more = len(found) > asked.limit
    return Page(shown, write_cursor((shown[-1].created_at, shown[-1].id)) if more else "")


def _after(cursor: str) -> tuple[datetime, str] | None:
    """When the last apply that was shown was made, and its id."""
    key = read_cursor(cursor)
    if not key:
        return None
    try:
        made, last = key
        return moment(made), last
    except ValueError as error:
        raise unreadable() from error


def _follow(operating: Operating, asked: OneApply) -> Follow:
    platform, organization = operating.platform, operating.organization
    applies.get(platform, organization, asked.id)

    def look(after: str) -> Look:
        carrying_out.start(platform, organization, asked.id)  # when nobody does any more
        is_over = applies.get(platform, organization, asked.id).status in {"done", "failed"}
        found = applies.events_after(platform, organization, asked.id, _number(after))
        events = [Event(str(number), "progress", _told(event)) for number, event in found]
        return Look(events, is_over and not found)

    return look


def _told(event: Any) -> dict[str, Any]:
    return {"what" if name == "event" else name: value for name, value in event.items()}


def _number(after: str) -> int:
    if after and not after.isdigit():
        raise CasewayError(
            "this Last-Event-ID is none of this stream", code="cursor", hint="leave it out to begin anew"
        )
    return int(after[:9] or 0)


_APPLY = PREFIX + "/applies"

OPERATIONS = (
    Operation(
        "blobs.missing",
        "POST",
        PREFIX + "/missing-blobs",
        Permission.DEPLOY,
        "Ask which contents the server lacks",
        AskMissing,
        Missing,
        _missing,
        about="deploying",
    ),
    Operation(
        "blobs.put",
        "PUT",
        PREFIX + "/blobs/{digest}",
        Permission.DEPLOY,
        "Upload one content under its digest",
        PutBlob,
        Stored,
        _put,
        about="deploying",
    ),
    Operation(
        "plans.create",
        "POST",
        PREFIX + "/plans",
        Permission.DEPLOY,
        "Plan what it takes to bring the platform to a desired state; nothing is changed",
        CreatePlan,
        PlanMade,
        _plan,
        about="project",
        by="project",
        status=201,
    ),
    Operation(
        "plans.get",
        "GET",
        PREFIX + "/plans/{id}",
        Permission.DEPLOY,
        "Show a plan that the server made",
        OnePlan,
        PlanMade,
        _get_plan,
        about="plan",
        by="id",
    ),
    Operation(
        "applies.create",
        "POST",
        _APPLY,
        Permission.DEPLOY,
        "Carry out a plan; it goes on without the caller",
        CreateApply,
        ApplyRecord,
        _apply,
        about="plan",
        by="plan",
        status=202,
    ),
    Operation(
        "applies.list",
        "GET",
        _APPLY,
        Permission.VIEW,
        "List applies, oldest first",
        ListApplies,
        ApplyRecord,
        _list_applies,
        answer=Answer.LIST,
    ),
    Operation(
        "applies.get",
        "GET",
        _APPLY + "/{id}",
        Permission.DEPLOY,
        "Show an apply: how far it is, or its report",
        OneApply,
        ApplyRecord,
        _get_apply,
        about="apply",
        by="id",
    ),
    Operation(
        "applies.follow",
        "GET",
        _APPLY + "/{id}/events",
        Permission.DEPLOY,
        "Follow an apply until it ends",
        OneApply,
        ApplyEvent,
        _follow,
        answer=Answer.STREAM,
        about="apply",
        by="id",
    ),
)
