"""Shows the whole job on sample-repo/: from a git repository to running instances, then a change.

Rule: every step is the real command line, shown as a user would type it; the first failure ends the demo with
its exit code. All happens in `.demo/` of the clone, or in the folder given as an argument. With
`--executor docker` every use case asks for containers; `make base-image` makes what they stand on.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stub_server import DEFAULT_PORT, Stub, stub_services

from caseway.cli.engine import open_engine
from caseway.containers.base import DEFAULT_TAG
from caseway.containers.images import find_image
from caseway.model.errors import CasewayError

CLONE = Path(__file__).resolve().parents[3]
SAMPLE = CLONE / "sample-repo"

INVOICE = {
    "number": "INV-2041",
    "supplier": "S-100",
    "currency": "EUR",
    "lines": [
        {"text": "Paper, A4", "quantity": 10, "unitPrice": 4.5},
        {"text": "Toner", "quantity": 2, "unitPrice": 80},
    ],
}
ORDER = {
    "id": "O-77",
    "items": [{"sku": "TEA", "quantity": 2}],
    "card": "tok-0002",
    "total": 25,
    "country": "DE",
}
CATALOGUE = {"supplier": "S-100", "csv": "sku,name,price\ntea,Thé vert,10\ncup,Cup,4.5\n"}
CREDENTIALS = (
    ("acme-erp-sandbox", "", "bearer", '{"token": "sandbox-token"}'),
    ("acme-erp", "", "bearer", '{"token": "production-token"}'),
    ("acme-shop", "", "apiKey", '{"key": "shop-key"}'),
    ("acme-payments-sandbox", "", "bearer", '{"token": "payments-sandbox-token"}'),
    ("acme-payments", "", "bearer", '{"token": "payments-token"}'),
    ("maria-helpdesk", "maria", "basic", '{"username": "maria", "password": "marias-password"}'),
    ("jonas-helpdesk", "jonas", "basic", '{"username": "jonas", "password": "jonas-password"}'),
)
EDITS = (
    (
        "usecase.yaml",
        "      approver:\n",
        "      costCentre:\n"
        "        type: string\n"
        "        title: Cost centre\n"
        "        description: Where the ERP books what nobody claims.\n"
        "        default: general\n"
        "      approver:\n",
    ),
    (
        "workflows/intake.yaml",
        "        approver: $[[ params.approver ]]\n",
        "        approver: $[[ params.approver ]]\n        costCentre: $[[ params.costCentre ]]\n",
    ),
    (
        "workflows/intake.yaml",
        "          currency: ${ .invoice.currency }\n",
        "          currency: ${ .invoice.currency }\n          costCentre: ${ .costCentre }\n",
    ),
    (
        "tests/books-a-small-invoice.yaml",
        "currency: EUR, total: 205}",
        "currency: EUR, costCentre: general, total: 205}",
    ),
)


@dataclass(frozen=True)
class Terminal:
    """Where the demo writes: in colour when somebody looks at it."""

    is_coloured: bool

    def paint(self, text: str, code: str) -> str:
        """`text` in an ANSI style, or plain."""
        return f"\033[{code}m{text}\033[0m" if self.is_coloured else text

    def say(self, text: str = "") -> None:
        """One line, before whatever a child process writes next."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def heading(self, number: int, text: str) -> None:
        """The title of a step."""
        self.say(f"\n{self.paint(f' {number} ', '30;46')} {self.paint(text, '1;36')}")

    def prompt(self, command: str) -> None:
        """A command as it would be typed."""
        self.say(f"\n{self.paint('$', '32')} {self.paint(command, '1')}")


@dataclass(frozen=True)
class Shell:
    """Runs commands in the scratch repository and shows them."""

    terminal: Terminal
    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, given: str = "", shown: str = "") -> None:
        """Show and run a command; its output is the user's. Exits with its code when it fails."""
        self.terminal.prompt(shown or shlex.join(command))
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, input=given or None, text=True, check=False
        )
        if done.returncode != 0:
            self.terminal.say(
                self.terminal.paint(f"\nthe demo ends here: exit code {done.returncode}", "1;31")
            )
            raise SystemExit(done.returncode)

    def quiet(self, *command: str) -> str:
        """The output of a command that is not worth showing."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def caseway(self, *arguments: str, given: str = "", shown: str = "") -> None:
        """Show and run a `caseway` command."""
        self.run("caseway", *arguments, given=given, shown=shown)

    def git(self, *arguments: str) -> None:
        """Run git without showing it."""
        self.quiet("git", *arguments)

    def ask(self, *arguments: str) -> Any:
        """The JSON that a `caseway` command answers."""
        return json.loads(self.quiet("caseway", *arguments, "--format", "json"))


def prepare(stub: Stub, scratch: Path) -> Path:
    """A fresh copy of the sample below `scratch`."""
    folder = scratch / "acme-automations"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns(".caseway"))
    for file in (folder / "connections").glob("*.yaml"):  # another address when the usual port is taken
        file.write_text(file.read_text().replace(f"http://127.0.0.1:{DEFAULT_PORT}", stub.url))
    (scratch / "invoice.json").write_text(json.dumps(INVOICE, indent=2) + "\n")
    return folder


def ask_for_containers(folder: Path) -> None:
    """Every use case of the copy asks for a container, with what its executions reach left as it is."""
    for file in sorted((folder / "use-cases").glob("*/usecase.yaml")):
        text = file.read_text()
        assert "\nspec:\n" in text, f"{file} of the sample has changed"
        file.write_text(text.replace("\nspec:\n", "\nspec:\n  container: {}\n", 1))


def repository(shell: Shell) -> None:
    """A git repository of use cases."""
    shell.git("init", "-q", "-b", "main")
    shell.git("add", "-A")
    shell.git("commit", "-q", "-m", "Acme's automations")
    shell.run("git", "log", "--oneline", "--stat=72,40", "--", "instances")


def validation(shell: Shell) -> None:
    """Everything that is wrong with it, and its own tests."""
    shell.caseway("validate", "--strict")
    shell.caseway("test")


def planning(shell: Shell) -> None:
    """What would happen, and why."""
    shell.caseway("plan", "--out", "../first.plan")


def applying(shell: Shell) -> None:
    """Make it so: exactly that plan, and no other."""
    shell.caseway("apply", "../first.plan", "--yes")


def secrets(shell: Shell) -> None:
    """Secrets go to the platform, never into git: the instances that waited for them start."""
    for name, owner, kind, value in CREDENTIALS:
        whose = ("--scope", "member", "--owner", owner) if owner else ()
        arguments = ("credential", "set", name, "--type", kind, *whose)
        shown = f"vault read {name} | caseway {shlex.join(arguments)}"
        shell.caseway(*arguments, given=value, shown=shown)
    shell.caseway("instance", "list")


def http_run(shell: Shell) -> None:
    """An invoice comes in over HTTP."""
    shell.run("cat", "../invoice.json")
    shell.caseway("trigger", "invoice-intake-dev", "--trigger", "http", "--input", "@../invoice.json")


def scheduled_run(shell: Shell) -> None:
    """The nightly report, its schedule fired now; then the execution as the platform keeps it."""
    shell.caseway("trigger", "nightly-report-prod", "--run-now")
    newest = shell.ask("executions", "list", "--limit", "1")["executions"][0]["id"]
    shell.caseway("executions", "get", newest)


def compensated_run(shell: Shell) -> None:
    """An order whose card is declined: what was done is undone."""
    shell.caseway("trigger", "order-saga-dev", "fulfil", "--input", json.dumps(ORDER))


def containers(shell: Shell) -> None:
    """What it all runs in: the record of a deployment, and the runtimes that were built for it."""
    shell.caseway("instance", "get", "invoice-intake-dev")
    shell.caseway("runtime", "list")


def own_runtime_run(shell: Shell) -> None:
    """A supplier's catalogue: its script needs a package that only its own runtime has."""
    shell.caseway("trigger", "catalog-import", "import", "--input", json.dumps(CATALOGUE))


def editing(shell: Shell) -> None:
    """A change, committed: one more parameter, with a default."""
    for file, before, after in EDITS:
        path = shell.folder / "use-cases" / "invoice-intake" / file
        text = path.read_text()
        assert before in text, f"{file} of the sample has changed: {before!r} is not in it"
        path.write_text(text.replace(before, after, 1))
    shell.run("git", "--no-pager", "diff", "--stat=72")
    shell.run("git", "commit", "-q", "-a", "-m", "Book unclaimed invoices on a cost centre")


def planning_again(shell: Shell) -> None:
    """The new plan: field by field, with the version it infers."""
    shell.caseway("plan", "--out", "../second.plan")


def applying_again(shell: Shell) -> None:
    """The new template; dev follows it, prod is pinned and shows that an update is available."""
    shell.caseway("apply", "../second.plan", "--yes")
    shell.caseway("process", "get", "invoice-intake")
    shell.caseway("instance", "list", "--process", "invoice-intake")


def nothing_left(shell: Shell) -> None:
    """The repository and the platform agree."""
    shell.caseway("plan")


STEPS: Sequence[Callable[[Shell], None]] = (
    repository,
    validation,
    planning,
    applying,
    secrets,
    http_run,
    scheduled_run,
    compensated_run,
    editing,
    planning_again,
    applying_again,
    nothing_left,
)


IN_CONTAINERS: Mapping[Callable[[Shell], None], Sequence[Callable[[Shell], None]]] = {
    secrets: (containers,),
    compensated_run: (own_runtime_run,),
}


def steps_of(executor: str) -> list[Callable[[Shell], None]]:
    """What is shown: with containers, some more."""
    more = IN_CONTAINERS if executor == "docker" else {}
    return [shown for step in STEPS for shown in (step, *more.get(step, ()))]


def environment() -> dict[str, str]:
    """The user's, without settings that would lead the demo elsewhere, with this clone's `caseway` first."""
    strange = (
        "CASEWAY_",
        "GIT_",
        "PYTHONDONTWRITEBYTECODE",
    )  # the last one would make every command compile anew
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@acme.example",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@acme.example",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_PAGER": "cat",
        "CASEWAY_ACTOR": "ada",
    }


def show(stub: Stub, scratch: Path, executor: str) -> None:
    """All steps, in order."""
    terminal = Terminal(is_coloured=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    shell = Shell(terminal, prepare(stub, scratch), environment())
    if executor == "docker":
        ask_for_containers(shell.folder)
    shown = os.path.relpath(shell.folder)
    terminal.say(terminal.paint("Caseway: from a git repository to running automations", "1"))
    terminal.say(f"Scratch repository: {shown}; Acme's services: a stand-in on {stub.url}")
    if executor == "docker":
        terminal.say("Every use case says 'container: {}': its executions run in containers of its runtime")
    began = time.monotonic()
    for number, step in enumerate(steps_of(executor), start=1):
        terminal.heading(number, (step.__doc__ or "").rstrip("."))
        step(shell)
    seconds = time.monotonic() - began
    terminal.say(terminal.paint(f"\nThat was all of it, in {seconds:.0f} seconds.", "1;32"))
    terminal.say(f"Look around: cd {shown} && PATH={Path(sys.executable).parent}:$PATH caseway status")


def require_base_image() -> None:
    """Say what is missing before anything is shown."""
    try:
        with open_engine() as engine:
            found = find_image(engine, DEFAULT_TAG)
    except CasewayError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    if found is None:
        sys.exit(f"the container engine has no image {DEFAULT_TAG}\nmake it, once, with: make base-image")


def main() -> None:
    """Start the stand-in on its usual port, or on another one when that is taken, and show everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", nargs="?", type=Path, default=CLONE / ".demo", help="where it happens")
    parser.add_argument(
        "--executor", choices=["local", "docker"], default="local", help="where executions run"
    )
    asked = parser.parse_args()
    if asked.executor == "docker":
        require_base_image()
    with ExitStack() as stack:
        try:
            stub = stack.enter_context(stub_services(DEFAULT_PORT))
        except OSError:
            stub = stack.enter_context(stub_services())
        show(stub, asked.folder.resolve(), asked.executor)


if __name__ == "__main__":
    main()
