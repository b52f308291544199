"""CW5xx, said for people: what each rule asks, why, and two examples."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import ambiguous, calls, data_paths, flow
from caseway.repo.rules.rule import Rule

_HEAD = "# use-cases/demo/workflows/main.yaml\n"
_GOOD = _HEAD + "do:\n  - greet:\n      set: {hello: world}\n"
_TWO = """\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
    - id: second
      file: workflows/second.yaml
%s
# use-cases/demo/workflows/main.yaml
do:
  - go:
      run:
        workflow: {namespace: demo, name: %s, version: "1.0.0"}

# use-cases/demo/workflows/second.yaml
document: {dsl: "1.0.3", namespace: demo, name: %s, version: "1.0.0"}
do:
%s
"""
_PLAIN = "  - greet:\n      set: {hello: world}\n"
_BACK = "  - back:\n      run:\n        workflow: {namespace: demo, name: main, version: latest}\n"

_KINDS = frozenset(
    {
        "expression",
        "flow-target",
        "unknown-function",
        "unknown-reference",
        "duplicate-task",
        "duration",
        "unsupported",
        "secret",
        "unreachable",
        "dead-end",
        "limit",
    }
)

RULES = (
    Rule(
        code="CW501",
        name="expression",
        severity=Severity.ERROR,
        summary="a run-time expression does not compile",
        why="`${ … }` holds a jq program; the whole string is one expression.",
        example_bad=_HEAD + 'do:\n  - greet:\n      set: {total: "${ .lines | add( }"}\n',
        example_good=_HEAD + 'do:\n  - greet:\n      set: {total: "${ .lines | add }"}\n',
        check=flow.of_kind("expression"),
    ),
    Rule(
        code="CW502",
        name="flow-target",
        severity=Severity.ERROR,
        summary="`then` leads to a task that is not in the same list",
        why="Flow directives reach tasks of their own list only, or continue, exit or end.",
        example_bad=_HEAD + "do:\n  - greet:\n      set: {hello: world}\n      then: gret\n",
        example_good=_HEAD + "do:\n  - greet:\n      set: {hello: world}\n      then: end\n",
        check=flow.of_kind("flow-target"),
    ),
    Rule(
        code="CW503",
        name="unknown-function",
        severity=Severity.ERROR,
        summary="a task calls a function that is not defined",
        why="Functions are defined under `use.functions`; protocols such as http are built in.",
        example_bad=_HEAD + "do:\n  - greet:\n      call: sayHello\n",
        example_good=_GOOD,
        check=flow.of_kind("unknown-function"),
    ),
    Rule(
        code="CW504",
        name="unknown-reference",
        severity=Severity.ERROR,
        summary="a name does not exist under `use`",
        why="Errors, retries, timeouts and authentications that are referred to by name are defined "
        "under `use`.",
        example_bad=_HEAD + "do:\n  - stop:\n      raise: {error: outOfStock}\n",
        example_good=_HEAD
        + "use:\n  errors:\n    outOfStock: {type: https://demo.example/errors/stock, status: 409}\n"
        "do:\n  - stop:\n      raise: {error: outOfStock}\n",
        check=flow.of_kind("unknown-reference"),
    ),
    Rule(
        code="CW505",
        name="duplicate-task",
        severity=Severity.ERROR,
        summary="two tasks of one list have the same name",
        why="`then` could mean either, and so could a reader of the history.",
        example_bad=_HEAD + "do:\n  - greet:\n      set: {a: 1}\n  - greet:\n      set: {b: 2}\n",
        example_good=_HEAD + "do:\n  - greet:\n      set: {a: 1}\n  - part:\n      set: {b: 2}\n",
        check=flow.of_kind("duplicate-task"),
    ),
    Rule(
        code="CW506",
        name="duration",
        severity=Severity.ERROR,
        summary="a duration cannot be read",
        why="Durations are objects such as `{minutes: 5}` or ISO 8601 texts such as PT5M.",
        example_bad=_HEAD + "do:\n  - pause:\n      wait: {seconds: -5}\n",
        example_good=_HEAD + "do:\n  - pause:\n      wait: {seconds: 5}\n",
        check=flow.of_kind("duration"),
    ),
    Rule(
        code="CW507",
        name="not-runnable",
        severity=Severity.ERROR,
        summary="the runner refuses a workflow for a reason that its schema does not see",
        why="Validating and running ask the same compiler: what passes here starts there.",
        example_bad=_HEAD
        + "do:\n  - decide:\n      switch:\n        - a: {then: end}\n        - b: {then: exit}\n",
        example_good=_HEAD
        + "do:\n  - decide:\n      switch:\n        - a: {when: '${ .ok }', then: end}\n"
        + "        - b: {then: exit}\n",
        check=flow.other(_KINDS),
    ),
    Rule(
        code="CW508",
        name="unsupported",
        severity=Severity.ERROR,
        summary="a workflow uses a part of the language that this version of Caseway does not run",
        why="Better here than at night, half-way through.",
        example_bad=_HEAD + "do:\n  - go:\n      run:\n        script: {language: cobol, code: STOP RUN.}\n",
        example_good=_HEAD + "timeout: {after: {minutes: 1}}\ndo:\n  - go:\n      run:\n"
        "        script: {language: python, code: print(1)}\n",
        check=flow.of_kind("unsupported"),
    ),
    Rule(
        code="CW509",
        name="secret-not-listed",
        severity=Severity.ERROR,
        summary="an expression reads a secret that the workflow does not list",
        why="`use.secrets` says at the top what a workflow may know; nothing else is handed to it.",
        example_bad=_HEAD + 'do:\n  - greet:\n      set: {has: "${ $secrets.erp != null }"}\n',
        example_good="# use-cases/demo/usecase.yaml\nspec:\n  credentials:\n"
        "    erp: {type: bearer, required: false}\n\n"
        + _HEAD
        + 'use:\n  secrets: [erp]\ndo:\n  - greet:\n      set: {has: "${ $secrets.erp != null }"}\n',
        check=flow.of_kind("secret"),
    ),
    Rule(
        code="CW510",
        name="unreachable-task",
        severity=Severity.WARNING,
        summary="no path leads to a task",
        why="It looks as if it would run.",
        example_bad=_HEAD
        + "do:\n  - greet:\n      set: {a: 1}\n      then: end\n  - never:\n      set: {b: 2}\n",
        example_good=_HEAD + "do:\n  - greet:\n      set: {a: 1}\n  - then:\n      set: {b: 2}\n",
        check=flow.of_kind("unreachable"),
    ),
    Rule(
        code="CW511",
        name="dead-end",
        severity=Severity.WARNING,
        summary="the tasks of a list run in a circle that nothing leaves",
        why="The execution ends only when a limit stops it.",
        example_bad=_HEAD + "do:\n  - a:\n      set: {a: 1}\n  - b:\n      set: {b: 2}\n      then: a\n",
        example_good=_HEAD + "do:\n  - a:\n      set: {a: 1}\n  - b:\n      set: {b: 2}\n      then: end\n",
        check=flow.of_kind("dead-end"),
    ),
    Rule(
        code="CW512",
        name="workflow-limit",
        severity=Severity.ERROR,
        summary="a workflow is larger or deeper than the runner accepts",
        why="The bounds protect the worker from documents made to exhaust it.",
        example_bad="",
        example_good="",
        check=flow.of_kind("limit"),
    ),
    Rule(
        code="CW513",
        name="test-expression",
        severity=Severity.ERROR,
        summary="an assertion of a test does not compile",
        why="The test would fail for this reason, whatever the workflow does.",
        example_bad="""\
# use-cases/demo/tests/greets.yaml
apiVersion: caseway/v1
kind: WorkflowTest
metadata: {name: greets}
spec:
  workflow: main
  expect:
    assertions: ["${ .hello == }"]
""",
        example_good="""\
# use-cases/demo/tests/greets.yaml
apiVersion: caseway/v1
kind: WorkflowTest
metadata: {name: greets}
spec:
  workflow: main
  expect:
    assertions: ['${ .hello == "world" }']
""",
        check=flow.test_expression,
    ),
    Rule(
        code="CW514",
        name="idle-key",
        severity=Severity.WARNING,
        summary="a workflow has a key that the language allows but nothing reads",
        why="The specification leaves some objects open. A misspelt key there would pass in silence; what is"
        " only for people belongs under `metadata`.",
        example_bad=_HEAD + "timeuot: {after: PT5M}\ndo:\n  - greet:\n      set: {a: 1}\n",
        example_good=_HEAD + "timeout: {after: PT5M}\ndo:\n  - greet:\n      set: {a: 1}\n",
        check=flow.idle_key,
        fixable=True,
    ),
    Rule(
        code="CW520",
        name="unknown-sub-workflow",
        severity=Severity.ERROR,
        summary="a task runs a workflow that the project does not have",
        why="Sub-workflows are found by the namespace, name and version in the documents of the same "
        "project.",
        example_bad=_TWO % ("      calledBy: [main]", "secnd", "second", _PLAIN),
        example_good=_TWO % ("      calledBy: [main]", "second", "second", _PLAIN),
        check=calls.unknown_sub_workflow,
        compares_all=True,
    ),
    Rule(
        code="CW521",
        name="sub-workflow-cycle",
        severity=Severity.ERROR,
        summary="workflows call each other in a circle",
        why="It ends at the depth limit, after having done everything that many times.",
        example_bad=_TWO % ("", "second", "second", _BACK),
        example_good=_TWO % ("", "second", "second", _PLAIN),
        check=calls.call_cycle,
        compares_all=True,
    ),
    Rule(
        code="CW522",
        name="sub-workflow-depth",
        severity=Severity.ERROR,
        summary="sub-workflows nest deeper than the use case's limit",
        why="The run would be stopped there.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  limits: {depth: 1}
  workflows:
    - {id: main, file: workflows/main.yaml}
    - {id: second, file: workflows/second.yaml}
    - {id: third, file: workflows/third.yaml}

# use-cases/demo/workflows/main.yaml
do:
  - go: {run: {workflow: {namespace: demo, name: second, version: "1.0.0"}}}

# use-cases/demo/workflows/second.yaml
document: {dsl: "1.0.3", namespace: demo, name: second, version: "1.0.0"}
do:
  - go: {run: {workflow: {namespace: demo, name: third, version: "1.0.0"}}}

# use-cases/demo/workflows/third.yaml
document: {dsl: "1.0.3", namespace: demo, name: third, version: "1.0.0"}
do:
  - greet: {set: {hello: world}}
""",
        example_good=_TWO % ("  limits: {depth: 1}", "second", "second", _PLAIN),
        check=calls.too_deep,
        compares_all=True,
    ),
    Rule(
        code="CW523",
        name="same-identity",
        severity=Severity.ERROR,
        summary="two workflow documents have the same namespace, name and version",
        why="A sub-workflow call could mean either.",
        example_bad=_TWO % ("", "main", "main", _PLAIN),
        example_good=_TWO % ("", "second", "second", _PLAIN),
        check=calls.same_identity,
        compares_all=True,
    ),
    Rule(
        code="CW524",
        name="unknown-caller",
        severity=Severity.ERROR,
        summary="`calledBy` names a workflow that the use case does not have",
        why="`calledBy` tells the reader of a sub-workflow who depends on it.",
        example_bad=_TWO % ("      calledBy: [mian]", "second", "second", _PLAIN),
        example_good=_TWO % ("      calledBy: [main]", "second", "second", _PLAIN),
        check=calls.unknown_caller,
    ),
    Rule(
        code="CW525",
        name="inconsistent-caller",
        severity=Severity.WARNING,
        summary="`calledBy` and the calls themselves disagree",
        why="One of the two is out of date, and a change to the sub-workflow will surprise somebody.",
        example_bad="""\
# use-cases/demo/usecase.yaml
spec:
  workflows:
    - id: main
      file: workflows/main.yaml
    - id: second
      file: workflows/second.yaml
      calledBy: [main]

# use-cases/demo/workflows/second.yaml
document: {dsl: "1.0.3", namespace: demo, name: second, version: "1.0.0"}
do:
  - greet: {set: {hello: world}}
""",
        example_good=_TWO % ("      calledBy: [main]", "second", "second", _PLAIN),
        check=calls.inconsistent_caller,
        compares_all=True,
    ),
    Rule(
        code="CW526",
        name="ambiguous-function",
        severity=Severity.ERROR,
        summary="a task calls a function by a name that two functions have",
        why="The workflow's own comes first, which nobody sees who knows the other. A name that is said in "
        "full, such as `sql:1.0.0@default`, is Caseway's.",
        example_bad="""\
# use-cases/demo/workflows/main.yaml
use:
  functions:
    template: {set: {a: 1}}
do:
  - one:
      call: template
""",
        example_good="""\
# use-cases/demo/workflows/main.yaml
use:
  functions:
    letter: {set: {a: 1}}
do:
  - one:
      call: letter
""",
        check=ambiguous.ambiguous_function,
    ),
    Rule(
        code="CW530",
        name="unhandled-failure",
        severity=Severity.NOTE,
        summary="a workflow reaches out to others, and nothing answers when that fails",
        why="With no `catch` and `retries: 0` a moment without network ends the execution for good.",
        example_bad="# use-cases/demo/usecase.yaml\nspec:\n  retries: 0\n\n"
        + _HEAD
        + "timeout: {after: {minutes: 1}}\ndo:\n  - ask:\n      call: http\n"
        "      with: {method: get, endpoint: http://a.example}\n",
        example_good="# use-cases/demo/usecase.yaml\nspec:\n  retries: 3\n\n"
        + _HEAD
        + "timeout: {after: {minutes: 1}}\ndo:\n  - ask:\n      call: http\n"
        "      with: {method: get, endpoint: http://a.example}\n",
        check=calls.unhandled_failure,
    ),
    Rule(
        code="CW540",
        name="unknown-path",
        severity=Severity.WARNING,
        summary="an expression reads a member that the value before it cannot have",
        why="jq gives null for what is not there, so the run is green and its output empty. It is "
        "known what a task"
        " gives when it sets its output, or when a closed schema describes it.",
        example_bad=_HEAD
        + "do:\n  - count:\n      set: {total: 3}\n  - tell:\n"
        + '      set: {text: "${ .totl }"}\n',
        example_good=_HEAD
        + "do:\n  - count:\n      set: {total: 3}\n  - tell:\n"
        + '      set: {text: "${ .total }"}\n',
        check=data_paths.unknown_path,
    ),
)
