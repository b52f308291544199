"""CW3xx, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import references
from caseway.repo.rules.rule import Rule

RULES = (
    Rule(
        code="CW301",
        name="unknown-use-case",
        severity=Severity.ERROR,
        summary="an instance names a use case that the project does not have",
        why="An instance is an installation of a use case of the same project; without it there is "
        "nothing to install.",
        example_bad="""\
# instances/demo-dev.yaml
spec:
  useCase: demmo
""",
        example_good="""\
# instances/demo-dev.yaml
spec:
  useCase: demo
""",
        check=references.unknown_use_case,
        compares_all=True,
    ),
    Rule(
        code="CW302",
        name="unknown-stage",
        severity=Severity.ERROR,
        summary="an instance names a stage that the project does not have",
        why="Stages and their order are declared once, in `caseway.yaml` (default: dev, prod).",
        example_bad="""\
# instances/demo-dev.yaml
spec:
  stage: staging
""",
        example_good="""\
# caseway.yaml
spec:
  stages:
    - name: dev
    - name: staging

# instances/demo-dev.yaml
spec:
  stage: staging
""",
        check=references.unknown_stage,
    ),
    Rule(
        code="CW303",
        name="unknown-runtime",
        severity=Severity.ERROR,
        summary="a use case or the project's defaults name a runtime that does not exist",
        why="A runtime is a document of kind Runtime; only `default` exists by itself.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  runtime: pyton
""",
        example_good="""\
# runtimes/python.yaml
apiVersion: caseway/v1
kind: Runtime
metadata:
  name: python
spec:
  image: python:3.12-slim

# use-cases/demo/usecase.yaml
spec:
  runtime: python
""",
        check=references.unknown_runtime,
    ),
    Rule(
        code="CW304",
        name="unknown-connection",
        severity=Severity.ERROR,
        summary="a use case uses a connection that does not exist",
        why="Workflows may use only services that the project declares as documents of kind Connection.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  connections: [erp]
""",
        example_good="""\
# connections/erp.yaml
apiVersion: caseway/v1
kind: Connection
metadata:
  name: erp
spec:
  type: http
  url: https://erp.example

# use-cases/demo/usecase.yaml
spec:
  connections: [erp]
""",
        check=references.unknown_connection,
    ),
    Rule(
        code="CW305",
        name="missing-workflow-file",
        severity=Severity.ERROR,
        summary="the file of a workflow does not exist, is not a workflow, or lies outside the project",
        why="`file` is read relative to `usecase.yaml`; what cannot be read cannot be frozen into a "
        "template.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/mian.yaml
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
""",
        check=references.missing_workflow_file,
    ),
    Rule(
        code="CW306",
        name="duplicate-name",
        severity=Severity.ERROR,
        summary="two documents of one kind have the same name",
        why="Names are how plans, histories and URLs tell things apart.",
        example_bad="""\
# instances/other.yaml
apiVersion: caseway/v1
kind: Instance
metadata:
  name: demo-dev
spec:
  useCase: demo
  stage: prod
""",
        example_good="""\
# instances/other.yaml
apiVersion: caseway/v1
kind: Instance
metadata:
  name: demo-prod
spec:
  useCase: demo
  stage: prod
""",
        check=references.duplicate_name,
        compares_all=True,
    ),
    Rule(
        code="CW307",
        name="duplicate-workflow-id",
        severity=Severity.ERROR,
        summary="two workflows of a use case have the same id",
        why="The id is the workflow's address in triggers, keys, histories and placeholders.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
    - id: main
      file: workflows/main.yaml
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
    - id: second
      file: workflows/main.yaml
""",
        check=references.duplicate_workflow_id,
    ),
    Rule(
        code="CW308",
        name="duplicate-trigger-id",
        severity=Severity.ERROR,
        summary="two triggers of a workflow have the same id",
        why="Schedules remember by trigger id when they fired last.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers:
        - {id: start, type: manual}
        - {id: start, type: http, path: /start}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
      triggers:
        - {id: start, type: manual}
        - {id: http, type: http, path: /start}
""",
        check=references.duplicate_trigger_id,
    ),
    Rule(
        code="CW309",
        name="name-is-not-the-folder",
        severity=Severity.ERROR,
        summary="a use case's name differs from the name of its folder",
        why="One name is enough: who sees the folder knows what the platform calls it, and the other "
        "way round.",
        example_bad="""\
# use-cases/demo/usecase.yaml
metadata:
  name: demonstration
""",
        example_good="""\
# use-cases/demo/usecase.yaml
metadata:
  name: demo
""",
        check=references.name_is_not_the_folder,
        fixable=True,
    ),
    Rule(
        code="CW310",
        name="missing-companion-file",
        severity=Severity.ERROR,
        summary="a document, skill, Dockerfile or build context that is named does not exist",
        why="These files travel with the template, or are needed to build its runtime.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  docs: docs/guide.md
""",
        example_good="""\
# use-cases/demo/docs/guide.md
How to use it.

# use-cases/demo/usecase.yaml
spec:
  docs: docs/guide.md
""",
        check=references.missing_companion,
    ),
    Rule(
        code="CW311",
        name="duplicate-stage",
        severity=Severity.ERROR,
        summary="the project lists a stage twice",
        why="The list is the order of promotion; a stage has one place in it.",
        example_bad="""\
# caseway.yaml
spec:
  stages:
    - name: dev
    - name: dev
""",
        example_good="""\
# caseway.yaml
spec:
  stages:
    - name: dev
    - name: prod
""",
        check=references.duplicate_stage,
    ),
    Rule(
        code="CW312",
        name="wrong-target",
        severity=Severity.ERROR,
        summary="a workflow's format does not fit the target of its use case",
        why="Caseway's own runner runs Serverless Workflow documents, an n8n server runs n8n JSON; "
        "neither runs the other.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  target: n8n
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  target: builtin
""",
        check=references.wrong_target,
    ),
    Rule(
        code="CW313",
        name="unused-workflow-file",
        severity=Severity.NOTE,
        summary="no use case names a workflow document",
        why="It looks as if it would be deployed, but it is not.",
        example_bad="""\
# use-cases/demo/workflows/old.yaml
document:
  dsl: 1.0.3
  namespace: demo
  name: old
  version: 1.0.0
do:
  - greet:
      set: {hello: world}
""",
        example_good="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {hello: world}
""",
        check=references.unused_workflow_file,
    ),
    Rule(
        code="CW314",
        name="unknown-test-workflow",
        severity=Severity.ERROR,
        summary="a test names a workflow that its use case does not have",
        why="A test belongs to the use case in whose folder it lies.",
        example_bad="""\
# use-cases/demo/tests/greets.yaml
apiVersion: caseway/v1
kind: WorkflowTest
metadata:
  name: greets
spec:
  workflow: mian
  expect: {status: completed}
""",
        example_good="""\
# use-cases/demo/tests/greets.yaml
apiVersion: caseway/v1
kind: WorkflowTest
metadata:
  name: greets
spec:
  workflow: main
  expect: {status: completed}
""",
        check=references.unknown_test_workflow,
    ),
    Rule(
        code="CW315",
        name="unknown-test-task",
        severity=Severity.ERROR,
        summary="a test stubs or expects a task that no workflow of the use case has",
        why="The stub would never be used and the real call would be made instead.",
        example_bad="""\
# use-cases/demo/tests/greets.yaml
apiVersion: caseway/v1
kind: WorkflowTest
metadata:
  name: greets
spec:
  workflow: main
  stubs:
    - task: grete
      returns: {}
  expect: {status: completed}
""",
        example_good="""\
# use-cases/demo/tests/greets.yaml
apiVersion: caseway/v1
kind: WorkflowTest
metadata:
  name: greets
spec:
  workflow: main
  stubs:
    - task: greet
      returns: {}
  expect: {status: completed}
""",
        check=references.unknown_test_task,
    ),
    Rule(
        code="CW316",
        name="idle-drift-ignore",
        severity=Severity.NOTE,
        summary="an entry of `drift.ignore` matches no instance",
        why="It was meant to allow a change by hand, and allows nothing.",
        example_bad="""\
# caseway.yaml
spec:
  drift:
    ignore: ["dmeo-*:/parameters/limit"]
""",
        example_good="""\
# caseway.yaml
spec:
  drift:
    ignore: ["demo-*:/parameters/limit"]
""",
        check=references.idle_drift_ignore,
        compares_all=True,
    ),
)
