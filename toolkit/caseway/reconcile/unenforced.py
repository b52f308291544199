"""What a deployment in containers asks for that its engine will not hold to as written. Pure.

Rule: an engine is not asked; what is said here holds for every engine without disk quotas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def unenforced(resources: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each setting."""
    memory, disk = _bytes(resources.get("memory", "1GB")), _bytes(resources.get("disk", "5GB"))
    if disk > memory // 2:
        yield (
            f"disk {resources.get('disk', '5GB')} cannot be bounded without quotas: the scratch folder holds "
            f"{memory // 2 // 10**6} MB, in memory, and everything else is read-only"
        )
    if int(resources.get("gpu") or 0) > 0:
        yield f"gpu {resources['gpu']} needs an engine with a GPU driver: without one no container starts"


def _bytes(text: Any) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(B|KB|MB|GB|TB)", str(text))
    return int(float(found[1]) * _UNITS[found[2]]) if found is not None else 0
