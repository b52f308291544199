"""Pages of lists that are read whole: a cursor is the key of the last item shown, so that what comes and goes
between two pages neither repeats nor hides another item."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from caseway.model.errors import CasewayError
from caseway.operations.operation import Page

_Item = TypeVar("_Item")


def page_of(items: Sequence[_Item], key: Callable[[_Item], Sequence[str]], cursor: str, limit: int) -> Page:
    """The items after `cursor`, at most `limit`; they stand in the order of their keys, which are unique."""
    after = read_cursor(cursor)
    rest = [item for item in items if not after or list(key(item)) > after]
    more = len(rest) > limit
    return Page(rest[:limit], write_cursor(key(rest[limit - 1])) if more else "")


def write_cursor(key: Sequence[str]) -> str:
    """An opaque text that `read_cursor` understands."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode("utf-8")).decode("ascii")


def read_cursor(cursor: str) -> list[str]:
    """The key in `cursor`, empty at the beginning; raises `CasewayError` (`cursor`)."""
    if not cursor:
        return []
    try:
        key: Any = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise unreadable() from error
    if not isinstance(key, list) or not key or not all(isinstance(part, str) for part in key):
        raise unreadable()
    return key


def unreadable() -> CasewayError:
    """What is told of a cursor that is none."""
    return CasewayError(
        "the cursor cannot be read", code="cursor", hint="use `nextCursor` of the page before, unchanged"
    )
