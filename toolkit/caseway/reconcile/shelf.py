"""The templates of each process as they will be after the plan: what is there, plus what the repo adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from caseway.model.canonical import JsonObject
from caseway.model.desired import Desired, Source, UseCase
from caseway.model.plan import Action, Kind, Verb
from caseway.model.snapshot import Process, Snapshot, Template
from caseway.model.states import TemplateStatus
from caseway.reconcile.compatibility import Bump
from caseway.reconcile.diff import diff
from caseway.reconcile.ranges import is_exact, version_of
from caseway.reconcile.step import Step, Subject, action_id, template_name
from caseway.reconcile.version import NextVersion, highest_version, infer

DEV = "dev"  # what snapshots of uncommitted work are for


@dataclass(frozen=True, slots=True)
class Shelf:
    """One process with all its templates. `current` is the one whose digest the use case has in the repo;
    None when it could not be made."""

    use_case: UseCase
    templates: tuple[Template, ...]
    current: Template | None
    step: Step


def shelves(desired: Desired, actual: Snapshot) -> Mapping[str, Shelf]:
    """The shelf of every use case of the repo, by its name."""
    return {
        use_case.name: _shelf(use_case, actual.processes.get(use_case.name), desired)
        for use_case in desired.use_cases
    }


def process_payload(use_case: UseCase) -> JsonObject:
    """All that the platform keeps of a process besides its templates."""
    return {
        "listing": use_case.listing,
        "processType": process_type(use_case),
        "exclusive": use_case.exclusive,
        "title": str(use_case.listing.get("title") or use_case.body.get("title") or use_case.name),
    }


def process_type(use_case: UseCase) -> str:
    """`personal` unless the use case says otherwise."""
    return str(use_case.listing.get("processType") or use_case.body.get("processType") or "personal")


def _shelf(use_case: UseCase, process: Process | None, desired: Desired) -> Shelf:
    subject = Subject(Kind.PROCESS, use_case.name)
    if process is None:
        payload = {**process_payload(use_case), "owner": desired.owner}
        create = subject.to(Verb.CREATE, "new use case", payload)
        return _with_template(use_case, (), desired.source, Step((create,)))
    if process.project != desired.project:
        owner = f"project '{process.project}'" if process.project else "no project"
        message = (
            f"use case '{use_case.name}' is taken: the process of that name belongs to {owner}; "
            "give the use case another name, or remove and prune it there first"
        )
        return Shelf(use_case, process.templates, None, Step(blocked=(message,)))
    # Uncommitted work shows in the stage it is tried in, not in the catalogue that all stages share.
    listing = Step() if use_case.snapshot == DEV else _listing(use_case, process, subject)
    return _with_template(use_case, process.templates, desired.source, listing)


def _listing(use_case: UseCase, process: Process, subject: Subject) -> Step:
    changes = diff(
        {
            "listing": process.listing,
            "processType": process.process_type,
            "exclusive": process.exclusive,
            "archived": process.archived,
        },
        {
            "listing": use_case.listing,
            "processType": process_type(use_case),
            "exclusive": use_case.exclusive,
            "archived": False,
        },
    )
    if not changes:
        return Step()
    reason = "is back in the repo" if process.archived else "changed in the repo"
    return Step((subject.to(Verb.UPDATE, reason, process_payload(use_case), changes=changes),))


def _with_template(use_case: UseCase, templates: tuple[Template, ...], source: Source, before: Step) -> Shelf:
    known = next((item for item in templates if item.digest == use_case.digest), None)
    if known is not None:
        # The same content is at hand already: nobody need fetch the stored body again.
        current = replace(known, body=use_case.body)
        templates = tuple(current if item is known else item for item in templates)
        notices = tuple(_unused_version(use_case, known))
        return Shelf(use_case, templates, current, replace(before, notices=notices))
    taken = next((item for item in templates if item.version == use_case.version), None)
    problem = _conflict(use_case, taken, source)
    if problem:
        return Shelf(use_case, templates, None, replace(before, blocked=(problem,)))
    old = templates[-1] if templates else None
    version = _next(old, use_case, templates)
    revision = old.revision + 1 if old else 1
    new = Template(
        version.version,
        revision,
        use_case.digest,
        TemplateStatus.INACTIVE,
        source.commit,
        use_case.body,
        use_case.snapshot,
    )
    step = replace(
        before,
        actions=(*before.actions, _creation(use_case, old, version, source)),
        notices=tuple(_backwards(use_case, version, templates)),
    )
    return Shelf(use_case, (*templates, new), new, step)


def _next(old: Template | None, use_case: UseCase, templates: tuple[Template, ...]) -> NextVersion:
    """The next version; of a snapshot, a build of it: the number that the commit would get."""
    version = infer(old, use_case, (item.version for item in templates))
    if not use_case.snapshot:
        return version
    return replace(version, version=build_of(version.version, use_case))


def build_of(version: str, use_case: UseCase) -> str:
    """The version of a snapshot: the same content is the same build."""
    content = use_case.digest.removeprefix("sha256:")[:10]
    return f"{version.partition('+')[0]}+{use_case.snapshot}.{content}"


def _creation(use_case: UseCase, old: Template | None, version: NextVersion, source: Source) -> Action:
    payload: JsonObject = {
        "process": use_case.name,
        "version": version.version,
        "digest": use_case.digest,
        "body": use_case.body,
        "commit": source.commit,
        "author": source.author,
        "message": source.message,
        "path": use_case.path,
        "rule": version.rule,
        "bump": version.bump.value,
        "from": old.version if old else "",
        "details": list(version.details),
    }
    if use_case.snapshot:
        payload = {**payload, "snapshot": use_case.snapshot}
    return Subject(Kind.TEMPLATE, template_name(use_case.name, version.version)).to(
        Verb.CREATE,
        version.reason,
        payload,
        changes=diff(old.body, use_case.body) if old else (),
        after=(action_id(Verb.CREATE, Kind.PROCESS, use_case.name),),
    )


def _conflict(use_case: UseCase, taken: Template | None, source: Source) -> str:
    if use_case.version and not is_exact(use_case.version):
        return f"use case '{use_case.name}': version '{use_case.version}' is not a version such as 1.2.0"
    if taken is None or use_case.snapshot:
        return ""
    here = f"commit {source.commit[:12]}" if source.commit else "the work tree"
    if source.dirty and source.commit:
        here += " with uncommitted changes"
    there = f"commit {taken.commit[:12]}" if taken.commit else "a work tree outside git"
    return (
        f"use case '{use_case.name}': version {taken.version} exists already with other content: "
        f"it was made from {there}, this is {here}; give the changed content a new version"
    )


def _unused_version(use_case: UseCase, known: Template) -> Iterator[str]:
    if use_case.version and use_case.version != known.version and not use_case.snapshot:
        yield (
            f"use case '{use_case.name}' asks for version {use_case.version}, but its content is that of "
            f"{known.version}: same content, same template"
        )


def _backwards(use_case: UseCase, version: NextVersion, templates: tuple[Template, ...]) -> Iterator[str]:
    if version.bump is not Bump.EXPLICIT or not templates:
        return
    highest = highest_version(item.version for item in templates)
    if version_of(version.version) < highest:
        yield f"use case '{use_case.name}' goes back to version {version.version}: there is {highest} already"
