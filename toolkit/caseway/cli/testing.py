"""Wires `caseway test`: reads the project, runs its cases, adds up what they visited."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import caseway_runner as runner
from caseway.cli.session import Session
from caseway.delivery.reading import read_project
from caseway.model.errors import CasewayError
from caseway.worker.cases import cases
from caseway.worker.coverage import Coverage, coverage
from caseway.worker.suite import Case, Result, run_case


@dataclass(frozen=True, slots=True)
class SuiteRequest:
    """Which tests to run. `processes` lets shell and script tasks without a stub run."""

    path: str | None = None
    name_filter: str = ""
    processes: bool = False


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """All results, and the coverage of every workflow that was tested."""

    results: tuple[Result, ...]
    coverage: tuple[Coverage, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every test passed."""
        return all(result.is_passed for result in self.results)


def run_suite(session: Session, request: SuiteRequest) -> SuiteReport:
    """Run the tests; an error when there are none to run."""
    found = _found(session, request)
    if not found:
        raise CasewayError(
            "there are no tests here",
            code="no-tests",
            hint="put a WorkflowTest into use-cases/NAME/tests/; see 'caseway schema WorkflowTest'",
        )
    policy = runner.Policy(processes=request.processes)
    results = asyncio.run(_run_all(found, policy))
    return SuiteReport(results, tuple(_coverage(results)))


def _found(session: Session, request: SuiteRequest) -> list[Case]:
    root = session.project_root(request.path)
    reading = read_project(root)
    below = ""
    if request.path is not None:
        asked = (session.start / request.path).resolve()
        below = asked.relative_to(root).as_posix() if asked.is_relative_to(root) else ""
    return [
        case
        for project in reading.projects
        for case in cases(project, below)
        if request.name_filter in case.name
    ]


async def _run_all(found: list[Case], policy: runner.Policy) -> tuple[Result, ...]:
    return tuple([await run_case(case, policy) for case in found])


def _coverage(results: tuple[Result, ...]) -> list[Coverage]:
    visited: dict[tuple[str, str], set[str]] = {}
    ways: dict[tuple[str, str], set[str]] = {}
    documents = {}
    for result in results:
        if result.case.local is not None:
            key = (result.case.use_case, result.case.workflow)
            visited.setdefault(key, set()).update(result.visited)
            ways.setdefault(key, set()).update(result.taken)
            documents[key] = result.case.local.document
    return [coverage("/".join(key), documents[key], visited[key], ways[key]) for key in sorted(visited)]
