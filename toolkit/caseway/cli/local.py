"""Opens the platform in this process, on its own database, with the targets this version has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caseway.cli.engine import build_image, image_id
from caseway.cli.engine_facts import ask_engine
from caseway.cli.output import clean, say
from caseway.model.errors import CasewayError
from caseway.model.project_files import PROJECT_FILES
from caseway.platform.artifact_store import store_at
from caseway.platform.compose import Platform, open_platform
from caseway.platform.health_gate import HealthCheck
from caseway.platform.identity import Provider
from caseway.platform.secret_sources import SecretSources
from caseway.platform.statements import ARTIFACT_BYTES
from caseway.targets.registry import TARGETS

SMALLEST = 1024  # of what is kept apart: less would cost more than it saves


@contextmanager
def open_local(
    url: str,
    *,
    secret_key: str,
    base_url: str = "",
    artifacts: tuple[str, str] = ("", ""),
    sources: SecretSources | None = None,
    provider: Provider | None = None,
) -> Iterator[Platform]:
    """The platform at `url`, closed afterwards; `artifacts` are from which size on they are kept apart, and
    where."""
    with open_platform(
        url,
        targets=TARGETS,
        secret_key=secret_key,
        base_url=base_url,
        check=_check,
        builder=build_image,
        image_id=image_id,
        ask_engine=ask_engine,
        on_line=_show,
        artifact_bytes=_size(artifacts[0]),
        artifact_store=store_at(artifacts[1]),
        sources=sources,
        provider=provider,
    ) as platform:
        yield platform


def _size(text: str) -> int:
    if not text:
        return ARTIFACT_BYTES
    if not text.isdecimal() or int(text) < SMALLEST:
        raise CasewayError(
            f"CASEWAY_ARTIFACT_BYTES is {text!r}",
            code="setting",
            hint=f"give a number of bytes, {SMALLEST} or more",
        )
    return int(text)


def _show(line: str) -> None:
    """A line of what is being built."""
    say(f"  {clean(line)}", err=True)


def _check(asked: HealthCheck) -> str:
    from caseway.worker.health import check

    return check(asked)


def organization_of(root: Path, overlay: str = "") -> str:
    """The organization of the project at `root`: the overlay's, else `spec.organization`, else the project's
    name."""
    if overlay:
        return _overlaid_organization(root, overlay)
    from caseway.worker.surroundings import parsed_values

    for name in PROJECT_FILES:
        if (root / name).is_file():
            for value in parsed_values((root / name).read_bytes(), name):
                if isinstance(value, dict) and value.get("kind") == "Project":
                    return str((value.get("spec") or {}).get("organization") or value["metadata"]["name"])
    raise CasewayError(
        "which organization? There is no caseway.yaml here or above",
        code="no-project",
        place=str(root),
        hint="choose a project with -C, or give --organization NAME",
    )


def _overlaid_organization(root: Path, overlay: str) -> str:
    from caseway.delivery.reading import read_project
    from caseway.repo.compile import desired
    from caseway.repo.overlay import overlaid

    reading = read_project(root)
    project = next(each for each in reading.projects if each.root == "")
    return desired(overlaid(project, overlay), reading.source).organization


def shown_url(url: str) -> str:
    """A database URL with its password hidden."""
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, slashes, account = head.partition("://")
    return f"{scheme}{slashes}{account.partition(':')[0]}@{tail}"
