"""Rules run as a whole: selection, ignores with reasons, crashes, and input made to break them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.repo import rules
from caseway.repo.load import Document, LoadedProject, load
from caseway.repo.positions import Positions
from caseway.repo.rules import RULES, run_rules
from caseway.repo.rules.docs import BASE
from caseway.repo.rules.hygiene import satisfies
from caseway.repo.rules.rule import Finding, Rule
from caseway.repo.rules.view import View
from caseway.repo.tree import WorkTree

OPEN_DOOR = """\
apiVersion: caseway/v1
kind: UseCase
metadata:
  name: demo
spec:
  title: Demo
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers:
        - {id: http, type: http, path: /start, auth: none}
"""
USE_CASE, WORKFLOW = "use-cases/demo/usecase.yaml", "use-cases/demo/workflows/main.yaml"
SETTINGS, INSTANCE = "caseway.yaml", "instances/demo-dev.yaml"


def a_project(folder: Path, files: Mapping[str, str | bytes] | None = None) -> LoadedProject:
    for path, content in {**BASE, **(files or {})}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(WorkTree(folder)).projects[0]


def codes(project: LoadedProject, **options: Any) -> list[str]:
    return [found.code for found in run_rules(project, others=project.diagnostics, **options)]


def with_ignore(comment: str) -> str:
    return OPEN_DOOR.replace("        - {id: http", f"        {comment}\n        - {{id: http")


def a_workflow(text: str) -> dict[str, str]:
    return {WORKFLOW: BASE[WORKFLOW].split("do:")[0] + text}


# Ignores


def test_a_comment_above_hides_the_next_line(tmp_path: Path) -> None:
    assert (
        codes(a_project(tmp_path, {USE_CASE: with_ignore("# caseway: ignore CW608 -- a form posts here")}))
        == []
    )


def test_a_comment_behind_hides_its_own_line(tmp_path: Path) -> None:
    text = OPEN_DOOR.replace("auth: none}", "auth: none} # caseway: ignore CW608 -- a form posts here")
    assert codes(a_project(tmp_path, {USE_CASE: text})) == []


def test_a_comment_for_the_file_hides_it_everywhere(tmp_path: Path) -> None:
    text = "# caseway: ignore-file CW608, CW609 -- a form posts here\n" + OPEN_DOOR
    assert codes(a_project(tmp_path, {USE_CASE: text})) == []


def test_an_ignore_of_the_project_hides_by_path(tmp_path: Path) -> None:
    ignore = '\n  lint:\n    ignore: [{rule: CW608, path: "use-cases/**", reason: a form posts here}]\n'
    files = {USE_CASE: OPEN_DOOR, SETTINGS: BASE[SETTINGS].replace(" {}", ignore)}
    assert codes(a_project(tmp_path, files)) == []


def test_an_ignore_elsewhere_hides_nothing_and_is_reported(tmp_path: Path) -> None:
    ignore = '\n  lint:\n    ignore: [{rule: CW608, path: "instances/**", reason: a form posts here}]\n'
    files = {USE_CASE: OPEN_DOOR, SETTINGS: BASE[SETTINGS].replace(" {}", ignore)}
    assert codes(a_project(tmp_path, files)) == ["CW003", "CW608"]


def test_an_ignore_without_a_reason_is_not_in_force(tmp_path: Path) -> None:
    assert codes(a_project(tmp_path, {USE_CASE: with_ignore("# caseway: ignore CW608")})) == [
        "CW002",
        "CW608",
    ]


def test_when_only_some_rules_run_no_ignore_is_called_idle(tmp_path: Path) -> None:
    project = a_project(tmp_path, {USE_CASE: with_ignore("# caseway: ignore CW608 -- a form posts here")})
    assert codes(project, include=["CW3"]) == []


def test_what_cannot_be_read_cannot_be_ignored(tmp_path: Path) -> None:
    text = "# caseway: ignore-file CW102 -- no\n" + BASE[INSTANCE].replace(
        "  stage: dev", "  stage: dev\n  stage: dev"
    )
    assert "CW102" in codes(a_project(tmp_path, {INSTANCE: text}))


def test_schema_findings_can_be_ignored(tmp_path: Path) -> None:
    text = BASE[INSTANCE] + "  # caseway: ignore CW201 -- read by our own tool\n  colour: red\n"
    assert codes(a_project(tmp_path, {INSTANCE: text})) == []


# Selection and severity


def test_rules_are_chosen_by_code_beginning_or_name(tmp_path: Path) -> None:
    broken = BASE[INSTANCE].replace("useCase: demo", "useCase: other").replace("stage: dev", "stage: test")
    project = a_project(tmp_path, {INSTANCE: broken, USE_CASE: OPEN_DOOR})
    assert codes(project) == ["CW301", "CW302", "CW608"]
    assert codes(project, include=["CW3"]) == ["CW301", "CW302"]
    assert codes(project, exclude=["cw302"]) == ["CW301", "CW608"]
    assert codes(project, include=["open-door"]) == ["CW608"]
    assert codes(project, include=["CW3"], exclude=["unknown-stage"]) == ["CW301"]


def test_findings_of_the_loader_are_chosen_too(tmp_path: Path) -> None:
    project = a_project(tmp_path, {INSTANCE: BASE[INSTANCE] + "  colour: red\n"})
    assert codes(project, include=["CW2"]) == ["CW201"]
    assert codes(project, exclude=["CW2"]) == []


def test_a_misspelt_key_is_marked_as_fixable(tmp_path: Path) -> None:
    project = a_project(tmp_path, {INSTANCE: BASE[INSTANCE].replace("stage:", "stgae:")})
    (found,) = run_rules(project, others=project.diagnostics)
    assert (found.code, found.fixable) == ("CW201", True)


def test_a_warning_of_the_runner_stays_a_warning(tmp_path: Path) -> None:
    project = a_project(tmp_path, a_workflow('do:\n  - greet:\n      set: {a: "${ .x } and more"}\n'))
    (found,) = run_rules(project)
    assert (found.code, found.severity) == ("CW501", Severity.WARNING)


# A rule that crashes


def _crash(_: View) -> Iterator[Finding]:
    yield Finding("caseway.yaml", 1, 1, "", "found before the crash")
    raise KeyError("surprise")


def test_a_crashing_rule_is_an_error_and_keeps_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(RULES["CW301"], check=_crash)
    monkeypatch.setattr(rules, "RULES", {**RULES, "CW301": broken})
    found = run_rules(a_project(tmp_path), include=["CW3"])
    assert [(each.code, each.severity) for each in found] == [
        ("CW001", Severity.ERROR),
        ("CW301", Severity.ERROR),
    ]
    assert "KeyError" in found[0].message


def test_a_crash_cannot_be_excluded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "RULES", {"CW301": replace(RULES["CW301"], check=_crash)})
    assert "CW001" in codes(a_project(tmp_path), exclude=["CW0"])


# Hostile and odd input


def test_a_workflow_nested_beyond_the_runner_is_reported(tmp_path: Path) -> None:
    task: dict[str, Any] = {"set": {"a": 1}}
    for _ in range(45):
        task = {"do": [{"t": task}]}
    text = yaml.safe_dump({**yaml.safe_load(BASE[WORKFLOW]), "do": [{"t": task}]})
    found = codes(a_project(tmp_path, {WORKFLOW: text}))
    assert found
    assert "CW001" not in found


def test_names_with_escape_codes_are_shown_escaped(tmp_path: Path) -> None:
    text = BASE[INSTANCE].replace("useCase: demo", 'useCase: "de\\u009b31m\\nmo\\u202e"')
    project = a_project(tmp_path, {INSTANCE: text})
    for found in run_rules(project, others=project.diagnostics):
        assert found.message.isprintable()
        assert found.hint.isprintable()


def test_endless_names_do_not_fill_the_report(tmp_path: Path) -> None:
    text = BASE[INSTANCE].replace("useCase: demo", f"useCase: {'x' * 200_000}")
    assert all(len(found.message) < 1000 for found in run_rules(a_project(tmp_path, {INSTANCE: text})))


def test_an_endless_jq_program_does_not_hang_validation(tmp_path: Path) -> None:
    text = 'do:\n  - greet:\n      set: {a: "${ [range(1e18)] | length }", b: "${ def f: f; f }"}\n'
    assert "CW001" not in codes(a_project(tmp_path, a_workflow(text)))


def test_template_injection_is_an_error(tmp_path: Path) -> None:
    text = "do:\n  - greet:\n      set: {a: \"$[[ ''.__class__.__mro__ ]]\", b: '$[[ cycler() ]]'}\n"
    found = run_rules(a_project(tmp_path, a_workflow(text)))
    assert [each.code for each in found] == ["CW401", "CW401"]


def test_binary_files_are_passed_over(tmp_path: Path) -> None:
    assert (
        codes(a_project(tmp_path, {"use-cases/demo/logo.png": b"\x89PNG\0\xff\xfe AKIA2E0A8F3B244C9986"}))
        == []
    )


KEYS = [
    *("spec", "metadata", "name", "workflows", "triggers", "type", "file", "id", "parameters", "fields"),
    *("properties", "default", "credentials", "do", "run", "workflow", "set", "retry", "limit", "stages"),
    *("lint", "ignore", "users", "useCase", "stage", "use", "secrets", "document"),
]
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["$[[ params.x ]]", "$[[", "${ .a }", "0 0 30 2 *", "../..", "demo", "main", "/spec"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
kinds = st.sampled_from(
    ["Project", "UseCase", "Instance", "Runtime", "Connection", "WorkflowTest", "Workflow"]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(kinds, odd), min_size=1, max_size=4))
def test_no_shape_of_documents_crashes_a_rule(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any]
) -> None:
    documents = tuple(
        Document(kind, "demo", f"use-cases/demo/{index}.yaml", 0, value, Positions(lambda: b"", 0), False)
        for index, (kind, value) in enumerate(found)
    )
    project = LoadedProject("", "demo", documents, (), WorkTree(Path(__file__).parent / "nothing-here"))
    assert [each for each in run_rules(project) if each.code == "CW001"] == []


# Single rules, where examples are not enough


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("0.1.0", ">=0.1", True),
        ("0.1.0", ">=0.1,<2", True),
        ("0.1.0", ">0.1", False),
        ("0.1.5", "==0.1", True),
        ("0.2.0", "~=0.1", True),
        ("1.0.0", "~=0.1", False),
        ("0.2.0", "~=0.1.3", False),
        ("0.1.0", "!=0.1", False),
        ("0.1.0", "<=0.0.9", False),
        ("1.2.3-rc1", "1.2.3", True),
    ],
)
def test_required_versions_compare_release_numbers(version: str, wanted: str, answer: bool) -> None:
    assert satisfies(version, wanted) is answer


@pytest.mark.parametrize(
    "tasks",
    [
        'set: {a: "${ .x }"}',
        'input: {from: {y: 1}}\n      set: {a: "${ .y }"}',
        'set: {a: "${ .total // .x }"}',
        'set: {a: "${ .x? }"}',
        'set: {a: "${ {x: 1} | .x }"}',
        'set: {a: "${ $input.x }"}',
        'set: {a: "${ .total | tostring }"}',
        "set: {a: '${ \"\\(.x)\" }'}",
        'set: {a: "${ .list[0].x }"}',
    ],
)
def test_paths_that_may_exist_are_not_reported(tasks: str, tmp_path: Path) -> None:
    before = "do:\n  - first:\n      set: {total: 1, x: 2, list: [{x: 1}]}\n  - second:\n      "
    assert codes(a_project(tmp_path, a_workflow(before + tasks + "\n"))) == []


@pytest.mark.parametrize(
    "text",
    [
        'do:\n  - a:\n      if: "${ .b }"\n      set: {c: 1}\n  - b:\n      set: {d: "${ .e }"}\n',
        'do:\n  - a:\n      set: {c: 1}\n      output: {as: "${ . }"}\n  - b:\n      set: {d: "${ .e }"}\n',
        "do:\n  - a:\n      set: {c: 1}\n      then: b\n  - x:\n      set: {y: 1}\n      then: b\n  - b:\n"
        '      set: {d: "${ .e }"}\n',
    ],
)
def test_nothing_is_said_where_a_value_may_come_from_elsewhere(text: str, tmp_path: Path) -> None:
    assert "CW540" not in codes(a_project(tmp_path, a_workflow(text)))


def test_closed_input_schemas_are_known_shapes(tmp_path: Path) -> None:
    text = (
        "input:\n  schema:\n    format: json\n    document: {type: object, additionalProperties: false,"
        ' properties: {a: {}}}\ndo:\n  - t:\n      set: {d: "${ .b }"}\n'
    )
    assert codes(a_project(tmp_path, a_workflow(text))) == ["CW540"]


def test_a_parameter_of_an_instance_may_be_a_placeholder(tmp_path: Path) -> None:
    parameters = "  parameters: {type: object, properties: {n: {type: integer}}}\n"
    files = {
        USE_CASE: BASE[USE_CASE] + parameters,
        INSTANCE: BASE[INSTANCE] + '  parameters: {n: "$[[ owner.id ]]"}\n',
        **a_workflow('do:\n  - t:\n      set: {n: "$[[ params.n ]]"}\n'),
    }
    assert codes(a_project(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("*", Severity.ERROR),
        ("^1.0", Severity.WARNING),
        ("1.0.0", Severity.NOTE),
        (">=1,<2", Severity.WARNING),
    ],
)
def test_an_instance_of_another_version_may_have_other_parameters(
    version: str, severity: Severity, tmp_path: Path
) -> None:
    text = BASE[INSTANCE] + f'  version: "{version}"\n  parameters: {{removed: 1}}\n'
    assert [(found.code, found.severity) for found in run_rules(a_project(tmp_path, {INSTANCE: text}))] == [
        ("CW705", severity)
    ]


def test_triggers_may_depend_on_parameters(tmp_path: Path) -> None:
    trigger = '{id: n, type: schedule, cron: "0 2 * * *", timezone: "$[[ params.%s ]]"}'
    parameters = "  parameters: {type: object, properties: {zone: {type: string, default: UTC}}}\n"
    for name, expected in (("zone", []), ("zne", ["CW403", "CW405"])):
        text = BASE[USE_CASE] + f"      triggers: [{trigger % name}]\n" + parameters
        assert sorted(codes(a_project(tmp_path, {USE_CASE: text}))) == expected


def test_nicknames_of_schedules_are_answered_with_their_fields(tmp_path: Path) -> None:
    text = BASE[USE_CASE] + '      triggers: [{id: n, type: schedule, cron: "@daily"}]\n'
    (found,) = run_rules(a_project(tmp_path, {USE_CASE: text}))
    assert (found.code, found.hint[-9:]) == ("CW601", "0 0 * * *")


def test_parameters_of_an_instance_cannot_be_made_of_parameters(tmp_path: Path) -> None:
    parameters = "  parameters: {type: object, properties: {n: {type: string}}}\n"
    files = {
        USE_CASE: BASE[USE_CASE] + parameters,
        INSTANCE: BASE[INSTANCE] + '  parameters: {n: "$[[ params.n ]]"}\n',
        **a_workflow('do:\n  - t:\n      set: {n: "$[[ params.n ]]"}\n'),
    }
    assert codes(a_project(tmp_path, files)) == ["CW402"]


@pytest.mark.parametrize(
    ("kind", "expected"), [("number", []), ("boolean", []), ("string", ["CW410"]), ("object", ["CW410"])]
)
def test_parameters_that_can_only_be_literals_may_stand_in_expressions(
    kind: str, expected: list[str], tmp_path: Path
) -> None:
    parameters = f"  parameters: {{type: object, properties: {{n: {{type: {kind}}}}}}}\n"
    files = {
        USE_CASE: BASE[USE_CASE] + parameters,
        **a_workflow('do:\n  - t:\n      set: {n: "${ .x < $[[ params.n ]] }"}\n'),
    }
    assert codes(a_project(tmp_path, files)) == expected


def test_webhooks_exist_only_for_http_triggers(tmp_path: Path) -> None:
    text = 'do:\n  - t:\n      set: {a: "$[[ webhooks.main.url ]]"}\n'
    assert codes(a_project(tmp_path, a_workflow(text))) == ["CW404"]


def test_form_fields_are_parameters_like_any_other(tmp_path: Path) -> None:
    first, second = "{key: n, type: number, max: 5, default: 10}", "{key: t, type: string, required: true}"
    fields = f"  parameters: {{fields: [{first}, {second}]}}\n"
    files = {
        USE_CASE: BASE[USE_CASE] + fields,
        INSTANCE: BASE[INSTANCE] + "  parameters: {m: 1}\n",
        **a_workflow('do:\n  - t:\n      set: {n: "$[[ params.n ]]", t: "$[[ params.t ]]"}\n'),
    }
    assert sorted(codes(a_project(tmp_path, files))) == ["CW702", "CW704", "CW705"]


def test_references_in_parameter_schemas_are_never_fetched(tmp_path: Path) -> None:
    schema = "  parameters: {type: object, properties: {n: {$ref: 'http://127.0.0.1:9/x.json'}}}\n"
    assert "CW701" in codes(a_project(tmp_path, {USE_CASE: BASE[USE_CASE] + schema}))


def test_the_sample_repository_has_no_findings() -> None:
    (project,) = load(WorkTree(Path(__file__).parents[2] / "sample-repo")).projects
    assert run_rules(project, others=project.diagnostics) == []


def test_findings_come_in_the_order_of_their_places(tmp_path: Path) -> None:
    broken = BASE[INSTANCE].replace("useCase: demo", "useCase: other").replace("stage: dev", "stage: test")
    found = run_rules(a_project(tmp_path, {INSTANCE: broken, USE_CASE: OPEN_DOOR}))
    assert found == sorted(found)
    assert all(isinstance(each, Diagnostic) for each in found)
    assert isinstance(RULES["CW301"], Rule)


def test_a_dockerfile_is_named_from_the_project_s_folder(tmp_path: Path) -> None:
    runtime = "apiVersion: caseway/v1\nkind: Runtime\nmetadata: {name: big}\nspec: {dockerfile: %s}\n"
    files = {"runtimes/big/Dockerfile": "FROM a\n", "runtimes/big.yaml": runtime % "runtimes/big/Dockerfile"}
    assert run_rules(a_project(tmp_path, files)) == []
    beside_itself = a_project(tmp_path, files | {"runtimes/big.yaml": runtime % "big/Dockerfile"})
    assert [found.code for found in run_rules(beside_itself)] == ["CW310"]


def test_a_function_of_the_project_with_a_built_in_name_is_ambiguous_wherever_it_is_called(
    tmp_path: Path,
) -> None:
    head = "document: {dsl: '1.0.3', namespace: demo, name: main, version: '1.0.0'}\n"
    files = {
        **BASE,
        "functions/sql/1.0.0/function.yaml": "set: {a: 1}\n",
        WORKFLOW: f"{head}do: [{{one: {{call: 'sql:1.0.0'}}}}]\n",
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    (project,) = load(WorkTree(tmp_path)).projects
    found = [item for item in run_rules(project, others=project.diagnostics) if item.code == "CW526"]
    assert [item.pointer for item in found] == ["/do/0/one/call"]
