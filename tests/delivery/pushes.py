"""What forges say of a push, signed as they do it."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

HOOK = "the hook's secret"


def a_push(bare: Path, **changes: Any) -> dict[str, Any]:
    """What a forge says of a push."""
    return {
        "ref": "refs/heads/main",
        "before": "1" * 40,
        "after": "2" * 40,
        "repository": {"clone_url": f"file://{bare}", "full_name": "acme/automations"},
        **changes,
    }


def signed(
    payload: Any, forge: str = "github", *, secret: str = HOOK, **more: str
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery."""
    body = json.dumps(payload).encode()
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "github": {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": "d-0000-1",
            "X-Hub-Signature-256": f"sha256={made}",
        },
        "gitea": {"X-Gitea-Event": "push", "X-Gitea-Delivery": "d-0000-1", "X-Gitea-Signature": made},
        "gitlab": {
            "X-Gitlab-Event": "Push Hook",
            "X-Gitlab-Event-UUID": "d-0000-1",
            "X-Gitlab-Token": secret,
        },
    }[forge]
    return {**headers, **more}, body
