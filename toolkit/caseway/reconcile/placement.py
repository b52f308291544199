"""One instance, before and after: which template it is to run, from which inputs, and whether that needs a
deployment. Knows nothing of other instances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from caseway.model.canonical import JsonObject
from caseway.model.desired import Follows
from caseway.model.plan import Change, Verb
from caseway.model.snapshot import Deployment, Instance, Template
from caseway.model.states import DeploymentStatus, InstancePhase
from caseway.reconcile.inputs import inputs_digest
from caseway.reconcile.ranges import is_exact, version_of
from caseway.reconcile.resources import connections_of, runtime_of
from caseway.reconcile.setting import Setting
from caseway.reconcile.shelf import Shelf

_SERVING = frozenset((DeploymentStatus.DEPLOYED, DeploymentStatus.UPDATING))
_AGAIN = "interrupted"
_LACKS = "missing-integration"


@dataclass(frozen=True, slots=True)
class Move:
    """One deployment to make; `rollout` is its batch when many are updated in batches."""

    verb: Verb
    template: Template
    inputs: str
    reason: str
    changes: tuple[Change, ...] = ()
    rollout: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """One instance as the plan leaves it. `now` is how it stands, None when it is new; `changes` are of its
    fields; `is_ours` is false for what the plan may only update; `leaves_by` is the id of the action that
    takes it out of service, "" when it stays."""

    name: str
    process: str
    stage: str
    owner: str
    fields: JsonObject
    now: Instance | None
    is_ours: bool = True
    changes: tuple[Change, ...] = ()
    move: Move | None = None
    leaves_by: str = ""

    @property
    def is_on(self) -> bool:
        """True when it is meant to run after the plan."""
        return not self.leaves_by and is_enabled(self.fields)

    @property
    def is_serving(self) -> bool:
        """True when it has something to run with after the plan."""
        return self.move is not None or is_serving(self.now)

    @property
    def is_waiting(self) -> bool:
        """True when it goes live by itself as soon as a credential comes, so that its place is taken."""
        return self.now is not None and not is_serving(self.now) and _lacks_credential(self.now)

    @property
    def was_active(self) -> bool:
        """True when its triggers are on before the plan."""
        return (
            self.now is not None
            and is_serving(self.now)
            and is_enabled(self.now.desired)
            and not self.now.auto_paused_by
        )


def is_enabled(fields: JsonObject) -> bool:
    """True when the fields ask for running."""
    return bool(fields.get("enabled", True)) and not fields.get("archived", False)


def is_serving(instance: Instance | None) -> bool:
    """True when a deployment serves it, whether its triggers are on or not."""
    return instance is not None and instance.current is not None and instance.current.status in _SERVING


def fallback(now: Instance | None, shelf: Shelf) -> Template | None:
    """The template that serves now: what an instance keeps while nothing else is eligible."""
    if now is None or now.current is None or not is_serving(now):
        return None
    digest = now.current.template_digest
    return next((item for item in shelf.templates if item.digest == digest), None)


def decide(
    now: Instance | None,
    template: Template,
    fields: JsonObject,
    changes: tuple[Change, ...],
    setting: Setting,
) -> tuple[Move | None, str]:
    """The deployment that brings an instance to `template`, or None; and a notice, or ""."""
    inputs = inputs_digest(fields, template.body, setting.digests)
    if now is None or not is_serving(now):
        return _first(now, template, inputs)
    current = now.current
    assert current is not None
    changed = (current.template_digest, current.inputs_digest) != (template.digest, inputs)
    if changed or _has_become(current, template):
        if _has_failed(now.last, template, inputs):
            return None, _failed_update(now, template)
        return _update(current, template, inputs, _causes(changes, template, setting)), ""
    drifted = tuple(_drifted(current, setting.ignored(now.name)))
    if drifted:
        return Move(Verb.REPAIR, template, inputs, f"drift: {', '.join(drifted)}"), ""
    return None, ""


def update_available(name: str, wanted: str, follows: Follows, template: Template, shelf: Shelf) -> str:
    """The notice for an instance whose use case has a newer template than it may run, or ""."""
    newest = shelf.current
    if newest is None or newest is template or version_of(newest.version) <= version_of(template.version):
        return ""
    if is_exact(wanted):
        why = "pinned"
    elif follows is Follows.PUBLISHED:
        why = "not published"
    else:
        why = f"not in {wanted}"
    return f"{name}: update available, {template.version} → {newest.version} ({why})"


def _first(now: Instance | None, template: Template, inputs: str) -> tuple[Move | None, str]:
    last = now and (now.last or now.current)
    reason = "first deployment"
    if now is not None and last:
        if _lacks_credential(now) and _is_for(last, template, inputs):
            return None, f"{now.name}: waits for a credential; set it and it goes live by itself"
        failed = last.status is DeploymentStatus.FAILED
        reason = f"tried again: {last.error or 'the last attempt failed'}" if failed else "not deployed"
    return Move(Verb.DEPLOY, template, inputs, reason, (Change("/version", None, template.version),)), ""


def _update(current: Deployment, template: Template, inputs: str, causes: str) -> Move:
    if current.template_digest == template.digest and not _has_become(current, template):
        return Move(Verb.UPDATE, template, inputs, causes)
    older = version_of(template.version) < version_of(current.version)
    reason = "back to an earlier version" if older else "new version"
    return Move(
        Verb.UPDATE, template, inputs, reason, (Change("/version", current.version, template.version),)
    )


def _has_become(current: Deployment, template: Template) -> bool:
    """True when what was deployed as a snapshot has become a version since."""
    return "+" in current.version and "+" not in template.version


def _lacks_credential(now: Instance) -> bool:
    """True when the last attempt waits for a credential, whether the instance is paused meanwhile or not."""
    last = now.last or now.current
    return now.phase is InstancePhase.MISSING_INTEGRATION or (last is not None and last.error_code == _LACKS)


def _has_failed(last: Deployment | None, template: Template, inputs: str) -> bool:
    return has_failed(last) and last is not None and _is_for(last, template, inputs)


def has_failed(last: Deployment | None) -> bool:
    """True when the last attempt failed by itself: one that was cut off did not."""
    return last is not None and last.status is DeploymentStatus.FAILED and last.error_code != _AGAIN


def _is_for(attempt: Deployment, template: Template, inputs: str) -> bool:
    return (attempt.template_digest, attempt.inputs_digest) == (template.digest, inputs)


def _failed_update(now: Instance, template: Template) -> str:
    assert now.last is not None
    error = f": {now.last.error}" if now.last.error else ""
    return (
        f"{now.name}: update to {template.version} failed{error}; the version before still serves. "
        f"Retry with `caseway instance deploy {now.name}`"
    )


def _causes(changes: tuple[Change, ...], template: Template, setting: Setting) -> str:
    """Why the inputs differ, in words."""
    fields = {change.path.split("/")[1] for change in changes}
    causes: list[str] = [name for name in ("parameters", "credentials", "resources") if name in fields]
    if f"put-runtime:{runtime_of(template.body)}" in setting.changed:
        causes.append(f"runtime '{runtime_of(template.body)}'")
    for name in connections_of(template.body):
        if f"put-connection:{name}" in setting.changed:
            causes.append(f"connection '{name}'")
    return f"{', '.join(causes) or 'inputs'} changed"


def _drifted(current: Deployment, ignored: tuple[str, ...]) -> Iterator[str]:
    for item in current.workflows:
        if item.digest == item.published_digest or f"/workflows/{item.workflow}" in ignored:
            continue
        words = "was changed by hand" if item.digest else "is gone"
        yield f"workflow '{item.workflow}' {words}"
