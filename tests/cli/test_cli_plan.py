"""`caseway plan`, `apply`, `diff`, `drift`: the way from a repo to the platform."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

from cli_world import commit, edit

from caseway.cli.noop import Question, plan_key, remember, remembered
from caseway.cli.session import Session

HELLO = "use-cases/hello/workflows/hello.yaml"


def test_the_first_plan_creates_everything(caseway, project):
    plan = caseway("plan", "--format", "json").json
    assert plan["formatVersion"] == "1"
    assert [item["action"] + " " + item["kind"] for item in plan["actions"]] == [
        "create process", "create template", "create instance", "deploy deployment",
    ]  # fmt: skip
    assert set(plan["source"]) == {"commit", "dirty"}
    assert plan["summary"]["create"] == 3


def test_planning_writes_nothing(caseway, project):
    caseway("plan")
    assert not (project / ".caseway").exists()


def test_text_and_markdown_name_the_use_case(caseway, project):
    assert "hello" in caseway("plan").out
    assert "hello" in caseway("plan", "--format", "markdown").out


def test_an_invalid_project_is_not_planned(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", '  title: "Hello"', '  titel: "Hello"')
    said = caseway("plan", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "invalid-project"
    assert said.json["error"]["diagnostics"][0]["file"] == "use-cases/hello/usecase.yaml"
    shown = caseway("plan")
    assert shown.out == ""
    assert "usecase.yaml:6:3" in shown.err


def test_detailed_exitcode_tells_changes_from_none(caseway, project):
    assert caseway("plan", "--detailed-exitcode").code == 2
    assert caseway("apply", "--yes").code == 0
    assert caseway("plan", "--detailed-exitcode").code == 0


def test_apply_asks_and_takes_no_answer_for_no(caseway, project):
    said = caseway("apply", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "confirm"
    assert "--yes" in said.json["error"]["hint"]


def test_apply_reports_every_action(caseway, project):
    said = caseway("apply", "--yes", "--format", "json")
    assert said.code == 0
    assert said.json["ok"] is True
    assert {item["status"] for item in said.json["results"]} == {"done"}
    assert len(said.json["results"]) == len(said.json["plan"]["actions"])


def test_after_apply_there_is_nothing_to_do(caseway, project):
    caseway("apply", "--yes")
    assert caseway("plan", "--format", "json").json["actions"] == []
    again = caseway("apply", "--yes", "--format", "json")
    assert again.json["results"] == []


def test_an_edit_becomes_a_new_version_and_the_instance_follows(caseway, project):
    caseway("apply", "--yes")
    edit(project / HELLO, '"world"', '"everybody"')
    commit(project, "greet everybody")
    plan = caseway("plan", "--format", "json").json
    assert [item["action"] + " " + item["kind"] for item in plan["actions"]] == [
        "create template", "deploy deployment",
    ] or [item["kind"] for item in plan["actions"]] == ["template", "deployment"]  # fmt: skip
    assert caseway("apply", "--yes").code == 0
    said = caseway("trigger", "hello", "--format", "json")
    assert said.json["output"] == {"text": "Hello, everybody!"}
    assert caseway("instance", "get", "hello", "--format", "json").json["version"] == "1.0.1"


def test_a_saved_plan_is_private_and_applied_as_it_is(caseway, project):
    assert caseway("plan", "--out", "the.plan").code == 0
    assert stat.S_IMODE((project / "the.plan").stat().st_mode) == 0o600
    said = caseway("apply", "the.plan", "--yes", "--format", "json")
    assert said.code == 0, said.out
    assert said.json["ok"] is True


def test_a_stale_plan_is_refused(caseway, project):
    caseway("plan", "--out", "the.plan")
    caseway("apply", "--yes")
    said = caseway("apply", "the.plan", "--yes", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "plan-stale"


def test_a_saved_plan_takes_no_options_that_would_change_it(caseway, project):
    caseway("plan", "--out", "the.plan")
    assert caseway("apply", "the.plan", "--prune").code == 2


def test_a_file_that_is_no_plan_is_refused(caseway, project):
    said = caseway("apply", "caseway.yaml", "--yes", "--format", "json")
    assert said.code == 1
    assert "error" in said.json


def test_a_revision_is_planned_as_it_was(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", '  title: "Hello"', '  titel: "Hello"')
    assert caseway("plan").code == 1
    plan = caseway("plan", "--ref", "HEAD", "--format", "json").json
    assert len(plan["actions"]) == 4
    assert plan["source"]["dirty"] is False


def test_an_unknown_stage_is_refused_with_those_there_are(caseway, project):
    said = caseway("plan", "--stage", "moon", "--format", "json")
    assert said.json["error"]["code"] == "no-such-stage"
    assert "dev, prod" in said.json["error"]["hint"]


def test_what_is_no_longer_declared_is_only_pruned_when_asked(caseway, project):
    caseway("new", "use-case", "second")
    caseway("apply", "--yes")
    subprocess.run(["rm", "-r", "use-cases/second"], cwd=project, check=True)
    assert caseway("plan", "--format", "json").json["actions"] == []
    assert caseway("plan", "--prune", "--format", "json").json["actions"] != []
    assert caseway("apply", "--prune", "--yes").code == 0
    names = [item["name"] for item in caseway("instance", "list", "--format", "json").json["instances"]]
    assert names == ["hello"]


PROBE = """
import sys
from caseway.cli.main import cli
try:
    cli.main({words!r})
except SystemExit as left:
    code = left.code
heavy = {{"yaml", "jsonschema", "jsonschema_rs", "sqlalchemy", "alembic", "jinja2", "jq", "httpx", "rich"}}
print(sorted(heavy & set(sys.modules)), code, file=sys.stderr)
"""


def test_a_plan_known_to_be_empty_imports_nothing_heavy_and_says_the_same(caseway, project):
    caseway("apply", "--yes")
    first = caseway("plan")
    script = PROBE.format(words=["plan"])
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stderr.strip() == "[] 0"
    assert answer.stdout == first.out
    assert "Nothing to do" in first.out


def test_a_remembered_plan_is_forgotten_when_the_repo_changes(caseway, project):
    caseway("apply", "--yes")
    assert caseway("plan", "--detailed-exitcode").code == 0
    edit(project / HELLO, '"world"', '"everybody"')
    assert caseway("plan", "--detailed-exitcode").code == 2
    commit(project, "edit")
    assert caseway("plan", "--detailed-exitcode").code == 2


def test_a_plan_is_not_remembered_when_the_repo_has_changed_while_it_was_made(caseway, project):
    caseway("apply", "--yes")
    session, question = Session(), Question(None, None, prune=False, allow_mass_delete=False)
    before = plan_key(session, question)
    edit(project / HELLO, '"world"', '"everybody"')
    commit(project, "meanwhile")
    remember(before, session, question, [], "Nothing to do")
    assert before
    assert remembered(before) is None
    assert remembered(plan_key(session, question)) is None


def test_a_remembered_plan_is_forgotten_when_the_platform_changes(caseway, project):
    caseway("apply", "--yes")
    assert caseway("plan", "--detailed-exitcode").code == 0
    assert caseway("instance", "pause", "hello").code == 0
    assert caseway("plan", "--detailed-exitcode").code == 2


def test_drift_shows_what_hands_have_changed(caseway, project):
    caseway("apply", "--yes")
    assert caseway("drift", "--detailed-exitcode").code == 0
    assert caseway("instance", "update", "hello", "--param", "greeting=Hey").code == 0
    said = caseway("drift", "--detailed-exitcode", "--format", "json")
    assert said.code == 2
    paths = [change["path"] for action in said.json["drift"] for change in action["changes"]]
    assert any("greeting" in path for path in paths)
    assert "greeting" in caseway("drift").out
    assert caseway("apply", "--yes").code == 0
    assert caseway("drift", "--detailed-exitcode").code == 0


def test_diff_compares_the_repo_with_the_newest_version(caseway, project):
    caseway("apply", "--yes")
    assert caseway("diff", "--detailed-exitcode").code == 0
    edit(project / HELLO, '"world"', '"everybody"')
    said = caseway("diff", "hello", "--format", "json", "--detailed-exitcode")
    assert said.code == 2
    [comparison] = said.json["comparisons"]
    assert comparison["from"] == "1.0.0"
    assert any("everybody" in json.dumps(change["after"]) for change in comparison["changes"])
    assert "everybody" in caseway("diff").out


def test_diff_and_drift_look_at_the_stage_that_is_named(caseway, project):
    caseway("apply", "--yes")
    assert caseway("process", "promote", "hello", "prod").code == 0
    edit(project / HELLO, '"world"', '"everybody"')
    commit(project, "edit")
    assert caseway("apply", "--yes").code == 0
    assert caseway("diff", "--detailed-exitcode").code == 0
    said = caseway("diff", "--stage", "prod", "--format", "json")
    assert [item["from"] for item in said.json["comparisons"]] == ["1.0.0"]
    assert caseway("--stage", "prod", "diff", "--detailed-exitcode").code == 2
    assert caseway("diff", "--stage", "moon", "--format", "json").json["error"]["code"] == "no-such-stage"

    assert caseway("instance", "update", "hello", "--param", "greeting=Hey").code == 0
    assert caseway("drift", "--stage", "dev", "--detailed-exitcode").code == 2
    assert caseway("drift", "--stage", "prod", "--detailed-exitcode").code == 0


def test_diff_compares_two_revisions(caseway, project):
    edit(project / HELLO, '"world"', '"everybody"')
    commit(project, "edit")
    said = caseway("diff", "--from", "HEAD~1", "--ref", "HEAD", "--format", "json")
    assert [item["useCase"] for item in said.json["comparisons"]] == ["hello"]


def test_diff_of_an_unknown_use_case_is_refused(caseway, project):
    assert caseway("diff", "nobody", "--format", "json").json["error"]["code"] == "not-found"


def test_several_projects_of_one_repository_are_planned_and_applied_each_on_its_own(caseway, folder):
    for name in ("one", "two"):
        assert caseway("init", name, "--no-git").code == 0
        assert caseway("new", "use-case", f"hello-{name}", "-C", name).code == 0
    plans = caseway("plan", "--format", "json").json["plans"]
    assert [len(plan["actions"]) for plan in plans] == [4, 4]
    applied = caseway("apply", "--yes", "--format", "json")
    assert [item["ok"] for item in applied.json["projects"]] == [True, True]
    for name in ("one", "two"):
        listed = caseway("instance", "list", "-C", name, "--format", "json").json["instances"]
        assert [item["name"] for item in listed] == [f"hello-{name}"]


def test_a_plan_file_holds_one_project(caseway, folder):
    for name in ("one", "two"):
        caseway("init", name, "--no-git")
    said = caseway("plan", "--out", "the.plan", "--format", "json")
    assert said.json["error"]["code"] == "several-projects"
