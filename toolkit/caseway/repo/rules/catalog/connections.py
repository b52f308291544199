"""The entries of the rules on connections that workflows use."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import connections
from caseway.repo.rules.rule import Rule

_CONNECTION = """\
# connections/store.yaml
apiVersion: caseway/v1
kind: Connection
metadata:
  name: store
spec:
  type: redis
  url: redis://store.example:6379
"""
_USE_CASE = """\
# use-cases/demo/usecase.yaml
spec:
  connections: [store]
"""
_CALL = """\
# use-cases/demo/workflows/main.yaml
do:
  - look:
      call: redis
      with: {connection: store, command: [GET, key]}
"""
_QUERY = """\
# use-cases/demo/workflows/main.yaml
do:
  - look:
      call: sql
      with: {connection: store, query: SELECT 1}
"""

RULES = (
    Rule(
        code="CW320",
        name="undeclared-connection",
        severity=Severity.ERROR,
        summary="a function uses a connection that the use case does not declare",
        why="An execution is told of nothing but what its use case declares, so the call would fail.",
        example_bad=f"{_CONNECTION}{_CALL}",
        example_good=f"{_CONNECTION}{_USE_CASE}{_CALL}",
        check=connections.undeclared_connection,
    ),
    Rule(
        code="CW321",
        name="unfit-connection",
        severity=Severity.ERROR,
        summary="a function is given a connection of a type it cannot use",
        why="The call would fail whenever it runs.",
        example_bad=f"{_CONNECTION}{_USE_CASE}{_QUERY}",
        example_good=f"{_CONNECTION}{_USE_CASE}{_CALL}",
        check=connections.unfit_connection,
    ),
)
