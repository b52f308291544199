"""CW62x, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import http_triggers
from caseway.repo.rules.rule import Rule


def _with(lines: str, *, more: str = "") -> str:
    """A use case with a secret, whose one workflow has the http trigger `lines`."""
    return (
        "# use-cases/demo/usecase.yaml\nspec:\n"
        "  credentials: {hookSecret: {type: custom, required: false}}\n"
        f"  workflows:\n    - id: main\n      file: workflows/main.yaml\n{more}      triggers:\n"
        f"        - {{id: http, type: http, path: /start, {lines}}}\n"
    )


RULES = (
    Rule(
        code="CW621",
        name="unknown-hook-secret",
        severity=Severity.ERROR,
        summary="a trigger verifies requests with a credential that the use case does not declare",
        why="The secret that a sender signs with is a credential slot like any other; without it no request "
        "could be verified.",
        example_bad=_with("auth: verify, verify: {type: github, credential: hookSecrets}"),
        example_good=_with("auth: verify, verify: {type: github, credential: hookSecret}"),
        check=http_triggers.unknown_secret,
    ),
    Rule(
        code="CW622",
        name="idle-verify",
        severity=Severity.ERROR,
        summary="`verify` and `auth: verify` do not stand together",
        why="One says that requests must be signed, the other how. Each alone would let in nobody, or not "
        "whom was meant.",
        example_bad=_with("auth: key, verify: {type: github, credential: hookSecret}"),
        example_good=_with("auth: verify, verify: {type: github, credential: hookSecret}"),
        check=http_triggers.idle_verify,
    ),
    Rule(
        code="CW623",
        name="idle-http-key",
        severity=Severity.WARNING,
        summary="a key of an http trigger is not read, because another one decides",
        why="GitHub, Stripe, Slack and Standard Webhooks fix their headers and hashes; `methods` stands in "
        "the place of `method`.",
        example_bad=_with(
            "auth: verify, verify: {type: github, credential: hookSecret, algorithm: sha512}",
        ),
        example_good=_with(
            "auth: verify, verify: {type: hmac, credential: hookSecret, algorithm: sha512, idHeader: X-Id}",
        ),
        check=http_triggers.idle_key,
    ),
    Rule(
        code="CW624",
        name="endless-replay",
        severity=Severity.NOTE,
        summary="a signed request could be sent again at any time",
        why="A signature without a time or an id never grows old. If the sender gives neither, let the "
        "workflow take the same request twice without harm.",
        example_bad=_with("auth: verify, verify: {type: hmac, credential: hookSecret}"),
        example_good=_with(
            "auth: verify, verify: {type: hmac, credential: hookSecret, timestampHeader: X-Time}"
        ),
        check=http_triggers.endless_replay,
    ),
    Rule(
        code="CW625",
        name="unsigned-time",
        severity=Severity.ERROR,
        summary="what is signed and what is read from headers do not agree",
        why="A time that is not signed can be set by anybody, and a part of the signed text that no header "
        "gives cannot be checked.",
        example_bad=_with(
            "auth: verify, "
            'verify: {type: hmac, credential: hookSecret, timestampHeader: X-Time, signed: "v1:{body}"}',
        ),
        example_good=_with(
            "auth: verify, "
            "verify: {type: hmac, credential: hookSecret, timestampHeader: X-Time, "
            'signed: "{timestamp}:{body}"}',
        ),
        check=http_triggers.unsigned_time,
    ),
    Rule(
        code="CW626",
        name="bad-address",
        severity=Severity.ERROR,
        summary="an entry of `allow` is no address and no network",
        why="A network is written with zeros after its prefix, so that a slip does not open it wider.",
        example_bad=_with('allow: ["192.0.2.7/24"]'),
        example_good=_with('allow: ["192.0.2.0/24"]'),
        check=http_triggers.bad_address,
    ),
    Rule(
        code="CW627",
        name="reserved-path",
        severity=Severity.ERROR,
        summary="an http trigger takes the address where callers ask for executions",
        why="`GET /hooks/<instance>/executions/<id>` tells how an execution stands.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers: [{id: http, type: http, method: GET, path: "/executions/{id}"}]
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers: [{id: http, type: http, method: GET, path: "/runs/{id}"}]
""",
        check=http_triggers.reserved_path,
    ),
    Rule(
        code="CW628",
        name="idle-timeout",
        severity=Severity.NOTE,
        summary="a trigger has a timeout though nobody waits for its output",
        why="`timeout` says how long a `sync` caller waits; how long the workflow may run is in `limits`.",
        example_bad=_with("timeout: 10s"),
        example_good=_with("timeout: 10s, response: sync"),
        check=http_triggers.long_wait,
    ),
)
