"""Templates: written once, verified, versioned, kept while anything needs them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from caseway.model.canonical import digest
from caseway.model.errors import CasewayError
from caseway.platform import keeping, processes
from caseway.platform import templates as shelf
from caseway.platform.audit import By
from caseway.platform.compose import Platform
from caseway.platform.lookup import the_process
from caseway.platform.snapshot import read_snapshot
from caseway.platform.tables import templates
from caseway.platform.views import get_process, get_template
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    deployed,
)


def made(body: dict[str, Any], version: str = "1.0.0", commit: str = "a" * 40) -> dict[str, Any]:
    """What a plan says of a new template."""
    return {
        "process": "invoice",
        "version": version,
        "digest": digest(body),
        "body": body,
        "commit": commit,
        "author": "ann",
        "message": "why",
    }


@pytest.fixture
def shelved(platform: Platform, clock: StandingClock) -> Any:
    """Puts templates onto the shelf of one process."""
    deployed(platform, a_repo(a_use_case(title="first")))
    by = By(ORGANIZATION, "ann", clock())

    def add(template: dict[str, Any]) -> bool:
        with platform.database.transaction() as connection:
            process = the_process(connection, ORGANIZATION, "invoice")
            return shelf.add(connection, platform.ids(), process.id, template, by)

    return add


def test_a_template_remembers_where_it_came_from(platform: Platform, shelved: Any) -> None:
    assert shelved(made({"a": 1}, "2.0.0"))

    view = get_template(platform, ORGANIZATION, "invoice", "2.0.0")
    assert (view.commit, view.author, view.message, view.revision) == ("a" * 40, "ann", "why", 2)
    assert view.body == {"a": 1}


def test_the_same_template_is_kept_once(platform: Platform, shelved: Any) -> None:
    assert shelved(made({"a": 1}, "2.0.0"))
    assert not shelved(made({"a": 1}, "2.0.0"))
    assert not shelved(made({"a": 1}, "3.0.0"))
    assert len(get_process(platform, ORGANIZATION, "invoice").templates) == 2


def test_a_version_with_other_content_is_refused_naming_both_commits(shelved: Any) -> None:
    shelved(made({"a": 1}, "2.0.0", "a" * 40))
    with pytest.raises(CasewayError) as caught:
        shelved(made({"a": 2}, "2.0.0", "b" * 40))
    assert caught.value.code == "version-conflict"
    assert "aaaaaaaaaaaa" in caught.value.message and "bbbbbbbbbbbb" in caught.value.message


def test_a_body_that_is_not_what_its_digest_says_is_not_taken(shelved: Any) -> None:
    with pytest.raises(CasewayError) as caught:
        shelved({**made({"a": 1}, "2.0.0"), "body": {"a": 2}})
    assert caught.value.code == "digest-mismatch"


@pytest.mark.parametrize("body", [{"ü": "\x00"}, {"a": "\ud800"}, {"n": 1.0, "m": 10**20}, {}])
def test_any_body_comes_back_equal(platform: Platform, shelved: Any, body: dict[str, Any]) -> None:
    shelved(made(body, "2.0.0"))

    assert get_template(platform, ORGANIZATION, "invoice", "2.0.0").body == body
    assert read_snapshot(platform, ORGANIZATION).processes["invoice"].templates[-1].body == body


def test_bodies_of_older_templates_are_read_when_they_are_looked_into(
    platform: Platform, shelved: Any
) -> None:
    shelved(made({"a": 1}, "2.0.0"))
    shelved(made({"a": 2}, "3.0.0"))

    bodies = [item.body for item in read_snapshot(platform, ORGANIZATION).processes["invoice"].templates]
    assert [body.get("a") for body in bodies] == [None, 1, 2]


def test_a_body_that_was_tampered_with_is_noticed(reopen: Open, url: str) -> None:
    if url.startswith("postgresql"):
        pytest.skip("the trigger that guards the table is taken away in SQLite's words")
    platform = reopen()
    deployed(platform, a_repo(a_use_case()))
    assert keeping.damaged(platform, ORGANIZATION) == []
    with platform.database.writing() as connection:
        guard = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'templates_insert_only'"
        ).scalar_one()
        connection.exec_driver_sql("DROP TRIGGER templates_insert_only")
        connection.execute(sa.update(templates).values(body=b'{"title":"evil"}'))
        connection.exec_driver_sql(guard)

    assert keeping.damaged(platform, ORGANIZATION) == ["invoice@1.0.0"]
    with pytest.raises(CasewayError) as caught:
        dict(read_snapshot(platform, ORGANIZATION).processes["invoice"].templates[0].body)
    assert caught.value.code == "digest-mismatch"


def test_only_what_nothing_refers_to_is_forgotten(platform: Platform, shelved: Any) -> None:
    for number in range(2, 6):
        shelved(made({"a": number}, f"{number}.0.0"))
    processes.publish(platform, ORGANIZATION, "invoice", "2.0.0", actor="ann")
    deployed(platform, a_repo(a_use_case(title="first"), an_instance(version="1.0.0")))

    gone = keeping.collect(platform, ORGANIZATION, keep=1, actor="ann")
    assert gone == ["invoice@3.0.0", "invoice@4.0.0"]
    kept = [item.version for item in get_process(platform, ORGANIZATION, "invoice").templates]
    assert kept == ["5.0.0", "2.0.0", "1.0.0"]
