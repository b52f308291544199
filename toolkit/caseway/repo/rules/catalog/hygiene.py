"""CW8xx and CW00x, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import hygiene
from caseway.repo.rules.rule import Rule, elsewhere

_CALLING = """\
# use-cases/demo/workflows/main.yaml
%sdo:
  - ask:
      call: http
      with: {method: get, endpoint: "https://erp.example/orders"}
"""
_RETRY = """\
# use-cases/demo/workflows/main.yaml
timeout: {after: {minutes: 5}}
do:
  - careful:
      try:
        - ask:
            call: http
            with: {method: get, endpoint: "https://erp.example/orders"}
      catch:
        retry:
          delay: {seconds: 1}
          limit: {attempt: {count: %d}}
"""
_SECOND = """\
# instances/second.yaml
apiVersion: caseway/v1
kind: Instance
metadata:
  name: second
spec:
  useCase: demo
  stage: dev
  owner: %s
"""

RULES = (
    Rule(
        code="CW801",
        name="required-version",
        severity=Severity.ERROR,
        summary="the project asks for another version of Caseway",
        why="It relies on something that this version does not have, or does differently.",
        example_bad="""\
# caseway.yaml
spec:
  requiredVersion: ">=99"
""",
        example_good="""\
# caseway.yaml
spec:
  requiredVersion: ">=0.1"
""",
        check=hygiene.too_old,
    ),
    Rule(
        code="CW802",
        name="version-ahead",
        severity=Severity.WARNING,
        summary="an instance is pinned to a version that the use case has not reached",
        why="There is no template to deploy; the plan will be blocked.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  version: "1.2.0"

# instances/demo-dev.yaml
spec:
  version: "1.3.0"
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  version: "1.2.0"

# instances/demo-dev.yaml
spec:
  version: "1.1.0"
""",
        check=hygiene.version_ahead,
    ),
    Rule(
        code="CW803",
        name="idle-audience",
        severity=Severity.WARNING,
        summary="visibility and its list of users or teams do not fit",
        why="A list that has no effect looks as if it protected something.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  visibility: organizational
  users: [ann]
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  visibility: userList
  users: [ann]
""",
        check=hygiene.idle_audience,
    ),
    Rule(
        code="CW804",
        name="same-place",
        severity=Severity.ERROR,
        summary="a second instance takes the place of another",
        why="A personal process has one instance per user and stage, an organizational one per stage.",
        example_bad=_SECOND % "local",
        example_good=_SECOND % "ann",
        check=hygiene.same_place,
    ),
    Rule(
        code="CW805",
        name="many-attempts",
        severity=Severity.WARNING,
        summary="retries within a workflow and retries of the whole execution multiply",
        why="Each dispatch of an execution begins the workflow's own retries anew; a service that is "
        "down is hit by all.",
        example_bad=_RETRY % 10,
        example_good=_RETRY % 3,
        check=hygiene.many_attempts,
    ),
    Rule(
        code="CW806",
        name="no-timeout",
        severity=Severity.NOTE,
        summary="a workflow that waits for others says nowhere how long",
        why="The default is seldom what one would have chosen. `timeout` of the workflow or "
        "`limits.timeout` says it.",
        example_bad=_CALLING % "",
        example_good=_CALLING % "timeout: {after: {minutes: 5}}\n",
        check=hygiene.no_timeout,
    ),
    Rule(
        code="CW807",
        name="single-stage",
        severity=Severity.NOTE,
        summary="`exclusive` is written in a project with one stage",
        why="It decides whether several stages may be active together.",
        example_bad="""\
# caseway.yaml
spec:
  stages: [{name: dev}]

# use-cases/demo/usecase.yaml
spec:
  exclusive: false
""",
        example_good="""\
# caseway.yaml
spec:
  stages: [{name: dev}]
""",
        check=hygiene.single_stage,
    ),
    Rule(
        code="CW808",
        name="untidy-text",
        severity=Severity.NOTE,
        summary="a file has carriage returns, or no newline at its end",
        why="Editors disagree about such files, and diffs show changes nobody made.",
        example_bad="# runtimes/python.yaml\napiVersion: caseway/v1\nkind: Runtime\n"
        "metadata: {name: python}\r\nspec: {image: python}",
        example_good="# runtimes/python.yaml\napiVersion: caseway/v1\nkind: Runtime\n"
        "metadata: {name: python}\nspec: {image: python}\n",
        check=hygiene.untidy,
        fixable=True,
    ),
    Rule(
        code="CW809",
        name="idle-preview-credential",
        severity=Severity.WARNING,
        summary="previews may use a credential that nothing knows",
        why="It is misspelt, so previews will lack the one that was meant.",
        example_bad="""\
# caseway.yaml
spec:
  preview:
    credentials: [erp-sandbox]
""",
        example_good="""\
# caseway.yaml
spec:
  preview:
    credentials: []
""",
        check=hygiene.idle_preview_credential,
        compares_all=True,
    ),
)

INTERNAL = (
    Rule(
        code="CW001",
        name="crashed-rule",
        severity=Severity.ERROR,
        summary="a rule crashed",
        why="What a rule could not look at is not known to be right, so this is an error. It is a bug "
        "in Caseway.",
        example_bad="",
        example_good="",
        check=elsewhere,
    ),
    Rule(
        code="CW002",
        name="ignore-without-reason",
        severity=Severity.NOTE,
        summary="an ignore gives no reason, and is therefore not in force",
        why="Who reads it later must be able to judge whether the reason still holds.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers:
        # caseway: ignore CW608
        - {id: http, type: http, path: /start, auth: none}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers:
        # caseway: ignore CW608 -- the landing page posts here
        - {id: http, type: http, path: /start, auth: none}
""",
        check=elsewhere,
    ),
    Rule(
        code="CW003",
        name="idle-ignore",
        severity=Severity.NOTE,
        summary="an ignore hides nothing",
        why="What it once hid is gone. Left alone it would hide the next mistake.",
        example_bad="""\
# caseway.yaml
spec:
  lint:
    ignore:
      - {rule: CW608, path: "use-cases/**", reason: the landing page posts here}
""",
        example_good="""\
# caseway.yaml
spec:
  lint:
    ignore: []
""",
        check=elsewhere,
    ),
)
