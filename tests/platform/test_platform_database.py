"""The database: its schema, its migrations, and what it refuses."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import status_watch
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from caseway.model.errors import CasewayError
from caseway.platform.compose import Platform
from caseway.platform.database import HEAD, migrate, open_database
from caseway.platform.immutable import INSERT_ONLY
from caseway.platform.migrations.upgrade import scripts
from caseway.platform.snapshot import current_revision
from caseway.platform.tables import Instant, JsonText, metadata
from chaos.store_builders import a_platform, a_repo, a_use_case, an_instance, deployed
from postgres_server import administer, url_of


def same_type(_context: Any, _there: Any, _wanted: Any, there: Any, wanted: Any) -> bool | None:
    """Our own types are text in the database; leave the rest to Alembic."""
    return False if isinstance(wanted, (Instant, JsonText)) and isinstance(there, sa.Text) else None


def _is_ours(name: str | None, _kind: str, _parents: object) -> bool:
    return name != status_watch.TABLE  # the tests' own


def test_the_schema_is_the_sum_of_its_migrations(platform: Platform) -> None:
    with platform.database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": same_type, "include_name": _is_ours}
        )
        assert compare_metadata(context, metadata) == []


def test_the_code_needs_the_newest_migration() -> None:
    assert scripts().get_current_head() == HEAD


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/state.db")
    with database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_opening_again_migrates_nothing_and_keeps_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    with a_platform(url) as platform:
        deployed(platform, a_repo(a_use_case(), an_instance()))
        revision = current_revision(platform.database)
    assert migrate(url) == (HEAD, HEAD)
    with a_platform(url) as platform:
        assert current_revision(platform.database) == revision


def test_a_schema_of_a_later_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    database = open_database(url)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(CasewayError) as caught:
        open_database(url)
    assert caught.value.code == "schema-new"


def test_postgresql_is_migrated_only_when_told_to(postgres_server: Path) -> None:
    with pytest.raises(CasewayError) as caught:
        open_database(f"postgresql://caseway@/postgres?host={postgres_server}")
    assert caught.value.code == "schema-old"
    assert "caseway db migrate" in caught.value.hint


@pytest.mark.parametrize("bad", ["mysql://here/there", "nonsense", "sqlite:////proc/nowhere/state.db"])
def test_a_database_that_cannot_be_used_is_an_error_in_words(bad: str) -> None:
    with pytest.raises(CasewayError) as caught:
        open_database(bad)
    assert caught.value.code == "database"


def test_the_state_folder_keeps_itself_out_of_git(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/.caseway/state.db").close()

    assert (tmp_path / ".caseway" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("table", INSERT_ONLY)
def test_what_is_written_once_cannot_be_changed(platform: Platform, table: str) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    column = next(iter(metadata.tables[table].columns))

    with pytest.raises(sa.exc.DBAPIError, match="insert-only"), platform.database.transaction() as connection:
        connection.execute(sa.update(metadata.tables[table]).values({column.name: column}))


def test_a_transaction_raises_the_revision_and_writing_does_not(platform: Platform) -> None:
    before = current_revision(platform.database)
    with platform.database.writing():
        pass
    assert current_revision(platform.database) == before
    with platform.database.transaction():
        pass
    assert current_revision(platform.database) == before + 1


def test_a_failed_transaction_leaves_the_revision(platform: Platform) -> None:
    before = current_revision(platform.database)
    with pytest.raises(RuntimeError), platform.database.transaction():
        raise RuntimeError
    assert current_revision(platform.database) == before


def test_the_key_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with a_platform(f"sqlite:///{tmp_path}/state.db", secret_key="") as platform:
        file = tmp_path / "secret.key"
        assert not file.exists()
        ciphertext = platform.keyring().encrypt(b"x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with a_platform(f"sqlite:///{tmp_path}/state.db", secret_key="") as again:
        assert again.keyring().decrypt(ciphertext) == b"x"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_replicas_that_migrate_at_once_migrate_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    if kind == "postgresql":
        server = request.getfixturevalue("postgres_server")
        administer(server, "CREATE DATABASE replicas")
        url = url_of(server, "replicas")
    code = "import sys; from caseway.platform.database import migrate; print(*migrate(sys.argv[1]), sep='>')"
    replicas = [
        subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = [replica.communicate(timeout=120)[0].strip() for replica in replicas]

    assert [replica.returncode for replica in replicas] == [0] * 4
    assert {line.partition(">")[2] for line in told} == {HEAD}
    database = open_database(url)
    assert current_revision(database) == 0
    database.close()


def test_postgresql_of_a_later_version_is_refused_by_all(postgres_server: Path) -> None:
    administer(postgres_server, "CREATE DATABASE later TEMPLATE migrated")
    url = url_of(postgres_server, "later")
    database = open_database(url)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    for attempt in (open_database, migrate):
        with pytest.raises(CasewayError) as caught:
            attempt(url)
        assert caught.value.code == "schema-new"


def test_a_glance_sees_the_revision_as_last_committed(platform: Platform) -> None:
    before = platform.database.revision()
    with platform.database.transaction():
        assert platform.database.revision() == before
    assert platform.database.revision() == before + 1
