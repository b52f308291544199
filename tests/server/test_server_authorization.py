"""Every operation, asked by everybody: each row says who may, and an operation without a row fails.

A refusal is asked for over HTTP, of the real application with real tokens; what is allowed is asked of the
same check that the application asks, so that nothing is done a hundred times over."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from caseway.model.access import ALL_SCOPES, ANONYMOUS, Caller, local
from caseway.model.errors import CasewayError
from caseway.operations.authorize import require
from caseway.operations.decode import decode
from caseway.operations.examples import whole_example
from caseway.operations.operation import PREFIX, Answer, Operating, Operation
from caseway.operations.placing import placed
from caseway.operations.table import OPERATIONS
from caseway.platform import applies, creation, kept_plans, keys
from caseway.platform.access import people, service_accounts, teams, tokens
from caseway.platform.access.caller import caller_of
from caseway.platform.compose import Platform
from caseway.platform.database import migrate
from caseway.platform.views import get_instance
from caseway.server.app import create_app, flat
from caseway.server.edge import Edge
from caseway.server.settings import ServerSettings
from chaos.store_builders import (
    ORGANIZATION,
    a_platform,
    a_repo,
    a_resource,
    a_use_case,
    an_instance,
    deployed,
    planned,
)

INSTANCE, PROCESS, PROJECT = "invoice-dev", "invoice", "acme-automations"
ADMINS = {"admin", "owner", "manage"}
ABROAD = {"elsewhere"}  # an owner of another organization: there they may, and here nothing
PEOPLE = {"stranger", "viewer", "operator", "editor", "holder", "publisher", "teammate", "admin", "owner"}
LISTS = PEOPLE | ABROAD | {"read-only owner", "read", "deploy", "manage", "other project"}
LISTED = {"viewer", "operator", "editor", "holder", "teammate"}
SEEN = LISTED | {"publisher", "admin", "owner", "deploy", "manage"}
EVERYBODY = LISTS | {"nobody", "trigger", "key", "other key"}

WHO: dict[str, set[str]] = {
    "anybody": EVERYBODY,
    "lists": LISTS,
    "account": PEOPLE | ABROAD | {"manage"},
    "administer": ADMINS | ABROAD,
    "deploys": ADMINS | ABROAD | {"deploy"},
    "carries out": ADMINS | {"deploy"},
    "uploads": ADMINS | ABROAD | {"deploy", "other project"},
    "sends events": ADMINS | ABROAD | {"trigger"},
    "views": {"viewer", "operator", "editor", "holder", "owner", "deploy", "manage"}
    | {"read-only owner", "read", "key"},
    "triggers": {"operator", "editor", "holder", "owner", "trigger", "manage", "key"},
    "operates": {"operator", "editor", "holder", "owner", "manage"},
    "edits": {"editor", "holder", "owner", "deploy", "manage"},
    "owns": {"holder", "owner", "manage"},
    "browses": SEEN | {"read-only owner", "read"},
    "installs": SEEN,
    "publishes": {"publisher", "admin", "owner", "deploy", "manage"},
}

ROWS: dict[str, str] = {
    "applies.create": "carries out",
    "applies.follow": "carries out",
    "applies.get": "carries out",
    "applies.list": "lists",
    "blobs.missing": "uploads",
    "blobs.put": "uploads",
    "plans.create": "deploys",
    "plans.get": "carries out",
    "approvals.decide": "views",
    "approvals.list": "lists",
    "approvals.redeem": "anybody",
    "approvals.token": "operates",
    "artifacts.get": "views",
    "artifacts.list": "views",
    "audit.list": "administer",
    "caller.get": "lists",
    "caller.password": "account",
    "credentials.authorize": "administer",
    "credentials.consent": "administer",
    "credentials.get": "administer",
    "credentials.list": "administer",
    "credentials.remove": "administer",
    "credentials.set": "administer",
    "credentials.test": "administer",
    "credentials.types": "lists",
    "deployments.list": "views",
    "doctor.checklist": "views",
    "doctor.examine": "administer",
    "events.send": "sends events",
    "exchanges.create": "anybody",
    "executions.cancel": "operates",
    "executions.create": "triggers",
    "executions.follow": "views",
    "executions.get": "views",
    "executions.list": "lists",
    "executions.rerun": "operates",
    "executions.resume": "operates",
    "executions.retry": "operates",
    "executions.suspend": "operates",
    "instances.archive": "edits",
    "instances.clone": "edits",
    "instances.delete": "owns",
    "instances.deploy": "edits",
    "instances.get": "views",
    "instances.install": "installs",
    "instances.list": "lists",
    "instances.pause": "operates",
    "instances.purge": "owns",
    "instances.restore": "edits",
    "instances.resume": "operates",
    "instances.rollback": "edits",
    "instances.share": "owns",
    "instances.undeploy": "edits",
    "instances.update": "edits",
    "keys.create": "owns",
    "keys.list": "owns",
    "keys.revoke": "owns",
    "logs.list": "views",
    "metrics.list": "administer",
    "organizations.create": "administer",
    "organizations.list": "lists",
    "previews.collect": "deploys",
    "previews.down": "deploys",
    "previews.get": "deploys",
    "previews.list": "deploys",
    "previews.stale": "deploys",
    "previews.up": "deploys",
    "processes.clone": "installs",
    "processes.create": "installs",
    "processes.delete": "publishes",
    "processes.get": "browses",
    "processes.list": "lists",
    "processes.promote": "publishes",
    "processes.starters": "lists",
    "projects.add": "administer",
    "projects.get": "deploys",
    "projects.list": "deploys",
    "projects.pull": "deploys",
    "projects.remove": "administer",
    "projects.resume": "deploys",
    "projects.suspend": "deploys",
    "runtimes.builds": "carries out",
    "runtimes.get": "carries out",
    "runtimes.list": "lists",
    "schedules.list": "lists",
    "service-accounts.change": "administer",
    "service-accounts.create": "administer",
    "service-accounts.delete": "administer",
    "service-accounts.get": "lists",
    "service-accounts.list": "lists",
    "sessions.begin": "anybody",
    "sessions.complete": "anybody",
    "sessions.create": "anybody",
    "sessions.end": "lists",
    "snapshots.collect": "deploys",
    "spans.list": "views",
    "status.get": "lists",
    "teams.change": "administer",
    "teams.create": "administer",
    "teams.delete": "administer",
    "teams.get": "lists",
    "teams.list": "lists",
    "templates.collect": "administer",
    "templates.deprecate": "publishes",
    "templates.get": "browses",
    "templates.publish": "publishes",
    "templates.verify": "administer",
    "tokens.create": "account",
    "tokens.list": "account",
    "tokens.revoke": "account",
    "tokens.rotate": "account",
    "trusts.add": "administer",
    "trusts.list": "administer",
    "trusts.remove": "administer",
    "users.add": "administer",
    "users.change": "administer",
    "users.get": "lists",
    "users.list": "lists",
    "users.remove": "administer",
}


@dataclass(frozen=True)
class World:
    """A platform, its application, and the token of each who asks."""

    platform: Platform
    app: Edge
    tokens: dict[str, str]
    execution: str
    key: str
    plan: str
    apply: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("authorization")
    migrate(f"sqlite:///{folder / 'first.db'}")
    shutil.copy(folder / "first.db", folder / "state.db")
    with a_platform(f"sqlite:///{folder / 'state.db'}") as platform:
        yield a_world(platform)


def a_world(platform: Platform) -> World:
    """One instance that is shared with some, of a process that some see, and one that is nobody's."""
    shares = [{"user": role, "role": role} for role in ("viewer", "operator", "editor")]
    listing = {"visibility": "userList", "users": ["viewer", "operator", "editor", "holder", "teammate"]}
    shared = replace(an_instance(), owner="holder", sharing={"mode": "users", "users": shares})
    other = replace(an_instance("hidden-dev"), use_case="hidden", owner="somebody")
    repo = a_repo(
        replace(a_use_case(), listing=listing),
        a_use_case("hidden"),
        shared,
        other,
        owner="publisher",
        runtimes=(a_resource("python"),),
    )
    deployed(platform, repo)
    me = local(ORGANIZATION, "tests")
    made = {"nobody": ""}
    roles = dict.fromkeys(PEOPLE, "member") | {"admin": "admin", "owner": "owner"}
    for name, role in sorted(roles.items()):
        people.add_user(platform, me, name, role=role)
        made[name] = tokens.create_token(platform, me, user=name, scopes=ALL_SCOPES)[1]
    teams.create_team(platform, me, "finance", members=["teammate"])
    made["read-only owner"] = tokens.create_token(platform, me, user="owner", scopes=["read"])[1]
    abroad = local("globex", "tests")
    people.add_user(platform, abroad, "elsewhere", role="owner")
    made["elsewhere"] = tokens.create_token(platform, abroad, user="elsewhere", scopes=ALL_SCOPES)[1]
    for scope in ("read", "trigger", "deploy", "manage"):
        made[scope] = a_robot(platform, scope, [scope])
    made["other project"] = a_robot(platform, "other", list(ALL_SCOPES), "another-project")
    view, made["key"] = keys.create(platform, ORGANIZATION, INSTANCE, actor="tests")
    made["other key"] = keys.create(platform, ORGANIZATION, "hidden-dev", actor="tests")[1]
    execution = creation.create(platform, creation.NewExecution(ORGANIZATION, INSTANCE))
    made_plan = kept_plans.keep(platform, planned(platform, repo), {}, actor="tests")
    record = applies.create(platform, ORGANIZATION, "an-apply", (made_plan.id, PROJECT), actor="tests")
    app = create_app(platform, authenticate=caller_of, settings=ServerSettings(port=0))
    return World(platform, app, made, execution, view.id, made_plan.id, record.id)


def a_robot(platform: Platform, name: str, scopes: list[Any], project: str = "") -> str:
    me = local(ORGANIZATION, "tests")
    service_accounts.create_service_account(platform, me, name, scopes=scopes, project=project)
    return tokens.create_token(platform, me, service_account=name, scopes=scopes)[1]


def request_for(world: World, operation: Operation) -> dict[str, Any]:
    """A request that is as it must be, about the one shared instance, its process, project and execution."""
    given = whole_example(operation.request)
    given.pop("owner", None)
    given.pop("ifMatch", None)
    things = {
        "instance": INSTANCE,
        "process": PROCESS,
        "project": PROJECT,
        "execution": world.execution,
        "key": world.key,
        "plan": world.plan,
        "apply": world.apply,
        "runtime": "python",
    }
    if operation.about in things:
        given[operation.by] = things[operation.about]
    return given


def callers(world: World) -> dict[str, Caller]:
    found = {name: caller_of(world.platform, token) for name, token in world.tokens.items() if token}
    return {"nobody": ANONYMOUS, **found}


async def refused(world: World, operation: Operation, names: set[str]) -> dict[str, int]:
    """The status that each gets over HTTP."""
    given = request_for(world, operation)
    places = placed(operation)
    path = operation.path.format(**{item.json: given[item.json] for item in places["path"]})
    query = {item.json: given[item.json] for item in places["query"] if given.get(item.json) is not None}
    body = {item.json: given[item.json] for item in places["body"] if item.json in given}
    statuses = {}
    transport = httpx.ASGITransport(app=world.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here.test") as client:
        for name in sorted(names):
            token = world.tokens[name]
            answer = await client.request(
                operation.method,
                path,
                params=query if operation.method in {"GET", "DELETE"} else None,
                json=body if operation.method in {"POST", "PUT", "PATCH"} else None,
                headers={"Authorization": f"Bearer {token}"} if token else {},
            )
            statuses[name] = answer.status_code
    return statuses


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    assert set(ROWS) == set(OPERATIONS)
    assert set(ROWS.values()) <= set(WHO)


def test_every_route_of_the_api_is_an_operation(world: World) -> None:
    routes = {
        (method, route.path)
        for route in world.app._app.routes
        if getattr(route, "path", "").startswith(PREFIX)
        for method in route.methods
    }
    known = {(operation.method, operation.path) for operation in OPERATIONS.values()}
    assert routes - known <= {("GET", f"{PREFIX}/openapi.json")}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_who_may_not_is_refused_over_http(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    statuses = asyncio.run(refused(world, operation, EVERYBODY - WHO[ROWS[name]]))
    for who, status in statuses.items():
        assert status in ({401} if who == "nobody" else {403, 404}), (who, status)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_who_may_is_let_through(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    request = decode(operation.request, request_for(world, operation))
    for who, caller in callers(world).items():
        try:
            require(Operating(world.platform, caller), operation, request)
            is_allowed = True
        except CasewayError:
            is_allowed = False
        assert is_allowed == (who in WHO[ROWS[name]]), who


# The routes that are no operations: who gets in, as each shows their token.
HEALTH = ("/healthz", "/readyz", "/metrics", f"{PREFIX}/openapi.json")
DOORS: dict[tuple[str, str], set[str]] = {
    **{("GET", path): EVERYBODY for path in HEALTH},
    ("POST", "/hooks/{instance}/main"): {"key"},
    ("GET", "/hooks/{instance}/executions/{execution}"): {"key"},
    ("POST", "/hooks/events"): WHO["sends events"],
    ("POST", "/hooks/push"): set(),  # a forge's signature opens it, no token does
}
EVENT = {"specversion": "1.0", "id": "1", "source": "urn:tests", "type": "tested"}


@pytest.mark.parametrize(("method", "path"), list(DOORS))
def test_every_other_route_lets_in_whom_it_shall_and_nobody_else(
    world: World, method: str, path: str
) -> None:
    view = get_instance(world.platform, ORGANIZATION, INSTANCE)
    url = path.format(instance=view.id, execution=world.execution)
    kind = "application/cloudevents+json" if path == "/hooks/events" else "application/json"

    async def ask() -> dict[str, int]:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here.test") as client:
            found = {}
            for name, token in world.tokens.items():
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                body = json.dumps(EVENT) if method == "POST" else None
                sent = {**headers, "Content-Type": kind, "X-GitHub-Event": "push"}
                found[name] = (await client.request(method, url, headers=sent, content=body)).status_code
            return found

    statuses = asyncio.run(ask())
    assert set(statuses) == EVERYBODY
    assert {name for name, status in statuses.items() if status < 300} == DOORS[method, path]
    assert {status for status in statuses.values() if status >= 300} <= {400, 401, 403, 404}


def test_the_routes_of_both_matrices_are_all_that_there_are(world: World) -> None:
    routes = {
        (method, route.path)
        for route in flat(world.app._app.routes)
        for method in route.methods
        if method != "HEAD"
    }
    operations = {(operation.method, operation.path) for operation in OPERATIONS.values()}
    doors = {(method, path) for method, path in DOORS if "{" not in path}
    triggers = {
        (method, "/hooks/{instance_id}/{path:path}") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    }
    rest = {("GET", "/hooks/{instance_id}/executions/{execution_id}"), ("OPTIONS", "/hooks/events")}
    assert routes == operations | doors | triggers | rest


@pytest.mark.parametrize("role", ["member", "admin", "owner"])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_no_role_in_another_organization_reaches_what_is_in_this_one(
    world: World, name: str, role: str
) -> None:
    operation = OPERATIONS[name]
    if operation.about not in {"process", "instance", "execution", "key", "plan", "apply", "runtime"}:
        return  # it is about the caller's own organization, and cannot name another
    caller = replace(callers(world)["elsewhere"], organization_role=role)
    with pytest.raises(CasewayError) as caught:
        require(
            Operating(world.platform, caller),
            operation,
            decode(operation.request, request_for(world, operation)),
        )
    assert caught.value.code in {"not-found", "forbidden"}


@pytest.mark.parametrize("name", [name for name, row in sorted(ROWS.items()) if row == "lists"])
def test_no_list_shows_what_is_not_shared(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    if operation.answer is not Answer.LIST:
        return
    given = {key: value for key, value in request_for(world, operation).items() if key == "limit"}
    for who in ("stranger", "viewer", "admin", "other project", "elsewhere"):
        caller = callers(world)[who]
        page = operation.run(Operating(world.platform, caller), decode(operation.request, given))
        shown = str(page.items)
        assert "hidden-dev" not in shown
        assert ("hidden" in shown) == (who == "admin" and name == "processes.list")
        if who in {"stranger", "other project", "elsewhere"}:
            assert INSTANCE not in shown


def test_what_is_hidden_and_what_is_not_there_are_refused_in_the_same_words(world: World) -> None:
    operation = OPERATIONS["instances.get"]
    told = set()
    for instance in ("hidden-dev", "no-such-thing"):
        with pytest.raises(CasewayError) as caught:
            require(
                Operating(world.platform, callers(world)["viewer"]),
                operation,
                decode(operation.request, {"name": instance}),
            )
        told.add((caught.value.code, caught.value.message, caught.value.hint))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("who", "owner", "allowed"),
    [
        ("viewer", "", True),
        ("viewer", "viewer", True),
        ("viewer", "editor", False),
        ("teammate", "finance", True),
        ("viewer", "finance", False),
        ("admin", "viewer", True),
        ("deploy", "viewer", True),
    ],
)
def test_installing_for_somebody_else_needs_an_admin(
    world: World, who: str, owner: str, allowed: bool
) -> None:
    operation = OPERATIONS["instances.install"]
    given = {**request_for(world, operation), "owner": owner}
    request = decode(operation.request, given)
    operating = Operating(world.platform, callers(world)[who])
    if allowed:
        require(operating, operation, request)
    else:
        with pytest.raises(CasewayError, match="needs an admin"):
            require(operating, operation, request)


@pytest.mark.parametrize(
    ("who", "scope", "owner", "allowed"),
    [
        ("viewer", "user", "viewer", True),
        ("viewer", "user", "editor", False),
        ("viewer", "organization", "", False),
        ("viewer", "instance", INSTANCE, False),
        ("editor", "instance", INSTANCE, True),
        ("editor", "instance", "hidden-dev", False),
        ("teammate", "member", "finance", True),
        ("admin", "organization", "", True),
        ("owner", "system", "", False),
        ("manage", "system", "", False),
        ("elsewhere", "instance", INSTANCE, False),
    ],
)
def test_a_secret_is_kept_by_whom_it_belongs_to(
    world: World, who: str, scope: str, owner: str, allowed: bool
) -> None:
    operation = OPERATIONS["credentials.set"]
    given = {"name": "erp", "value": {"token": "x"}, "scope": scope, "owner": owner}
    operating = Operating(world.platform, callers(world)[who])
    if allowed:
        require(operating, operation, decode(operation.request, given))
    else:
        with pytest.raises(CasewayError):
            require(operating, operation, decode(operation.request, given))
