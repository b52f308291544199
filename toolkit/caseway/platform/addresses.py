"""What starts a workflow, as people and callers must know it: addresses, methods, keys. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from caseway.model.canonical import JsonObject
from caseway.model.errors import CasewayError
from caseway.model.quantities import seconds, size
from caseway.platform import body as template_body
from caseway.platform.surroundings import webhook

HOW: Mapping[str, str] = {
    "key": "X-API-Key",
    "none": "anybody",
    "standardWebhooks": "signed (Standard Webhooks)",
    "github": "signed (GitHub)",
    "stripe": "signed (Stripe)",
    "slack": "signed (Slack)",
    "hmac": "signed (HMAC)",
}


def triggers_of(instance_id: str, body: JsonObject, base_url: str) -> list[JsonObject]:
    """Every trigger of a template as it is live for an instance, in the author's order."""
    return [
        {"workflow": part.id, **shown(instance_id, part.id, trigger, part.settings, base_url)}
        for part in template_body.parts(body)
        for trigger in part.triggers
    ]


def shown(
    instance_id: str, workflow: str, trigger: JsonObject, settings: JsonObject, base_url: str
) -> dict[str, Any]:
    """One trigger with all that is declared; of an http trigger also path, URL, methods, response and how
    callers show who they are (`authentication`)."""
    if trigger.get("type") != "http":
        return dict(trigger)
    return {
        **trigger,
        **webhook(instance_id, workflow, trigger, base_url),
        "methods": list(methods(trigger)),
        "response": str(trigger.get("response") or settings.get("response") or "async"),
        "authentication": authentication(trigger),
    }


def methods(trigger: Mapping[str, Any]) -> Sequence[str]:
    """The methods of an http trigger, as written."""
    return list(trigger.get("methods") or [trigger.get("method") or "POST"])


def authentication(trigger: Mapping[str, Any]) -> str:
    """How callers of an http trigger show who they are, in words."""
    auth = str(trigger.get("auth") or "key")
    verify = trigger.get("verify")
    kind = str(verify.get("type") or "") if auth == "verify" and isinstance(verify, Mapping) else auth
    return HOW.get(kind, kind)


def refuse_unreadable(trigger: Mapping[str, Any], place: str) -> None:
    """Raise `CasewayError` (`trigger`) for an http trigger that a value filled in at deployment has made
    unreadable: a network, a size or a duration that is none."""
    rate, verify = trigger.get("rateLimit") or {}, trigger.get("verify") or {}
    lengths = (trigger.get("timeout"), rate.get("per"), verify.get("tolerance"))
    try:
        for network in trigger.get("allow") or ():
            ipaddress.ip_network(network, strict=False)
        for length in lengths:
            if length is not None:
                seconds(str(length))
        if trigger.get("maxBody") is not None:
            size(str(trigger["maxBody"]))
    except (ValueError, CasewayError) as error:
        raise CasewayError(
            f"trigger {trigger.get('id')}: {error}",
            code="trigger",
            place=place,
            hint="look at the parameter that is filled in there",
        ) from error


def http_lines(triggers: Any) -> Iterator[str]:
    """`POST https://…/hooks/…  X-API-Key` for each http trigger among those `triggers_of` gave."""
    for trigger in triggers if isinstance(triggers, (list, tuple)) else ():
        if isinstance(trigger, Mapping) and trigger.get("type") == "http":
            words = ",".join(map(str, trigger.get("methods") or ()))
            yield f"{words} {trigger.get('url')}  {trigger.get('authentication')}"
