"""Large values in a bucket: moved once they are stored, read wherever they are, forgotten in both places."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from worker_world import carry

import caseway_runner as runner
from caseway.model.errors import CasewayError
from caseway.platform import artifact_moving, artifacts, executions
from caseway.platform.artifact_store import store_at
from caseway.platform.compose import Platform, open_platform
from caseway.platform.journal import JournalWriter, read
from caseway.platform.sweeping import sweep
from caseway.platform.tables import artifact_objects, artifact_uses
from caseway.platform.tables import artifacts as table
from caseway.platform.tables import executions as execution_table
from caseway.targets.registry import TARGETS
from caseway.worker.fire import drain
from caseway.worker.run import Worker
from runner.serving import free_port

LARGE = "x" * 500
MAIN = {
    "main": (
        "do:\n  - a: {set: {big: '${ .big }'}}\n  - b: {set: {n: '${ .big | length }', big: '${ .big }'}}\n"
    )
}


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time


class Cut(Exception):
    """Where a process dies."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("boto3")
    port = free_port()
    serving = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    serving.start()
    yield f"http://127.0.0.1:{port}"
    serving.stop()


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bucket of its own, and how to look into it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    import boto3  # noqa: PLC0415 - an optional library

    client = boto3.session.Session().client("s3", endpoint_url=server, region_name="us-east-1")
    name = f"b{abs(hash(request.node.name))}"
    client.create_bucket(Bucket=name)
    address = f"s3://{name}/caseway?endpoint={server}&region=us-east-1"

    class Seen:
        url = address

        def names(self) -> list[str]:
            return [item["Key"] for item in client.list_objects_v2(Bucket=name).get("Contents", ())]

    yield Seen()
    client.close()


def opened(tmp_path: Path, clock: Clock, store: str, **more: Any) -> Platform:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    return open_platform(
        url, targets=TARGETS, clock=clock.now, artifact_bytes=200, artifact_store=store_at(store), **more
    )


def start(platform: Platform, value: Any) -> str:
    return executions.create(platform, executions.NewExecution("acme", "demo", input=value))


def work(platform: Platform) -> list[runner.Outcome]:
    async def once() -> list[runner.Outcome]:
        with JournalWriter(platform.database) as writer:
            return await drain(Worker(platform, writer))

    return asyncio.run(once())


def kept_here(platform: Platform) -> list[bytes]:
    with platform.database.reading() as connection:
        return list(connection.scalars(sa.select(table.c.content).where(table.c.content != b"")))


def test_values_are_moved_to_the_bucket_and_read_from_there(tmp_path, clock, bucket, project):
    with opened(tmp_path, clock, bucket.url) as platform:
        carry(platform, project(MAIN))
        execution_id = start(platform, {"big": LARGE})
        work(platform)
        before = read(platform.database, execution_id)
        assert len(kept_here(platform)) == 2 and bucket.names() == []
        assert sweep(platform)["moved"] == 2
        assert kept_here(platform) == []
        assert len(bucket.names()) == 2 and all(key.startswith("caseway/") for key in bucket.names())
        assert read(platform.database, execution_id) == before
        assert executions.get_execution(platform, execution_id).result == {"n": 500, "big": LARGE}
        views = artifacts.list_artifacts(platform, execution_id)
        values = [artifacts.artifact_of(platform, execution_id, view.digest) for view in views]
        assert {"big": LARGE} in values
        again = executions.rerun(platform, execution_id, executions.Again(origin="/do/1/b"), actor="tests")
        assert [outcome.output["n"] for outcome in work(platform)] == [500]
        assert executions.get_execution(platform, again).status == "completed"


def test_the_same_value_again_stays_where_it_was_moved(tmp_path, clock, bucket, project):
    with opened(tmp_path, clock, bucket.url) as platform:
        carry(platform, project(MAIN))
        for _ in range(2):
            start(platform, {"big": LARGE})
            work(platform)
            sweep(platform)
        assert kept_here(platform) == [] and len(bucket.names()) == 2


@pytest.mark.parametrize("again", ["moved again", "gone"])
def test_a_crash_after_an_upload_loses_nothing_and_leaves_nothing(tmp_path, clock, bucket, project, again):
    def cut(name: str) -> None:
        if name == "artifact:uploaded":
            raise Cut

    with opened(tmp_path, clock, bucket.url, on_boundary=cut) as platform:
        carry(platform, project(MAIN))
        execution_id = start(platform, {"big": LARGE})
        work(platform)
        with pytest.raises(Cut):
            artifact_moving.move(platform)
        assert len(kept_here(platform)) == 2 and len(bucket.names()) == 1
    with opened(tmp_path, clock, bucket.url) as platform:
        if again == "moved again":
            sweep(platform)
            assert len(bucket.names()) == 3
        clock.time += artifact_moving.SETTLED
        artifact_moving.tidy(platform)
        assert len(bucket.names()) == (2 if again == "moved again" else 0)
        assert executions.get_execution(platform, execution_id).result["n"] == 500


def test_what_nothing_uses_any_more_goes_from_the_bucket_too(tmp_path, clock, bucket, project):
    with opened(tmp_path, clock, bucket.url) as platform:
        carry(platform, project(MAIN))
        execution_id = start(platform, {"big": LARGE})
        work(platform)
        sweep(platform)
        with platform.database.writing() as connection:
            connection.execute(sa.delete(execution_table).where(execution_table.c.id == execution_id))
        clock.time += artifacts.KEPT + timedelta(days=1)
        sweep(platform)
        assert bucket.names() == []
        with platform.database.reading() as connection:
            for each in (table, artifact_objects, artifact_uses):
                assert connection.scalar(sa.select(sa.func.count()).select_from(each)) == 0


def test_a_bucket_that_does_not_answer_leaves_values_in_the_database(
    tmp_path, clock, bucket, project, caplog
):
    nowhere = f"s3://none/x?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1"
    with opened(tmp_path, clock, nowhere) as platform:
        carry(platform, project(MAIN))
        execution_id = start(platform, {"big": LARGE})
        work(platform)
        assert artifact_moving.move(platform) == 0
        assert executions.get_execution(platform, execution_id).result["n"] == 500
    assert "artifacts stay in the database" in caplog.text


def test_without_the_setting_a_moved_value_says_what_is_missing(tmp_path, clock, bucket, project):
    with opened(tmp_path, clock, bucket.url) as platform:
        carry(platform, project(MAIN))
        execution_id = start(platform, {"big": LARGE})
        work(platform)
        sweep(platform)
    with opened(tmp_path, clock, "") as platform, pytest.raises(CasewayError) as caught:
        executions.get_execution(platform, execution_id)
    assert caught.value.code == "artifact-store" and "CASEWAY_ARTIFACT_STORE" in caught.value.hint


@pytest.mark.parametrize("url", ["/tmp", "http://a/b", "s3://", "s3://a?key=b", "s3:///x"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(CasewayError) as caught:
        store_at(url)
    assert caught.value.code == "setting"
