"""CW7xx, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import credentials, parameters
from caseway.repo.rules.rule import Rule

_LIMIT = """\
# use-cases/demo/usecase.yaml
spec:
  parameters:
    type: object
    properties:
      limit: {type: integer, minimum: 1%s}

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {limit: "$[[ params.limit ]]"}

# instances/demo-dev.yaml
spec:
  parameters: %s
"""
_OWN_TYPE = """\
# caseway.yaml
spec:
  credentialTypes:
    %s:
      fields:
        tenant: {description: The tenant.}
        token: {}

# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: %s, required: false}

# use-cases/demo/workflows/main.yaml
use:
  secrets: [erp]
do:
  - greet:
      set: {has: "${ $secrets.erp.token != null }"}
"""
_REQUIRED = """\
# use-cases/demo/usecase.yaml
spec:
  parameters:
    type: object
    required: [limit]
    properties:
      limit: {type: integer%s}

# use-cases/demo/workflows/main.yaml
do:
  - greet:
      set: {limit: "$[[ params.limit ]]"}
%s"""
_INSTANCE = """
# instances/demo-dev.yaml
spec:
  parameters: %s
"""
_WITH_SLOT = """\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, scope: organization}

# use-cases/demo/workflows/main.yaml
use:
  secrets: [erp]
do:
  - greet:
      set: {has: "${ $secrets.erp.token != null }"}

# instances/demo-dev.yaml
spec:
  credentials: %s
"""
_CALL = """\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, required: false}

# use-cases/demo/workflows/main.yaml
timeout: {after: {minutes: 1}}
use:
  secrets: [erp]
do:
  - ask:
      call: http
      with:
        method: get
        endpoint:
          uri: https://erp.example/orders
          authentication:
            bearer:
              token: %s
"""
_TWO = """\
# use-cases/demo/usecase.yaml
spec:
  credentials:
    erp: {type: bearer, required: false}
    mail: {type: basic, required: false}

# use-cases/demo/workflows/main.yaml
use:
  secrets: [erp, mail]
do:
  - greet:
      set: {has: "${ $secrets.erp.token != null and $secrets.mail.password != null }"}

# instances/demo-dev.yaml
spec:
  credentials: {erp: %s, mail: %s}
"""

RULES = (
    Rule(
        code="CW701",
        name="broken-parameter-schema",
        severity=Severity.ERROR,
        summary="the schema of the parameters is no JSON Schema",
        why="Nothing could be checked against it. The draft is 2020-12.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  parameters:
    type: object
    properties:
      limit: {type: interger}
""",
        example_good=_LIMIT % ("", "{limit: 5}"),
        check=parameters.broken_schema,
    ),
    Rule(
        code="CW702",
        name="wrong-default",
        severity=Severity.ERROR,
        summary="a parameter's default breaks the parameter's own schema",
        why="Every instance that does not set it would be invalid.",
        example_bad=_LIMIT % (", default: many", "{}"),
        example_good=_LIMIT % (", default: 10", "{}"),
        check=parameters.wrong_default,
    ),
    Rule(
        code="CW703",
        name="wrong-parameter",
        severity=Severity.ERROR,
        summary="an instance sets a parameter to a value that its schema refuses",
        why="The deployment would be refused for the same reason, later. For an instance that is pinned to a"
        " version this is a note, for one that follows a range a warning: they may run an earlier schema.",
        example_bad=_LIMIT % ("", "{limit: 0}"),
        example_good=_LIMIT % ("", "{limit: 5}"),
        check=parameters.wrong_value,
    ),
    Rule(
        code="CW704",
        name="missing-parameter",
        severity=Severity.ERROR,
        summary="an instance leaves out a required parameter that has no default",
        why="The workflow would run without a value it needs.",
        example_bad=_REQUIRED % ("", _INSTANCE % "{}"),
        example_good=_REQUIRED % ("", _INSTANCE % "{limit: 5}"),
        check=parameters.missing_value,
    ),
    Rule(
        code="CW705",
        name="unknown-parameter",
        severity=Severity.ERROR,
        summary="an instance sets a parameter that the use case does not have",
        why="It is misspelt, or was removed from the use case; either way it has no effect.",
        example_bad=_LIMIT % ("", "{limt: 5}"),
        example_good=_LIMIT % ("", "{limit: 5}"),
        check=parameters.unknown_parameter,
    ),
    Rule(
        code="CW706",
        name="no-parameter-value",
        severity=Severity.WARNING,
        summary="a required parameter has neither default nor instance",
        why="A use case without instances gets one by itself in the first stage, which could not be "
        "deployed.",
        example_bad="""\
# caseway.yaml
spec:
  exclude: ["instances/**"]

"""
        + _REQUIRED % ("", ""),
        example_good="""\
# caseway.yaml
spec:
  exclude: ["instances/**"]

"""
        + _REQUIRED % (", default: 10", ""),
        check=parameters.no_value,
    ),
    Rule(
        code="CW710",
        name="clear-token",
        severity=Severity.ERROR,
        summary="a well-known token or private key stands in a file",
        why="Whoever can read the repo, or any copy of its history, can use it. All text files are "
        "looked through.",
        example_bad="""\
# use-cases/demo/docs/notes.md
Log in with AKIA2E0A8F3B244C9986.
""",
        example_good="""\
# use-cases/demo/docs/notes.md
Log in with the key that is stored as `aws`.
""",
        check=credentials.clear_token,
    ),
    Rule(
        code="CW711",
        name="clear-secret",
        severity=Severity.WARNING,
        summary="a key such as password, token or apiKey has a literal value",
        why="A secret in git is known to everyone who ever clones it.",
        example_bad=_CALL % "c3VwZXIgc2VjcmV0IQ",
        example_good=_CALL % "${ $secrets.erp.token }",
        check=credentials.clear_secret,
    ),
    Rule(
        code="CW712",
        name="password-in-url",
        severity=Severity.ERROR,
        summary="a URL carries a password",
        why="URLs end up in logs, errors and browser histories.",
        example_bad="""\
# connections/db.yaml
apiVersion: caseway/v1
kind: Connection
metadata:
  name: db
spec:
  type: postgres
  url: postgres://app:Tr0ub4dor@db.example/orders
""",
        example_good="""\
# connections/db.yaml
apiVersion: caseway/v1
kind: Connection
metadata:
  name: db
spec:
  type: postgres
  url: postgres://db.example/orders
  credential: orders-db
""",
        check=credentials.url_login,
    ),
    Rule(
        code="CW720",
        name="unknown-credential",
        severity=Severity.ERROR,
        summary="an instance binds a credential that the use case does not ask for",
        why="It is misspelt, or no longer needed; secrets are handed to nobody without need.",
        example_bad=_WITH_SLOT % "{erp: acme-erp, epr: acme-erp}",
        example_good=_WITH_SLOT % "{erp: acme-erp}",
        check=credentials.unknown_slot,
    ),
    Rule(
        code="CW721",
        name="unbound-credential",
        severity=Severity.NOTE,
        summary="an instance does not say which stored credential fills a required slot",
        why="One of the slot's own name is looked for at deploy; without it the instance waits in the phase"
        " missing_integration. Naming it shows which secret is used where.",
        example_bad=_WITH_SLOT % "{}",
        example_good=_WITH_SLOT % "{erp: acme-erp}",
        check=credentials.unbound_slot,
    ),
    Rule(
        code="CW722",
        name="mixed-credential-types",
        severity=Severity.WARNING,
        summary="one stored credential is bound as two types",
        why="A bearer token is no user and password: one of the two would get a value it cannot use.",
        example_bad=_TWO % ("acme", "acme"),
        example_good=_TWO % ("acme-erp", "acme-mail"),
        check=credentials.mixed_types,
        compares_all=True,
    ),
    Rule(
        code="CW723",
        name="undeclared-secret",
        severity=Severity.ERROR,
        summary="a workflow uses a secret that its use case does not declare as a credential",
        why="`use.secrets` lists slots of the use case; only those are handed over at run time.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
use:
  secrets: [erp]
""",
        example_good=_WITH_SLOT % "{erp: acme-erp}",
        check=credentials.undeclared_secret,
    ),
    Rule(
        code="CW724",
        name="credential-of-nobody",
        severity=Severity.WARNING,
        summary="an organizational process asks for the credential of a single user",
        why="It runs for the organization, so nobody's own credential can be chosen.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  processType: organizational
  credentials:
    erp: {type: bearer, scope: user, required: false}
""",
        example_good="""\
# use-cases/demo/usecase.yaml
spec:
  processType: organizational
  credentials:
    erp: {type: bearer, scope: organization, required: false}
""",
        check=credentials.owned_by_nobody,
    ),
    Rule(
        code="CW725",
        name="unknown-credential-type",
        severity=Severity.ERROR,
        summary="a slot names a type of credentials that there is not",
        why="Nothing could be stored under it: the instance would wait for ever.",
        example_bad=_OWN_TYPE % ("acmeErp", "acmeEpr"),
        example_good=_OWN_TYPE % ("acmeErp", "acmeErp"),
        check=credentials.unknown_type,
    ),
    Rule(
        code="CW726",
        name="built-in-credential-type",
        severity=Severity.ERROR,
        summary="a project's own type of credentials has the name of a built-in one",
        why="The built-in type is meant wherever its name stands; the project's own would never be used.",
        example_bad=_OWN_TYPE % ("bearer", "bearer"),
        example_good=_OWN_TYPE % ("acmeErp", "bearer"),
        check=credentials.hidden_type,
    ),
)
