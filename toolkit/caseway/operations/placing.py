"""Where the fields of a request travel over HTTP: one answer for server, client and document."""

from __future__ import annotations

import re
from functools import cache

from caseway.operations.fields import Described, described
from caseway.operations.operation import Operation

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def placed(operation: Operation) -> dict[str, tuple[Described, ...]]:
    """The fields of its request by place: path, query, header, body."""
    return _placed(operation.request, operation.method, operation.path)


@cache
def _placed(request: type, method: str, path: str) -> dict[str, tuple[Described, ...]]:
    found: dict[str, list[Described]] = {"path": [], "query": [], "header": [], "body": []}
    in_path = frozenset(re.findall(r"{(\w+)}", path))
    for item in described(request):
        if item.json in in_path:
            found["path"].append(item)
        elif item.about.header:
            found["header"].append(item)
        else:
            found["body" if method in WITH_BODY else "query"].append(item)
    return {place: tuple(items) for place, items in found.items()}
