"""CW4xx, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import placeholder_names, placeholder_places
from caseway.repo.rules.rule import Rule

RULES = (
    Rule(
        code="CW401",
        name="placeholder-syntax",
        severity=Severity.ERROR,
        summary="a placeholder cannot be read",
        why="A placeholder is one expression in Jinja2's grammar, closed by `]]`: names, members, "
        "literals, operators"
        " and a few filters. Statements, calls and loops are not part of it.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {stage: "$[[ stage | reverse ]]"}
""",
        example_good="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {stage: "$[[ stage | upper ]]"}
""",
        check=placeholder_places.unreadable,
    ),
    Rule(
        code="CW402",
        name="unknown-placeholder",
        severity=Severity.ERROR,
        summary="a placeholder names something that does not exist at deploy",
        why="Known are params, credentials, connections, workflows, webhooks, instance, organization, "
        "owner, stage and"
        " runtime, each with its members. What happens in a run is read with `${ … }`.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {org: "$[[ organisation.id ]]"}
""",
        example_good="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {org: "$[[ organization.id ]]"}
""",
        check=placeholder_places.unknown_kind,
    ),
    Rule(
        code="CW403",
        name="undeclared-parameter",
        severity=Severity.ERROR,
        summary="a placeholder uses a parameter that the use case does not declare",
        why="It would have no value, and the deployment would fail.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {limit: "$[[ params.limit ]]"}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  parameters:
    type: object
    properties:
      limit: {type: integer, default: 10}

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {limit: "$[[ params.limit ]]"}
""",
        check=placeholder_names.undeclared_parameter,
    ),
    Rule(
        code="CW404",
        name="undeclared-name",
        severity=Severity.ERROR,
        summary="a placeholder uses a credential, connection or workflow that the use case does not declare",
        why="Only what a use case declares is resolved for it, so that a reader sees what it touches.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {url: "$[[ connections.erp.url ]]"}
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

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {url: "$[[ connections.erp.url ]]"}
""",
        check=placeholder_names.undeclared_name,
    ),
    Rule(
        code="CW405",
        name="unused-parameter",
        severity=Severity.NOTE,
        summary="no workflow uses a declared parameter",
        why="Who installs the use case is asked for a value that changes nothing.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  parameters:
    type: object
    properties:
      limit: {type: integer, default: 10}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  parameters:
    type: object
    properties:
      limit: {type: integer, default: 10}

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {limit: "$[[ params.limit ]]"}
""",
        check=placeholder_names.unused_parameter,
    ),
    Rule(
        code="CW406",
        name="unused-connection",
        severity=Severity.NOTE,
        summary="no workflow uses a declared connection",
        why="What is declared is handed to the workflow at run time; hand out no more than is needed.",
        example_bad="""\
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

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {url: "$[[ connections.erp.url ]]"}
""",
        check=placeholder_names.unused_connection,
    ),
    Rule(
        code="CW407",
        name="unused-credential",
        severity=Severity.NOTE,
        summary="no workflow uses a declared credential",
        why="Who installs the use case must hand over a secret that nothing needs.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, required: false}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, required: false}

# use-cases/demo/workflows/main.yaml
use:
  secrets: [erp]
do:
  - greet:
      set: {has: "${ $secrets.erp.token != null }"}
""",
        check=placeholder_names.unused_credential,
    ),
    Rule(
        code="CW408",
        name="misplaced-placeholder",
        severity=Severity.ERROR,
        summary="a placeholder stands where none is resolved",
        why="Placeholders are resolved when an instance is deployed: in its workflows and its "
        "parameters. Everywhere"
        " else they would stay as they are.",
        example_bad="""\
# caseway.yaml
spec:
  organization: "$[[ organization.id ]]"
""",
        example_good="""\
# caseway.yaml
spec:
  organization: acme
""",
        check=placeholder_places.misplaced,
    ),
    Rule(
        code="CW409",
        name="placeholder-in-key",
        severity=Severity.ERROR,
        summary="a placeholder stands in a key",
        why="Keys are the structure of a document; values may differ from instance to instance, "
        "structure may not.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {"$[[ stage ]]": 1}
""",
        example_good="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {stage: "$[[ stage ]]"}
""",
        check=placeholder_places.in_key,
    ),
    Rule(
        code="CW410",
        name="placeholder-in-expression",
        severity=Severity.ERROR,
        summary="a placeholder inside `${ … }` becomes program text",
        why="A parameter such as `1 | env` would change what the expression does. A JSON literal cannot, nor"
        " can a parameter that is a number or a boolean by its schema.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {is: "${ .stage == $[[ stage ]] }"}
""",
        example_good="""\
# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {is: "${ .stage == $[[ stage | tojson ]] }"}
""",
        check=placeholder_places.in_expression,
    ),
    Rule(
        code="CW411",
        name="placeholder-of-a-secret",
        severity=Severity.ERROR,
        summary="a placeholder asks for the value of a credential",
        why="Deployments hold no secrets. Values arrive at run time, fresh after every rotation, as "
        "`$secrets`.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, required: false}

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {header: "$[[ credentials.erp.token ]]"}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, required: false}

# use-cases/demo/workflows/main.yaml
use:
  secrets: [erp]
do:
  - greet:
      set: {has: "${ $secrets.erp.token != null }"}
""",
        check=placeholder_places.secret_value,
    ),
)
