"""A plan without any platform: against what the target branch holds, for those who may see no secret.

Rule: nothing here reaches a server, a stored database or a credential."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from caseway.delivery.reading import is_bad, with_range
from caseway.github.event import Event
from caseway.model.access import local
from caseway.model.desired import Desired
from caseway.model.errors import CasewayError
from caseway.operations.client import Client, PlanOptions
from caseway.operations.local_client import LocalClient
from caseway.platform.compose import open_platform
from caseway.repo import git
from caseway.repo.read import Reading, read
from caseway.targets.registry import TARGETS

NOBODY = "nobody"


def base_reading(root: Path, event: Event) -> Reading | None:
    """What the pull request starts from, when the checkout holds it: the merge's first parent, else the base
    that the event names. None when neither is there."""
    if event.pull_request is None:
        return None
    refs = [event.pull_request.base_sha] if event.pull_request.base_sha else []
    if _is_merge(root):
        refs.insert(0, "HEAD^1")
    for ref in refs:
        try:
            return read(root, ref=ref)
        except CasewayError:
            continue
    return None


def _is_merge(root: Path) -> bool:
    try:
        git.resolve(root, "HEAD^2")
    except CasewayError:
        return False
    return True


def with_what_came(reading: Reading, event: Event) -> Reading:
    """The reading with the secrets that the commits of a push or a pull request add, when the checkout holds
    where they begin."""
    starts = [event.before] if event.name == "push" else []
    if event.pull_request is not None:
        starts = ["HEAD^1"] if _is_merge(reading.root) else [event.pull_request.base_sha]
    for start in starts:
        try:
            return with_range(reading, start) if start.strip("0") else reading
        except CasewayError as error:
            if error.code not in {"no-such-ref", "no-git-repository"}:  # a shallow checkout, an archive
                raise
    return reading


def base_of(desired: Desired, base: Reading | None) -> Desired | None:
    """The same project as the base has it; None when it is not there or not valid."""
    if base is None or is_bad(base.diagnostics, strict=False):
        return None
    return next((each for each in base.desired if each.project == desired.project), None)


@contextmanager
def empty_platform(organization: str, base: Desired | None) -> Iterator[Client]:
    """A platform that lives as long as the block, holding what `base` asks for."""
    with TemporaryDirectory(prefix="caseway-") as folder:
        url = f"sqlite:///{folder}/state.db"
        with open_platform(url, targets=TARGETS, secret_key="") as platform:
            client = LocalClient(platform, local(organization, NOBODY))
            if base is not None:
                made = client.plan(base, PlanOptions())
                if not made.blocked:
                    client.apply(made, lambda _event: None)
            yield client
