"""How the sources of queue and poll triggers read to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FETCHING = frozenset({"queue", "poll"})
_ADDRESSES = ("stream", "list", "queue", "subject", "topic")


def source_text(trigger: Mapping[str, Any]) -> str:
    """`queue stream orders of broker`, or `poll GET https://… every 5m, key ${ .id }`."""
    words = [str(trigger.get("type"))]
    if trigger.get("type") == "queue":
        kind = next((each for each in _ADDRESSES if trigger.get(each)), "")
        words += [kind, str(trigger.get(kind, "")), "of", str(trigger.get("connection"))]
    else:
        request = trigger.get("request") or {}
        endpoint = request.get("endpoint")
        where = endpoint.get("uri") if isinstance(endpoint, Mapping) else endpoint
        words += [str(request.get("method") or "GET"), str(where)]
        words += [f"every {trigger['every']}"] if trigger.get("every") else []
        words += [f"{trigger['cron']} {trigger.get('timezone') or 'UTC'}"] if trigger.get("cron") else []
    return " ".join(words) + (f", key {trigger['key']}" if trigger.get("key") else "")


def standing_text(trigger: Mapping[str, Any]) -> str:
    """The source, and how it stands: the next look, messages that were set aside, what is wrong."""
    found = [source_text(trigger)]
    if trigger.get("nextAt"):
        found.append(f"next {str(trigger['nextAt'])[:19]}Z")
    if trigger.get("setAside"):
        found.append(f"{trigger['setAside']} set aside")
    if trigger.get("error"):
        found.append(f"failing since {str(trigger.get('failingSince'))[:19]}Z: {trigger['error']}")
    return ", ".join(found)
