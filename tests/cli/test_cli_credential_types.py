"""A type of credentials that caseway.yaml declares, from the file to the stored secret."""

from __future__ import annotations

from pathlib import Path

from cli_world import Caseway, commit, edit

DECLARED = """
  credentialTypes:
    acmeErp:
      description: The ERP's technical user.
      fields:
        tenant: {description: The tenant.}
        token: {}
        region: {required: false, choices: [eu, us]}
"""


def declare(project: Path, kind: str = "acmeErp") -> None:
    """The type in caseway.yaml, and a slot of it in the use case."""
    file = project / "caseway.yaml"
    file.write_text(file.read_text().rstrip() + DECLARED)
    use_case = project / "use-cases/hello/usecase.yaml"
    edit(use_case, "spec:\n", f"spec:\n  credentials:\n    erp: {{type: {kind}}}\n")
    commit(project, "a type of our own")


def test_a_declared_type_is_listed_asked_for_and_checked(caseway: Caseway, project: Path) -> None:
    declare(project)
    assert caseway("apply", "--yes").code == 0
    refused = caseway("credential", "set", "erp", "--type", "acmeErp", "--value", '{"tenant": "t1"}')
    assert (refused.code, "token is missing" in refused.err) == (1, True)
    refused = caseway("credential", "set", "erp", "--type", "acmeEpr", "--value", "{}")
    assert (refused.code, "acmeErp" in refused.err) == (1, True)
    stored = caseway(
        "credential", "set", "erp", "--type", "acmeErp", "--field", "tenant=t1", "--field", "token=x"
    )
    assert stored.code == 0, stored.err
    assert "hello has what it needs now" in stored.out


def test_a_type_that_nobody_declares_is_a_finding_with_the_nearest_name(
    caseway: Caseway, project: Path
) -> None:
    declare(project, "acmeEpr")
    said = caseway("validate", "--format", "json")
    found = [item for item in said.json["diagnostics"] if item["code"] == "CW725"]
    assert said.code == 1
    assert 'did you mean "acmeErp"?' in found[0]["hint"]
