"""Errors that nothing else here comes across; and none that the platform may raise is without a test."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import caseway.platform
from caseway.model.access import local
from caseway.model.errors import CasewayError
from caseway.model.plan import Action, Kind, Verb
from caseway.model.quantities import seconds, size
from caseway.platform import blobs, installing, previews, processes, pulling, runtimes
from caseway.platform.access import people, tokens
from caseway.platform.answered import Question, begin
from caseway.platform.apply import apply
from caseway.platform.building import BuildRequest, BuiltImage
from caseway.platform.compose import Platform
from caseway.platform.oauth import checked_url
from caseway.platform.previews import PreviewOrder
from caseway.platform.pulling import Remote, Secrets
from caseway.platform.telemetry.look import POINTS, windows
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_repo,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    applied_unseen,
    deployed,
    planned,
)

# Why no test here can come across it.
ELSEWHERE: Mapping[str, str] = {
    "extra-missing": "needs an installation without the extra: tests/e2e/test_wheel.py installs none",
    "missing-extra": "as extra-missing",
}


def _refused(platform: Platform, repo: object) -> CasewayError:
    report = applied(platform, repo)  # type: ignore[arg-type]
    raise CasewayError(report.failed[0].message, code=report.failed[0].error_code)


def _many_points(platform: Platform) -> None:
    columns = (
        "organization, execution_id, name, unit, value, at, process, instance, workflow, version, status"
    )
    at = "2026-01-01T11:00:00.000000Z"
    values = f"'{ORGANIZATION}', 'e', 'caseway.execution.duration', 's', 1, '{at}', 'p', 'i', 'w', '1', 'x'"
    statement = (
        f"INSERT INTO metric_points ({columns}, expires_at) "
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {POINTS}) "
        f"SELECT {values}, '{at}' FROM n"
    )
    with platform.database.writing() as connection:
        connection.execute(sa.text(statement))
    windows(platform, ORGANIZATION, window="hour")


def _no_handler(platform: Platform) -> None:
    strange = Action("publish-runtime:x", Verb.PUBLISH, Kind.RUNTIME, "x", "nobody asked for it")
    report = apply(platform, replace(planned(platform, a_repo()), actions=(strange,)), actor="tests")
    raise CasewayError(report.failed[0].message, code=report.failed[0].error_code)


def _one_id_for_all(platform: Platform) -> None:
    _refused(replace(platform, ids=lambda: "same"), a_repo(a_use_case("one"), a_use_case("two")))


def _values_that_do_not_hold(platform: Platform) -> None:
    wait = {"wait": {"seconds": "$[[ params.pause ]]"}}
    body = {
        "parameters": {"type": "object", "properties": {"pause": {"type": "string", "default": "soon"}}},
        "workflows": [a_workflow(definition=a_document("main", do=[{"rest": wait}]))],
    }
    _refused(platform, a_repo(a_use_case(**body), an_instance()))


def _not_built(platform: Platform) -> None:
    case = a_use_case(container={"network": "none"}, runtime="slim")
    [failed] = applied_unseen(platform, a_repo(case, an_instance())).failed
    raise CasewayError(failed.message, code=failed.error_code)


def _taken_process(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case()))
    processes.clone(platform, ORGANIZATION, "invoice", "invoice", owner="ann", actor="ann")


def _taken_instance(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    place = {"stage": "dev", "owner": "bob"}
    installing.add(platform, ORGANIZATION, "invoice-dev", "invoice", place, installing.DEFAULTS, "bob")


def _published_snapshot(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    order = PreviewOrder("pr-7", a_repo(a_use_case(title="tried"), an_instance()))
    previews.up(platform, order, actor="ci")
    processes.publish(platform, ORGANIZATION, "invoice--pr-7", actor="ann")


def _of_several_people(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance(), an_instance("other", owner="bob")))
    processes.promote(platform, ORGANIZATION, "invoice", "dev", actor="ann")


def _token_of_yesterday(platform: Platform) -> None:
    yesterday = platform.clock() - timedelta(days=1)
    me = local(ORGANIZATION, "ann")
    people.add_user(platform, me, "bob")
    tokens.create_token(platform, me, scopes=["read"], user="bob", expires_at=yesterday)


def _rotated_after_its_end(platform: Platform) -> None:
    me = local(ORGANIZATION, "ann")
    people.add_user(platform, me, "bob")
    view, _ = tokens.create_token(platform, me, scopes=["read"], user="bob")
    tokens.revoke_token(platform, me, view.prefix, everyones=True)
    tokens.rotate_token(platform, me, view.prefix, everyones=True)


def _built_twice(platform: Platform) -> None:
    request = BuildRequest(ORGANIZATION, "slim", {"image": "x"})
    again: list[CasewayError] = []

    def builder(_request: BuildRequest, _log: Callable[[str], None]) -> BuiltImage:
        try:
            runtimes.build(building, request, "sha256:0", actor="bob", log=str)
        except CasewayError as error:
            again.append(error)
        return BuiltImage("x", "sha256:1", 1, "sha256:2")

    building = replace(platform, builder=builder)
    runtimes.build(building, request, "sha256:0", actor="ann", log=str)
    raise again[0]


def _asked_twice(platform: Platform) -> None:
    asked = Question(ORGANIZATION, "ann", "key", "digest")
    assert begin(platform, asked) is None
    begin(platform, asked)


def _asked_otherwise(platform: Platform) -> None:
    begin(platform, Question(ORGANIZATION, "ann", "key", "digest"))
    begin(platform, Question(ORGANIZATION, "ann", "key", "another"))


ERRORS: Mapping[str, Callable[[Platform], object]] = {
    "ambiguous": _of_several_people,
    "bad-duration": lambda _: seconds("soon"),
    "bad-size": lambda _: size("much"),
    "blobs-missing": lambda platform: blobs.contents(platform, ORGANIZATION, ["sha256:0"]),
    "build-running": _built_twice,
    "credential-refresh": lambda _: checked_url("http://10.0.0.1/token", "erp"),
    "conflict": _one_id_for_all,
    "expiry": _token_of_yesterday,
    "idempotency-in-progress": _asked_twice,
    "idempotency-key-reused": _asked_otherwise,
    "interval": lambda platform: pulling.register(
        platform, Remote(ORGANIZATION, "p", "https://git.example.com/p.git", 1), Secrets(), actor="ann"
    ),
    "name-taken": _taken_process,
    "name-taken ": _taken_instance,
    "no-such-target": lambda platform: _refused(
        replace(platform, targets={}), a_repo(a_use_case(), an_instance())
    ),
    "rendered-workflow": _values_that_do_not_hold,
    "runtime-not-built": _not_built,
    "snapshot": _published_snapshot,
    "token-ended": _rotated_after_its_end,
    "too-many-points": _many_points,
    "unknown-action": _no_handler,
}


@pytest.mark.parametrize("code", ERRORS)
def test_each_of_these_is_refused_by_name(platform: Platform, code: str) -> None:
    with pytest.raises(CasewayError) as refused:
        ERRORS[code](platform)
    assert refused.value.code == code.strip()


def test_no_error_of_the_platform_is_without_a_test() -> None:
    expected = {text for file in Path(__file__).parents[1].rglob("test_*.py") for text in _texts(file)}
    raised = {code for file in Path(caseway.platform.__file__).parent.rglob("*.py") for code in _codes(file)}
    assert raised - expected - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) <= raised


def _codes(file: Path) -> Iterator[str]:
    """Whatever is given as `code` to something that is called."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split()
