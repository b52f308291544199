"""Writes a project with N use cases, of the size real ones have, the same for the same N.

    python benchmarks/generate_repo.py FOLDER 1000 [--git]

Each use case has a usecase.yaml, one workflow of six tasks (every fifth two), one test, and (every second) an
Instance document: about 3.7 files of 0.3 to 2 KB each. `--git` makes the folder a repository with one commit.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

DEPARTMENTS = ("finance", "sales", "support", "logistics", "people", "it", "legal", "marketing")

PROJECT = """\
# yaml-language-server: $schema=https://caseway.dev/schemas/v1/project.schema.json
apiVersion: caseway/v1
kind: Project
metadata:
  name: generated-{count}
spec:
  organization: acme
  owner: platform-team
  stages:
    - {{name: dev, follows: latest, branches: [main]}}
    - {{name: prod, follows: published, tags: ["v*"], protected: true}}
"""

CONNECTION = """\
apiVersion: caseway/v1
kind: Connection
metadata:
  name: backend
spec:
  type: http
  url: http://backend.example/
"""

USE_CASE = """\
# yaml-language-server: $schema=https://caseway.dev/schemas/v1/use-case.schema.json
apiVersion: caseway/v1
kind: UseCase
metadata:
  name: {name}
spec:
  title: Handle {department} case {number}
  subtitle: Takes a case, checks it, asks the backend and answers
  description: >-
    Every {department} case of kind {number} comes here. It is checked against the limit, the backend is asked
    for what it knows, and the answer says who decides.
  tags: [{department}, generated]
  processType: organizational
  visibility: organizational
  parameters:
    type: object
    properties:
      limit:
        type: number
        title: Limit
        description: Cases above it are decided by a person.
        minimum: 0
        default: {limit}
      decider:
        type: string
        title: Who decides
        default: head-of-{department}
    additionalProperties: false
  credentials:
    backend:
      type: bearer
      scope: organization
      required: false
      description: A token of the backend.
  connections: [backend]
  limits:
    concurrency: 5
    timeout: 10m
  workflows:
    - id: handle
      title: Handle one case
      file: workflows/handle.yaml
      response: sync
      triggers:
        - {{id: http, type: http, method: POST, path: /{name}}}
        - {{id: manual, type: manual}}
"""

NIGHTLY_ENTRY = """\
    - id: nightly
      title: Count the cases of the day
      file: workflows/nightly.yaml
      triggers:
        - {{id: nightly, type: schedule, cron: "{minute} 2 * * *", timezone: Europe/Berlin}}
"""

HANDLE = """\
document:
  dsl: 1.0.1
  namespace: {name}
  name: handle
  version: 1.0.0
  title: Handle one {department} case
use:
  secrets: [backend]
input:
  schema:
    format: json
    document:
      type: object
      required: [id, total]
      properties:
        id: {{type: string}}
        total: {{type: number}}
do:
  - prepare:
      set:
        id: ${{ .id }}
        total: ${{ .total }}
        limit: $[[ params.limit ]]
  - decide:
      switch:
        - small:
            when: ${{ .total <= .limit }}
            then: ask
        - large:
            then: hand-over
  - ask:
      call: http
      with:
        method: get
        endpoint:
          uri: $[[ connections.backend.url ]]/cases/{number}
        output: content
      then: finish
  - hand-over:
      set:
        status: waiting
        decider: $[[ params.decider ]]
      then: end
  - finish:
      set:
        status: done
        answer: ${{ . }}
"""

NIGHTLY = """\
document:
  dsl: 1.0.1
  namespace: {name}
  name: nightly
  version: 1.0.0
do:
  - count:
      for:
        each: region
        in: '${{ ["north", "south", "west"] }}'
      do:
        - fetch:
            set:
              region: ${{ $region }}
              number: {number}
  - report:
      set:
        counted: true
"""

TEST = """\
apiVersion: caseway/v1
kind: WorkflowTest
metadata:
  name: hands-large-cases-over
spec:
  workflow: handle
  input: {{id: c-{number}, total: {above}}}
  parameters: {{limit: {limit}}}
  expect:
    status: completed
    output: {{status: waiting, decider: head-of-{department}}}
    tasks: [prepare, decide, hand-over]
"""

INSTANCE = """\
apiVersion: caseway/v1
kind: Instance
metadata:
  name: {name}-dev
spec:
  useCase: {name}
  stage: dev
  owner: {department}
  parameters: {{limit: {above}}}
"""


def files(count: int) -> Iterator[tuple[str, str]]:
    """Path and text of every file of a project with `count` use cases."""
    yield "caseway.yaml", PROJECT.format(count=count)
    yield "connections/backend.yaml", CONNECTION
    yield ".gitignore", ".caseway/\n"
    for number in range(count):
        yield from use_case(number)


def use_case(number: int) -> Iterator[tuple[str, str]]:
    """Path and text of every file of one use case."""
    department = DEPARTMENTS[number % len(DEPARTMENTS)]
    name = f"{department}-case-{number:05d}"
    limit = 100 + number % 900
    words = {"name": name, "number": number, "department": department, "limit": limit, "above": limit + 1}
    folder = f"use-cases/{name}"
    has_nightly = number % 5 == 0
    entries = NIGHTLY_ENTRY.format(minute=number % 60) if has_nightly else ""
    yield f"{folder}/usecase.yaml", USE_CASE.format(**words) + entries
    yield f"{folder}/workflows/handle.yaml", HANDLE.format(**words)
    if has_nightly:
        yield f"{folder}/workflows/nightly.yaml", NIGHTLY.format(**words)
    yield f"{folder}/tests/hands-over.yaml", TEST.format(**words)
    if number % 2 == 0:
        yield f"instances/{name}-dev.yaml", INSTANCE.format(**words)


def generate(folder: Path, count: int, *, is_git: bool = False) -> int:
    """Write the project into `folder`; gives the number of files."""
    written = 0
    for path, text in files(count):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written += 1
    if is_git:
        _commit(folder)
    return written


def _commit(folder: Path) -> None:
    who = (
        "-c",
        "user.name=Generator",
        "-c",
        "user.email=generator@example.com",
        "-c",
        "commit.gpgSign=false",
    )
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*who, "commit", "-q", "-m", "Generated")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--git", action="store_true", help="make it a git repository with one commit")
    arguments = parser.parse_args()
    print(generate(arguments.folder, arguments.count, is_git=arguments.git), "files")


if __name__ == "__main__":
    main()
