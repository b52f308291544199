"""Watching a work tree: a save is live at once, a mistake changes nothing, and no version is made."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import processes
from caseway.platform.compose import Platform
from caseway.platform.creation import NewExecution, create
from caseway.platform.dev_templates import collect_snapshots
from caseway.platform.tables import definitions, live_workflows, templates
from caseway.platform.views import get_instance, get_process
from caseway.repo.read import read
from chaos.store_builders import StandingClock, deployed, planned
from delivery.git_world import commit, git
from delivery.watched import a_project, a_use_case, a_watch, a_workflow, said


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return a_project(tmp_path / "work", "hello", "other")


def text_of(platform: Platform, name: str) -> str:
    """What the one workflow of an instance says now."""
    with platform.database.reading() as connection:
        query = (
            sa.select(definitions.c.body)
            .join(live_workflows, live_workflows.c.digest == definitions.c.digest)
            .where(live_workflows.c.instance_id == get_instance(platform, "acme", name).id)
        )
        return bytes(connection.execute(query).scalar_one()).decode()


def test_everything_is_live_when_watching_begins(platform: Platform, root: Path) -> None:
    assert said(a_watch(platform, root).begin()) == ("live", ("hello", "other"))


def test_a_save_is_live_and_only_what_changed_is_deployed(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    file = a_workflow(root, "hello", "changed")

    assert said(watch.changed({file})) == ("live", ("hello",))
    assert "changed" in text_of(platform, "hello")


def test_a_mistake_is_shown_where_it_stands_and_the_version_before_serves(
    platform: Platform, root: Path
) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    file = root / "use-cases/hello/workflows/main.yaml"
    file.write_text(file.read_text().replace("set:", "sett:"))

    outcome = watch.changed({file})

    assert said(outcome)[0] == "invalid"
    assert outcome is not None
    errors = [item for item in outcome.diagnostics if item.severity == "error"]
    assert {(item.file, item.line) for item in errors} == {("use-cases/hello/workflows/main.yaml", 4)}
    assert "hello" in text_of(platform, "hello")


def test_a_mistake_in_one_use_case_does_not_hold_up_another(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    broken = a_workflow(root, "hello", 'x"]')
    assert said(watch.changed({broken}))[0] == "invalid"

    assert said(watch.changed({a_workflow(root, "other", "better")})) == ("live", ("other",))
    assert said(watch.changed({a_workflow(root, "hello", "mended")})) == ("live", ("hello",))


def test_a_new_use_case_is_live_too(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    a_use_case(root, "third")
    assert said(watch.changed({root / "use-cases/third/usecase.yaml"})) == ("live", ("third",))


def test_a_branch_switch_is_live_as_a_whole_and_back_again(platform: Platform, root: Path) -> None:
    """Two use cases change, one comes, and what is shared changes too: what git changed is told at once."""
    git(root, "init", "-q", "-b", "main")
    commit(root)
    git(root, "checkout", "-q", "-b", "other")
    for name in ("hello", "other"):
        a_workflow(root, name, "of the branch")
    a_use_case(root, "third", "of the branch")
    commit(root)
    git(root, "checkout", "-q", "main")
    watch = a_watch(platform, root)
    watch.begin()

    git(root, "checkout", "-q", "other")
    assert said(watch.changed(files_between(root))) == ("live", ("hello", "other", "third"))
    assert "of the branch" in text_of(platform, "other")

    git(root, "checkout", "-q", "main")
    assert said(watch.changed(files_between(root))) == ("live", ("hello", "other"))
    assert "of the branch" not in text_of(platform, "hello")
    assert said(watch.changed({a_workflow(root, "hello", "goes on")})) == ("live", ("hello",))


def files_between(root: Path) -> set[Path]:
    """The files in which the two branches differ."""
    return {root / name for name in git(root, "diff", "--name-only", "main", "other").splitlines()}


def test_files_that_git_ignores_mean_nothing(platform: Platform, root: Path) -> None:
    (root / ".gitignore").write_text("*.tmp\n")
    watch = a_watch(platform, root)
    watch.begin()
    file = root / "use-cases/hello/x.tmp"
    file.write_text("?")
    assert watch.changed({file, root / ".caseway/state.db", Path("/elsewhere")}) is None


def test_to_be_told_twice_of_one_save_means_nothing_the_second_time(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    file = a_workflow(root, "hello", "changed")
    watch.changed({file})
    assert watch.changed({file}) is None


def test_a_save_without_a_change_is_no_deployment(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    file = root / "use-cases/hello/workflows/main.yaml"
    file.write_text(file.read_text() + "# a comment\n")
    assert said(watch.changed({file})) == ("unchanged", ())


def test_watching_makes_no_version(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    for number in range(3):
        watch.changed({a_workflow(root, "hello", f"text {number}")})

    assert get_process(platform, "acme", "hello").templates == ()
    assert get_instance(platform, "acme", "hello").version.startswith("1.0.0+dev.")


def test_the_commit_becomes_the_version_and_the_instance_runs_it(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    watch.changed({a_workflow(root, "hello", "final")})

    [desired] = read(root).desired
    deployed(platform, desired)

    assert [item.version for item in get_process(platform, "acme", "hello").templates] == ["1.0.0"]
    assert get_instance(platform, "acme", "hello").version == "1.0.0"
    assert planned(platform, desired).is_empty


def test_content_that_is_a_version_already_is_no_snapshot(platform: Platform, root: Path) -> None:
    [desired] = read(root).desired
    deployed(platform, desired)
    watch = a_watch(platform, root)
    assert said(watch.begin()) == ("unchanged", ())
    watch.changed({a_workflow(root, "hello", "other words")})
    assert get_instance(platform, "acme", "hello").version.startswith("1.0.1+dev.")

    assert said(watch.changed({a_workflow(root, "hello", "hello")})) == ("live", ("hello",))
    assert get_instance(platform, "acme", "hello").version == "1.0.0"


def test_a_snapshot_is_never_published(platform: Platform, root: Path) -> None:
    a_watch(platform, root).begin()
    version = get_instance(platform, "acme", "hello").version
    for asked in (version, ""):
        with pytest.raises(CasewayError):
            processes.publish(platform, "acme", "hello", asked, actor="ann")


def test_snapshots_that_serve_no_more_are_forgotten(platform: Platform, root: Path) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    for number in range(5):
        watch.changed({a_workflow(root, "hello", f"text {number}")})

    watch.end()

    with platform.database.reading() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(templates))
    assert count == 2
    assert "text 4" in text_of(platform, "hello")


def test_a_snapshot_stays_while_an_execution_may_need_it(
    platform: Platform, root: Path, clock: StandingClock
) -> None:
    watch = a_watch(platform, root)
    watch.begin()
    create(platform, NewExecution("acme", "hello", actor="ann"))
    watch.changed({a_workflow(root, "hello", "changed")})
    clock.advance(days=30)
    assert collect_snapshots(platform, "acme", actor="ann") == 0


def test_a_stage_that_takes_only_what_is_committed_cannot_be_tried_in(platform: Platform, root: Path) -> None:
    outcome = a_watch(platform, root, stage="prod").begin()
    assert outcome is not None
    assert (outcome.status, "only what is committed" in outcome.message) == ("failed", True)


def test_what_serves_in_another_stage_is_not_switched_off_by_a_save(platform: Platform, root: Path) -> None:
    (root / "instances").mkdir()
    (root / "instances/hello.yaml").write_text(
        "\n---\n".join(
            f"apiVersion: caseway/v1\nkind: Instance\nmetadata: {{name: hello-{stage}}}\n"
            f"spec: {{useCase: hello, stage: {stage}}}"
            for stage in ("dev", "prod")
        )
    )
    [desired] = read(root).desired
    deployed(platform, desired)
    deployed(platform, desired, stage="prod")
    watch = a_watch(platform, root)
    a_workflow(root, "hello", "changed")

    outcome = watch.begin()

    assert outcome is not None
    assert (outcome.status, outcome.message) == ("held", "it would switch off hello-prod")
    assert get_instance(platform, "acme", "hello-prod").phase == "active"
    assert said(a_watch(platform, root, takes_over=True).begin()) == ("live", ("hello-dev",))
