"""`caseway validate`."""

from __future__ import annotations

from cli_world import commit, edit

TITLE, MISSPELT = '  title: "Hello"', '  titel: "Hello"'


def test_a_valid_project_exits_with_0(caseway, project):
    said = caseway("validate")
    assert said.code == 0
    assert said.out == ""
    assert "valid" in said.err


def test_json_names_file_line_column_pointer_code_and_hint(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", TITLE, MISSPELT)
    said = caseway("validate", "--format", "json")
    assert said.code == 1
    assert said.json["valid"] is False
    found = next(item for item in said.json["diagnostics"] if "titel" in item["message"])
    keys = {"file", "line", "column", "pointer", "code", "severity", "message", "hint"}
    assert keys <= set(found)
    assert found["file"] == "use-cases/hello/usecase.yaml"
    assert (found["line"], found["column"]) == (6, 3)
    assert "title" in found["message"] + found["hint"]


def test_text_says_file_line_and_column(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", TITLE, MISSPELT)
    said = caseway("validate")
    assert said.code == 1
    assert "use-cases/hello/usecase.yaml:6:3" in said.out


def test_every_error_is_found_in_one_run(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", TITLE, MISSPELT)
    edit(project / "use-cases/hello/workflows/hello.yaml", "params.greeting", "params.greting")
    (project / "instances").mkdir()
    (project / "instances/broken.yaml").write_text("a: [\n")
    files = {item["file"] for item in caseway("validate", "--format", "json").json["diagnostics"]}
    assert len(files) == 3


def test_github_annotations_name_files_from_the_top_of_the_repository(caseway, folder):
    assert caseway("init", "deep/inside", "--no-git", "--name", "acme").code == 0
    assert caseway("new", "use-case", "hello", "-C", "deep/inside").code == 0
    assert caseway("init", "--name", "outer", "--format", "json").code == 0
    commit(folder, "begin")
    edit(folder / "deep/inside/use-cases/hello/usecase.yaml", TITLE, MISSPELT)
    said = caseway("validate", "deep/inside", "--format", "github")
    assert "file=deep/inside/use-cases/hello/usecase.yaml,line=6" in said.out


def test_sarif_is_json(caseway, project):
    assert caseway("validate", "--format", "sarif").json["version"] == "2.1.0"


def test_rules_can_be_chosen_and_excluded(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", TITLE, MISSPELT)
    code = next(
        item["code"] for item in caseway("validate", "--format", "json").json["diagnostics"]
        if "titel" in item["message"]
    )  # fmt: skip
    assert caseway("validate", "--exclude-rules", code).code == 0
    assert caseway("validate", "--rules", code).code == 1
    assert caseway("validate", "--rules", "CW6,CW7").code == 0
    assert caseway("validate", "--rules", "nonsense").code == 2


def test_strict_fails_for_a_warning(caseway, project):
    (project / "instances").mkdir()
    (project / "instances/empty.yaml").write_text("# nothing yet\n")
    found = caseway("validate", "--format", "json").json["diagnostics"]
    assert [item["severity"] for item in found] == ["warning"]
    assert caseway("validate").code == 0
    assert caseway("validate", "--strict").code == 1


def test_a_revision_is_validated_as_it_was(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", TITLE, MISSPELT)
    assert caseway("validate").code == 1
    assert caseway("validate", "--ref", "HEAD").code == 0


def test_an_unknown_revision_is_refused(caseway, project):
    said = caseway("validate", "--ref", "nowhere", "--format", "json")
    assert said.code == 1
    assert "nowhere" in said.json["error"]["message"]


def test_fix_shows_first_and_mends_then(caseway, project):
    file = project / "use-cases/hello/usecase.yaml"
    edit(file, TITLE, MISSPELT)
    before = file.read_text()
    shown = caseway("validate", "--fix", "--dry-run", "--format", "json")
    assert file.read_text() == before
    assert [item["file"] for item in shown.json["fixed"]] == ["use-cases/hello/usecase.yaml"]
    assert "+  title" in shown.json["fixed"][0]["diff"]
    mended = caseway("validate", "--fix")
    assert mended.code == 0
    assert MISSPELT not in file.read_text()


def test_fix_does_not_go_with_a_revision(caseway, project):
    assert caseway("validate", "--fix", "--ref", "HEAD").code == 2


def test_a_folder_without_a_project_is_said_so(caseway, folder):
    said = caseway("validate", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "no-project"


def test_names_with_escape_codes_do_not_reach_the_terminal(caseway, project):
    edit(project / "use-cases/hello/usecase.yaml", TITLE, '  "\\e[2J": "Hello"')
    assert "\x1b" not in caseway("validate").out
