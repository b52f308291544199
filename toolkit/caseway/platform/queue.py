"""Which queue carries the ids of pending executions to workers, if any: settings that fit together.

Rule: the database is the truth. A queue only says where to look; what it loses is sent again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from caseway.model.errors import CasewayError
from caseway.platform.bundle import Platform

SCHEMES = ("redis", "rediss", "unix")


@contextmanager
def telling(platform: Platform, database_url: str, queue_url: str) -> Iterator[None]:
    """Send what becomes pending in this process through the queue, if any. Raises as `check_queue`."""
    check_queue(database_url, queue_url)
    if not queue_url:
        yield
        return
    from caseway.platform.queue_saq import Sender  # noqa: PLC0415 - most platforms have no queue

    with Sender(queue_url) as sender:
        platform.bell.listen(sender.send)
        try:
            yield
        finally:
            platform.bell.leave(sender.send)


def check_queue(database_url: str, queue_url: str) -> None:
    """Refuse settings that make no sense together. Raises `CasewayError` (`queue`)."""
    if not queue_url:
        return
    scheme = urlsplit(queue_url).scheme
    if scheme not in SCHEMES:
        raise CasewayError(
            f"{scheme or queue_url!r} is not a queue Caseway can use",
            code="queue",
            hint="set CASEWAY_QUEUE_URL to redis://host:6379/0, or leave it out",
        )
    if make_url(database_url).get_backend_name() == "sqlite":
        raise CasewayError(
            "a queue is for several machines, a SQLite database is for one",
            code="queue",
            hint="leave CASEWAY_QUEUE_URL out: one process needs no queue; "
            "or set CASEWAY_DATABASE_URL to postgresql://user@host/name",
        )
