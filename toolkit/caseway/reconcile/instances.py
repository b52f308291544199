"""The instances that the repo declares, those that only follow, and those that merely stand by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from caseway.model.canonical import Json, JsonObject
from caseway.model.desired import Follows
from caseway.model.desired import Instance as DesiredInstance
from caseway.model.fields import INSTANCE_FIELDS, instance_fields
from caseway.model.plan import Change, Kind, Verb
from caseway.model.snapshot import Instance, Template
from caseway.reconcile.choose import Choice, choose
from caseway.reconcile.contract import contract
from caseway.reconcile.diff import diff, same
from caseway.reconcile.inputs import parameter_problems
from caseway.reconcile.placement import Placement, decide, fallback, is_enabled, update_available
from caseway.reconcile.ranges import is_exact
from caseway.reconcile.sensitive import secret_parameters
from caseway.reconcile.setting import Setting
from caseway.reconcile.shelf import Shelf
from caseway.reconcile.step import Step, Subject, action_id


def declared(
    instance: DesiredInstance, now: Instance | None, setting: Setting
) -> tuple[Placement | None, Step]:
    """A declared instance as the plan leaves it, with its notices; None when it may not be touched."""
    problem = _problem(instance, now, setting)
    if problem:
        return None, Step(blocked=(f"instance '{instance.name}' {problem}",))
    shelf = setting.shelves[instance.use_case]
    fields = _kept(instance_fields(instance), now, setting)
    follows = setting.stages[instance.stage]
    choice = choose(str(fields["version"]), follows, shelf.templates, shelf.use_case.digest)
    if choice.problem and not fields["archived"]:
        return None, Step(blocked=(f"instance '{instance.name}': {choice.problem}",))
    template = choice.template or fallback(now, shelf)
    changes = _changes(instance, fields, now, (shelf, template))
    move, notices = None, list(_notices(instance, fields, choice, template, follows, shelf))
    if template is not None and is_enabled(fields):
        move, notice = decide(now, template, fields, changes, setting)
        notices += [notice] if notice else []
    placement = Placement(
        name=instance.name,
        process=instance.use_case,
        stage=instance.stage,
        owner=instance.owner,
        fields=fields,
        now=now,
        changes=changes,
        move=move,
    )
    return placement, Step(notices=tuple(notices))


def follower(now: Instance, setting: Setting) -> tuple[Placement, Step]:
    """An instance that a user or another project installed: it gets new templates that its range allows, and
    is otherwise left as it is."""
    standing = bystander(now, setting)
    shelf = setting.shelves.get(now.process)
    wanted = str(now.desired.get("version", "*"))
    if shelf is None or is_exact(wanted) or not setting.includes(now.stage) or not _runs(now):
        return standing, Step()
    follows = setting.stages.get(now.stage, Follows.LATEST)
    template = choose(wanted, follows, shelf.templates, shelf.use_case.digest).template
    current = now.current
    assert current is not None
    if template is None or template.digest == current.template_digest:
        return standing, Step()
    parameters: Any = now.desired.get("parameters", {})
    problems = tuple(parameter_problems(parameters, contract(template.body)))
    if problems:
        words = f"{now.name}: update available, {current.version} → {template.version}, but {problems[0]}"
        return standing, Step(notices=(words,))
    move, notice = decide(now, template, now.desired, (), setting)
    return bystander(now, setting, move), Step(notices=(notice,) if notice else ())


def bystander(now: Instance, setting: Setting, move: Any = None) -> Placement:
    """An instance that stays as it is."""
    return Placement(
        name=now.name,
        process=now.process,
        stage=now.stage,
        owner=now.owner,
        fields=now.desired,
        now=now,
        is_ours=setting.is_ours(now),
        move=move,
    )


def instance_step(placement: Placement, is_declared: bool, after: Iterable[str]) -> Step:
    """Create the instance itself, or update its fields."""
    subject = Subject(Kind.INSTANCE, placement.name)
    payload: JsonObject = {
        "process": placement.process,
        "stage": placement.stage,
        "owner": placement.owner,
        "fields": placement.fields,
        "declared": is_declared,
    }
    process = action_id(Verb.CREATE, Kind.PROCESS, placement.process)
    if placement.now is None:
        reason = "new in the repo" if is_declared else "first instance of the use case"
        action = subject.to(Verb.CREATE, reason, payload, changes=placement.changes, after=(process, *after))
    else:
        reason = _reason(placement.fields, placement.now)
        action = subject.to(Verb.UPDATE, reason, payload, changes=placement.changes, after=after)
    return Step((action,))


def _runs(now: Instance) -> bool:
    return now.current is not None and is_enabled(now.desired)


def _problem(instance: DesiredInstance, now: Instance | None, setting: Setting) -> str:
    if instance.use_case not in setting.shelves:
        return f"is of use case '{instance.use_case}', which this project does not have"
    if instance.stage not in setting.stages:
        return f"is in stage '{instance.stage}'; the project's stages are: {', '.join(setting.stages)}"
    return "" if now is None else _kept_apart(instance, now, setting)


def _kept_apart(instance: DesiredInstance, now: Instance, setting: Setting) -> str:
    """Why the instance of that name cannot become this one: its id, keys and history belong to what it is."""
    if not setting.is_ours(now):
        whose = f"belongs to project '{now.project}'" if now.applied else "was installed by a user"
        return f"is taken: the one of that name {whose}; give yours another name"
    if now.process != instance.use_case:
        return f"is of process '{now.process}' and cannot move to '{instance.use_case}': use another name"
    if now.stage != instance.stage:
        return f"is in stage '{now.stage}' and cannot move to '{instance.stage}': use another name"
    return ""


def _kept(fields: JsonObject, now: Instance | None, setting: Setting) -> JsonObject:
    """The fields with the store's values where hands may change them."""
    if now is None or not setting.ignore:
        return fields
    for pointer in setting.ignored(now.name):
        tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
        if tokens and tokens[0] in INSTANCE_FIELDS:
            fields = _with(fields, now.desired, tokens)
    return fields


def _with(fields: JsonObject, kept: JsonObject, tokens: list[str]) -> JsonObject:
    head, *rest = tokens
    result: dict[str, Json] = dict(fields)
    if not rest:
        if head in kept:
            result[head] = kept[head]
        else:
            result.pop(head, None)
        return result
    mine, theirs = fields.get(head, {}), kept.get(head, {})
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        result[head] = _with(mine, theirs, rest)
    return result


def _changes(
    instance: DesiredInstance, fields: JsonObject, now: Instance | None, of: tuple[Shelf, Template | None]
) -> tuple[Change, ...]:
    before = {} if now is None else now.desired
    if now is not None and now.owner == instance.owner and same(before, fields):
        return ()
    secrets = frozenset(f"/parameters/{name}" for name in _secrets(*of))
    if now is None:
        return diff({}, {key: value for key, value in fields.items() if _says(key, value)}, secrets=secrets)
    owner = (Change("/owner", now.owner, instance.owner),) if now.owner != instance.owner else ()
    return (*owner, *diff(before, fields, secrets=secrets))


def _secrets(shelf: Shelf, template: Template | None) -> Iterator[str]:
    """What either the template or the repo calls a secret."""
    if template is not None:
        yield from secret_parameters(template.body.get("parameters"))
    yield from secret_parameters(shelf.use_case.body.get("parameters"))


_USUAL: Mapping[str, Json] = {"version": "*", "enabled": True, "archived": False}


def _says(key: str, value: Json) -> bool:
    return value != _USUAL[key] if key in _USUAL else bool(value)


def _reason(fields: JsonObject, now: Instance) -> str:
    if now.desired.get("archived") and not fields.get("archived"):
        return "is back"
    by_hand = bool(now.applied) and not same(now.desired, now.applied)
    in_repo = not same(fields, now.applied)
    if by_hand and not in_repo:
        return "drift: changed by hand"
    return "changed in the repo, and by hand" if by_hand else "changed in the repo"


def _notices(
    instance: DesiredInstance,
    fields: JsonObject,
    choice: Choice,
    template: Template | None,
    follows: Follows,
    shelf: Shelf,
) -> Iterator[str]:
    if not is_enabled(fields):
        return
    if template is not None:
        notice = update_available(instance.name, str(fields["version"]), follows, template, shelf)
        if notice:
            yield notice
    elif choice.waits:
        yield f"{instance.name}: not deployed, for {choice.waits}; publish a version, or name one"
