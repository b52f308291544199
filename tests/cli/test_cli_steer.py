"""Commands that look at what is on the platform, and steer it."""

from __future__ import annotations

import sqlite3
import stat

import pytest
from cli_world import commit, edit

HELLO = "use-cases/hello/workflows/hello.yaml"


@pytest.fixture
def applied(caseway, project):
    """The project, applied."""
    assert caseway("apply", "--yes").code == 0
    return project


def new_version(caseway, project, before='"world"', after='"everybody"'):
    edit(project / HELLO, before, after)
    commit(project, "edit")
    assert caseway("apply", "--yes").code == 0


def instance(caseway, name="hello"):
    return caseway("instance", "get", name, "--format", "json").json


def test_without_a_platform_it_says_what_to_do(caseway, project):
    said = caseway("instance", "list", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "no-platform"
    assert "caseway apply" in said.json["error"]["hint"]


def test_instances_are_listed(caseway, applied):
    [found] = caseway("instance", "list", "--format", "json").json["instances"]
    assert (found["name"], found["stage"], found["phase"], found["version"]) == (
        "hello",
        "dev",
        "active",
        "1.0.0",
    )
    text = caseway("instance", "list").out
    assert "NAME" in text
    assert "hello" in text


def test_instances_can_be_filtered(caseway, applied):
    assert caseway("instance", "list", "--stage", "prod", "--format", "json").json["instances"] == []
    assert caseway("instance", "list", "--stage", "prod").err == "no instances\n"


def test_one_instance_shows_its_workflows_triggers_and_deployments(caseway, applied):
    said = caseway("instance", "get", "hello", "--deployments")
    assert "POST" in said.out
    assert "0 7 * * 1-5" in said.out
    facts = caseway("instance", "get", "hello", "--deployments", "--format", "json").json
    assert {item["id"] for item in facts["workflows"]} == {"hello", "daily", "compose"}
    assert len(facts["deployments"][0]["steps"]) == 6


def test_an_unknown_instance_is_refused(caseway, applied):
    assert caseway("instance", "get", "nobody", "--format", "json").json["error"]["code"] == "not-found"


def test_pause_and_resume(caseway, applied):
    assert caseway("instance", "pause", "hello", "--format", "json").json["phase"] == "user_paused"
    assert caseway("trigger", "hello", "--format", "json").code == 1
    assert caseway("instance", "resume", "hello", "--format", "json").json["phase"] == "active"
    assert "active" in caseway("instance", "resume", "hello").out


def test_archive_hides_and_restore_brings_back(caseway, applied):
    assert caseway("instance", "archive", "hello", "--format", "json").json["phase"] == "archived"
    assert caseway("instance", "list", "--format", "json").json["instances"] == []
    assert len(caseway("instance", "list", "--archived", "--format", "json").json["instances"]) == 1
    assert caseway("instance", "restore", "hello", "--format", "json").json["phase"] != "archived"


def test_undeploy_and_deploy(caseway, applied):
    assert caseway("instance", "undeploy", "hello").code == 0
    assert caseway("trigger", "hello").code == 1
    said = caseway("instance", "deploy", "hello", "--format", "json")
    assert said.code == 0
    assert said.json["deployment"]["status"] == "deployed"
    assert caseway("instance", "resume", "hello").code == 0
    assert caseway("trigger", "hello").code == 0


def test_rollback_goes_to_the_version_before(caseway, applied):
    new_version(caseway, applied)
    assert instance(caseway)["version"] == "1.0.1"
    assert caseway("instance", "rollback", "hello").code == 0
    assert instance(caseway)["version"] == "1.0.0"


def test_update_changes_a_parameter_and_redeploys(caseway, applied):
    said = caseway("instance", "update", "hello", "--param", "greeting=Hey", "--format", "json")
    assert said.code == 0
    assert caseway("trigger", "hello", "--format", "json").json["output"] == {"text": "Hey, world!"}


def test_update_without_anything_to_change_is_a_usage_error(caseway, applied):
    assert caseway("instance", "update", "hello").code == 2


def test_update_pins_a_version(caseway, applied):
    assert caseway("instance", "update", "hello", "--version", "1.0.0").code == 0
    assert instance(caseway)["pinned"] is True


def test_share_says_who_may(caseway, applied):
    said = caseway("instance", "share", "hello", "--user", "ann=operator", "--format", "json")
    assert said.json["sharing"] == {"mode": "users", "users": [{"user": "ann", "role": "operator"}]}
    assert caseway("instance", "share", "hello", "--user", "ann=king").code == 2
    assert caseway("instance", "share", "hello").code == 2


def test_delete_asks_first(caseway, applied):
    assert caseway("instance", "delete", "hello", "--format", "json").json["error"]["code"] == "confirm"
    assert caseway("instance", "delete", "hello", "--yes", "--format", "json").json["deleted"] is True
    assert caseway("instance", "get", "hello").code == 1


def test_purge_wants_the_name_again(caseway, applied):
    assert caseway("instance", "delete", "hello", "--yes", "--purge", "other").code == 1
    assert caseway("instance", "delete", "hello", "--yes", "--purge", "hello", "--format", "json").json[
        "purged"
    ]


def test_processes_are_listed_with_their_versions(caseway, applied):
    [found] = caseway("process", "list", "--format", "json").json["processes"]
    assert (found["name"], found["latest"]) == ("hello", "1.0.0")
    assert "hello" in caseway("process", "list").out
    assert (
        caseway("process", "list", "--search", "nothing-like-it", "--format", "json").json["processes"] == []
    )


def test_starters_are_found_and_copied(caseway, applied):
    assert caseway("process", "list", "--starters", "--format", "json").json["processes"] == []
    edit(applied / "use-cases/hello/usecase.yaml", "spec:\n", "spec:\n  starter: true\n")
    commit(applied, "a starter")
    assert caseway("apply", "--yes").code == 0
    [found] = caseway("process", "list", "--starters", "--format", "json").json["processes"]
    assert found["name"] == "hello"
    none = caseway("process", "list", "--starters", "--search", "nothing", "--format", "json")
    assert none.json["processes"] == []
    assert caseway("process", "clone", "hello", "mine").code == 0


def test_a_process_shows_its_versions_and_one_version_its_template(caseway, applied):
    new_version(caseway, applied)
    facts = caseway("process", "get", "hello", "--format", "json").json
    assert [item["version"] for item in facts["templates"]] == ["1.0.1", "1.0.0"]
    assert "1.0.1" in caseway("process", "get", "hello").out
    template = caseway("process", "get", "hello", "--version", "1.0.0").json
    assert template["body"]["name"] == "hello"
    assert "$[[ params.greeting ]]" in str(template["body"])


def test_two_versions_are_compared(caseway, applied):
    new_version(caseway, applied)
    said = caseway("process", "diff", "hello", "1.0.0", "1.0.1", "--format", "json")
    assert "everybody" in str(said.json["changes"])
    assert "everybody" in caseway("process", "diff", "hello", "1.0.0", "1.0.1").out


def test_the_stage_says_which_version_of_a_process_is_meant(caseway, applied):
    caseway("process", "promote", "hello", "prod")
    new_version(caseway, applied)  # in dev
    [listed] = caseway("process", "list", "--stage", "prod", "--format", "json").json["processes"]
    assert listed["running"] == ["1.0.0"]
    assert caseway("process", "list", "--stage", "pr-1", "--format", "json").json["processes"] == []
    facts = caseway("process", "get", "hello", "--stage", "dev", "--format", "json").json
    assert [item["version"] for item in facts["templates"]] == ["1.0.1"]
    assert facts["running"] == {"hello": "1.0.1"}
    assert "RUNNING" in caseway("process", "list", "--stage", "dev").out

    said = caseway("process", "diff", "hello", "--stage", "prod", "--format", "json")
    assert "everybody" in str(said.json["changes"])
    facts = caseway("process", "publish", "hello", "--stage", "dev", "--format", "json").json
    assert facts["published"] == "1.0.1"
    facts = caseway("process", "deprecate", "hello", "--stage", "dev", "--format", "json").json
    assert facts["published"] == ""


def test_without_a_version_or_a_stage_that_runs_one_nothing_is_guessed(caseway, applied):
    asked = caseway("process", "publish", "hello", "--format", "json")
    assert (asked.code, asked.json["error"]["code"]) == (1, "which-version")
    none = caseway("process", "diff", "hello", "--stage", "pr-1", "--format", "json")
    assert (none.code, none.json["error"]["code"]) == (1, "not-found")


def test_publish_deprecates_the_version_before(caseway, applied):
    new_version(caseway, applied)
    caseway("process", "publish", "hello", "1.0.0")
    facts = caseway("process", "publish", "hello", "1.0.1", "--format", "json").json
    statuses = {item["version"]: item["status"] for item in facts["templates"]}
    assert statuses == {"1.0.0": "deprecated", "1.0.1": "published"}
    facts = caseway("process", "deprecate", "hello", "1.0.1", "--format", "json").json
    assert {item["status"] for item in facts["templates"]} == {"deprecated"}


def test_promote_brings_a_version_to_a_stage_and_switches_dev_off(caseway, applied):
    said = caseway("process", "promote", "hello", "prod", "--format", "json")
    assert said.code == 0, said.out
    assert (said.json["stage"], said.json["phase"], said.json["version"]) == ("prod", "active", "1.0.0")
    assert instance(caseway)["autoPausedBy"] == "prod"


def test_clone_copies_a_process(caseway, applied):
    assert caseway("process", "clone", "hello", "greeter", "--format", "json").json["name"] == "greeter"


def test_a_process_with_instances_is_not_deleted(caseway, applied):
    assert caseway("process", "delete", "hello", "--yes").code == 1
    caseway("instance", "delete", "hello", "--yes")
    assert caseway("process", "delete", "hello", "--yes", "--format", "json").json["deleted"] is True


def test_credentials_are_stored_listed_and_forgotten_but_never_shown(caseway, applied):
    said = caseway(
        "credential", "set", "erp", "--type", "bearer", "--format", "json", stdin="hunter2-hunter2"
    )
    assert said.json["credential"] == "erp"
    listed = caseway("credential", "list", "--format", "json")
    assert [item["name"] for item in listed.json["credentials"]] == ["erp"]
    assert "hunter2" not in said.out + listed.out + caseway("credential", "list").out
    state = (applied / ".caseway" / "state.db").read_bytes()
    assert b"hunter2" not in state
    assert stat.S_IMODE((applied / ".caseway" / "secret.key").stat().st_mode) == 0o600
    assert caseway("credential", "rotate", "--format", "json").json["rotated"] == 1
    assert caseway("credential", "rm", "erp").code == 1
    assert caseway("credential", "rm", "erp", "--yes").code == 0
    assert caseway("credential", "list", "--format", "json").json["credentials"] == []


def test_a_missing_credential_heals_when_it_is_set(caseway, project):
    edit(
        project / "use-cases/hello/usecase.yaml",
        "  workflows:\n",
        "  credentials: {erp: {type: bearer}}\n  workflows:\n",
    )
    caseway("apply", "--yes")
    assert instance(caseway)["phase"] == "missing_integration"
    doctor = caseway("doctor", "--format", "json")
    assert doctor.code == 1
    assert any("credential set" in item["hint"] for item in doctor.json["checks"])
    said = caseway(
        "credential", "set", "erp", "--type", "bearer", "--field", "token=x-y-z", "--format", "json"
    )
    assert said.json["healed"] == ["hello"]
    assert instance(caseway)["phase"] == "active"


def test_a_key_is_shown_once(caseway, applied):
    made = caseway("key", "create", "hello", "--name", "shop", "--expires", "90d", "--format", "json").json
    listed = caseway("key", "list", "hello", "--format", "json")
    assert made["secret"] not in listed.out
    assert [item["id"] for item in listed.json["keys"]] == [made["id"]]
    assert caseway("key", "revoke", made["id"], "--format", "json").json["revoked"] is True
    text = caseway("key", "create", "hello")
    assert len(text.out.split()) == 1
    assert "not shown again" in text.err


def test_an_execution_is_listed_shown_and_retried(caseway, applied):
    outcome = caseway("trigger", "hello", "--input", '{"name": "Ann"}', "--format", "json").json
    listed = caseway("executions", "list", "--format", "json").json["executions"]
    assert [item["id"] for item in listed] == [outcome["id"]]
    facts = caseway("executions", "get", outcome["id"], "--format", "json").json
    assert (facts["status"], facts["output"], facts["workflow"]) == (
        "completed",
        {"text": "Hello, Ann!"},
        "hello",
    )
    assert facts["version"] == "1.0.0"
    assert facts["tasks"][0]["name"] == "greet"
    assert "greet" in caseway("executions", "get", outcome["id"]).out
    assert "/do/0/greet" in caseway("executions", "logs", outcome["id"], "--outputs").out
    again = caseway("executions", "retry", outcome["id"], "--format", "json").json
    assert again["id"] != outcome["id"]
    assert again["output"] == outcome["output"]


def test_executions_can_be_filtered_and_paged(caseway, applied):
    for name in ("A", "B", "C"):
        caseway("trigger", "hello", "--input", f'{{"name": "{name}"}}')
    caseway("trigger", "hello", "--input", '{"name": 1}')
    page = caseway("executions", "list", "--limit", "2", "--status", "completed", "--format", "json").json
    rest = caseway(
        "executions", "list", "--limit", "2", "--status", "completed", "--cursor", page["nextCursor"],
        "--format", "json",
    ).json  # fmt: skip
    assert (len(page["executions"]), len(rest["executions"]), rest["nextCursor"]) == (2, 1, "")
    assert (
        len(caseway("executions", "list", "--status", "faulted", "--format", "json").json["executions"]) == 1
    )
    assert caseway("executions", "list", "--instance", "nobody", "--format", "json").json["executions"] == []


def test_an_execution_can_be_left_to_a_worker_cancelled_or_resumed(caseway, applied):
    left = caseway("trigger", "hello", "--no-wait", "--format", "json").json
    assert left["status"] == "pending"
    assert caseway("executions", "cancel", left["id"], "--format", "json").json["status"] == "cancelled"
    other = caseway("trigger", "hello", "--no-wait").out.strip()
    assert caseway("executions", "resume", other, "--format", "json").json["status"] == "completed"


def test_a_faulted_execution_exits_with_1(caseway, applied):
    said = caseway("trigger", "hello", "--input", '{"name": 1}', "--format", "json")
    assert said.code == 1
    assert said.json["status"] == "faulted"


def test_the_same_idempotency_key_starts_one_execution(caseway, applied):
    first = caseway("trigger", "hello", "--no-wait", "--idempotency-key", "k", "--format", "json").json
    second = caseway("trigger", "hello", "--no-wait", "--idempotency-key", "k", "--format", "json").json
    assert first["id"] == second["id"]
    other = ("--input", '{"name": "Ann"}', "--format", "json")
    refused = caseway("trigger", "hello", "--no-wait", "--idempotency-key", "k", *other)
    assert (refused.code, refused.json["error"]["code"]) == (1, "idempotency-key-reused")


def test_an_ambiguous_workflow_is_asked_for(caseway, project):
    edit(
        project / "use-cases/hello/usecase.yaml",
        "timezone: UTC}\n",
        "timezone: UTC}\n        - {id: m, type: manual}\n",
    )
    caseway("apply", "--yes")
    said = caseway("trigger", "hello", "--format", "json")
    assert said.json["error"]["code"] == "which-workflow"
    assert "daily" in said.json["error"]["hint"]


def test_status_shows_instances_schedules_and_executions(caseway, applied):
    caseway("trigger", "hello")
    facts = caseway("status", "--format", "json").json
    assert facts["organization"] == "acme"
    assert [item["name"] for item in facts["instances"]] == ["hello"]
    assert [item["cron"] for item in facts["schedules"]] == ["0 7 * * 1-5"]
    assert len(facts["executions"]) == 1
    text = caseway("status").out
    assert "0 7 * * 1-5" in text
    assert "completed" in text


def test_doctor_is_content_with_a_healthy_project(caseway, applied):
    said = caseway("doctor", "--format", "json")
    assert said.code == 0, said.out
    checks = {item["check"]: item["state"] for item in said.json["checks"]}
    names = ("python", "git", "sqlite", "project", "database", "leases", "deploys", "executions", "speed")
    for name in names:
        assert checks[name] == "ok", said.json
    assert "✓ project" in caseway("doctor").out


def test_doctor_finds_a_key_file_that_others_may_read(caseway, applied):
    caseway("credential", "set", "erp", stdin='{"a": 1}')
    (applied / ".caseway" / "secret.key").chmod(0o644)
    said = caseway("doctor", "--format", "json")
    assert said.code == 1
    assert any("chmod 600" in item["hint"] for item in said.json["checks"])


def test_doctor_finds_an_invalid_project(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", '  title: "Hello"', '  titel: "Hello"')
    said = caseway("doctor", "--format", "json")
    assert said.code == 1
    assert {item["check"]: item["state"] for item in said.json["checks"]}["project"] == "error"


def test_the_database_is_migrated_and_its_state_shown(caseway, project):
    assert caseway("db", "migrate", "--format", "json").json["changed"] is True
    assert caseway("db", "migrate", "--format", "json").json["changed"] is False
    facts = caseway("db", "status", "--format", "json").json
    assert facts["kind"] == "sqlite"
    assert facts["revision"] == 0


def test_another_database_can_be_named(caseway, project, tmp_path):
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    assert caseway("apply", "--yes", "--database-url", url).code == 0
    assert caseway("instance", "list").code == 1
    assert caseway("instance", "list", "--database-url", url).code == 0


def test_the_actor_is_in_the_audit(caseway, project, monkeypatch):
    monkeypatch.setenv("CASEWAY_ACTOR", "ann")
    caseway("apply", "--yes")
    facts = caseway("instance", "get", "hello", "--deployments", "--format", "json").json
    assert "ann" in facts["deployments"][0]["actor"]


def test_with_a_stage_a_process_s_name_means_its_instance_there(caseway, applied):
    promoted = caseway("process", "promote", "hello", "prod", "--format", "json").json["name"]
    assert promoted != "hello"
    for words in (("instance", "get", "hello"), ("--stage", "prod", "instance", "get", "hello")):
        stage = () if words[0] == "--stage" else ("--stage", "prod")
        assert caseway(*words, *stage, "--format", "json").json["name"] == promoted
    assert caseway("trigger", "hello", "--stage", "prod", "--format", "json").json["status"] == "completed"
    said = caseway("trigger", "hello", "--stage", "moon", "--format", "json")
    assert said.json["error"]["code"] == "not-found"


def test_templates_are_verified_against_their_digests(caseway, applied):
    assert caseway("process", "verify", "--format", "json").json == {"templates": 1, "damaged": []}
    assert "1 templates are" in caseway("process", "verify").out


def test_a_damaged_template_is_named_and_makes_the_check_fail(caseway, applied):
    with sqlite3.connect(applied / ".caseway" / "state.db") as store:
        [(guard,)] = store.execute("select sql from sqlite_master where name = 'templates_insert_only'")
        store.execute("drop trigger templates_insert_only")
        store.execute("""update templates set body = cast('{"name":"evil"}' as blob)""")
        store.execute(guard)
    said = caseway("process", "verify", "--format", "json")
    assert said.code == 1
    assert said.json["damaged"] == ["hello@1.0.0"]


def test_only_versions_that_nothing_uses_are_forgotten(caseway, applied):
    new_version(caseway, applied)
    assert caseway("process", "gc", "--keep", "1", "--yes", "--format", "json").json == {"forgotten": []}
    asked = caseway("process", "gc", "--keep", "1", "--format", "json")
    assert asked.json["error"]["code"] == "confirm"


def test_executions_are_listed_by_stage(caseway, applied):
    caseway("trigger", "hello")
    assert len(caseway("executions", "list", "--stage", "dev", "--format", "json").json["executions"]) == 1
    assert caseway("executions", "list", "--stage", "prod", "--format", "json").json["executions"] == []


def test_doctor_looks_at_the_templates(caseway, applied):
    checks = caseway("doctor", "--format", "json").json["checks"]
    assert {
        "check": "templates",
        "state": "ok",
        "message": "all are what their digests say",
        "hint": "",
    } in checks
