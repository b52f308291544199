"""A deployment that waits for a credential has not failed."""

from __future__ import annotations

from caseway.platform.apply import Progress, apply
from caseway.platform.compose import Platform
from chaos.store_builders import a_repo, a_use_case, an_instance, planned


def test_a_deployment_that_lacks_a_credential_waits_and_the_apply_is_well(platform: Platform) -> None:
    repo = a_repo(a_use_case(credentials={"erp": {"type": "bearer", "scope": "organization"}}), an_instance())
    heard: list[Progress] = []
    report = apply(platform, planned(platform, repo), actor="ann", on_progress=heard.append)
    assert report.is_ok
    assert [item.status for item in report.results if item.id.startswith("deploy-")] == ["waiting"]
    assert heard[-1].event == "waiting"
    assert "erp" in heard[-1].message
