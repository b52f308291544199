"""The command line's root: which commands there are. Rule: importing this module imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from caseway import __version__
from caseway.cli.exits import run_to_exit
from caseway.cli.lazy import LazyGroup
from caseway.cli.options import session_options
from caseway.cli.setting_files import from_files

_C = "caseway.cli.commands."

COMMANDS = {
    "init": (_C + "init", "Make a folder a Caseway project"),
    "new": (_C + "new", "Add a use case that validates and runs"),
    "validate": (_C + "validate", "Check every file against schemas and rules"),
    "fmt": (_C + "fmt", "Lay out every file in the same way"),
    "upgrade": (_C + "upgrade", "Rewrite documents of an older Caseway"),
    "test": (_C + "test", "Run the repo's WorkflowTests offline"),
    "run": (_C + "run", "Run one workflow file here, with no platform"),
    "plan": (_C + "plan", "Show what apply would do"),
    "apply": (_C + "apply", "Bring the platform to what the repo says"),
    "watch": (_C + "watch", "Bring each save of a file live"),
    "dev": (_C + "dev", "Run server, worker and watch in one process"),
    "preview": (_C + "preview", "Try a change in a stage of its own"),
    "project": (_C + "project", "Pull projects from git, by the platform itself"),
    "hook": (_C + "hook", "Deploy on a push to a bare repository"),
    "promote": (_C + "promote", "Move a stage's pin, as a commit or pull request"),
    "diff": (_C + "diff", "Compare two versions of a use case"),
    "status": (_C + "status", "Show instances, versions and what runs"),
    "drift": (_C + "drift", "Show what hands have changed since the last apply"),
    "ci": (_C + "ci", "Do in a pipeline what its event asks for"),
    "trigger": (_C + "trigger", "Start an execution of an instance"),
    "event": (_C + "event", "Send events to executions and triggers"),
    "executions": (_C + "executions", "Look at executions and steer them"),
    "metrics": (_C + "metrics", "Show how many executions ended, and how"),
    "audit": (_C + "audit", "Show who changed what"),
    "instance": (_C + "instance", "Look at instances and steer them"),
    "process": (_C + "process", "Look at processes, versions and promotion"),
    "credential": (_C + "credential", "Keep the secrets that workflows use"),
    "runtime": (_C + "runtime", "Build the images that workflows run in"),
    "secret": (_C + "secret", "Keep secrets in git, encrypted"),
    "key": (_C + "key", "Issue and revoke API keys of instances"),
    "login": (_C + "login", "Sign in to a server"),
    "token": (_C + "token", "Make and end the tokens one shows"),
    "user": (_C + "user", "Say who belongs to the organization"),
    "team": (_C + "team", "Keep named groups of members"),
    "service-account": (_C + "service_account", "Keep who has no person behind it"),
    "trust": (_C + "trust", "Let CI come in without a stored secret"),
    "organization": (_C + "organization", "Make and list organizations"),
    "export": (_C + "export", "Write a use case into one file"),
    "import": (_C + "imports", "Take in what was made elsewhere"),
    "schema": (_C + "schema", "Print the JSON Schema of a kind"),
    "serve": (_C + "serve", "Run the platform: server, worker, or both"),
    "doctor": (_C + "doctor", "Find out what is wrong with this set-up"),
    "db": (_C + "db", "Migrate the platform's database"),
    "completion": (_C + "completion", "Print the shell's completion script"),
}


class Root(LazyGroup):
    """The root group: every way of leaving it passes through `exits`."""

    def main(  # type: ignore[override] # click overloads it by the value of standalone_mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run and exit the process; with `standalone_mode=False` return as click does."""
        if extra.get("standalone_mode") is False:
            return super().main(args, prog_name, **extra)
        extra["standalone_mode"] = False

        def run() -> Any:
            os.environ.update(from_files(os.environ))
            return super(Root, self).main(args, prog_name or "caseway", **extra)

        run_to_exit(run, args)


@click.group(
    cls=Root,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 error, 2 usage (or changes, with plan --detailed-exitcode), 3 a bug, 130 ^C.",
)
@click.version_option(__version__, prog_name="caseway", message="%(prog)s %(version)s")
@session_options(root=True)
def cli() -> None:
    """Caseway carries automations from a git repository to running instances.

    A new project: caseway init, caseway new use-case NAME, caseway validate, caseway plan, caseway apply,
    caseway trigger NAME.
    """


def main() -> None:
    """Run the command line and exit."""
    cli.main()
