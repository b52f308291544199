"""How long a command line takes to say its version and its help, beside bare Python and other command lines.

python benchmarks/startup.py [TIMES]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from measure import Command, Measurement, in_words, machine, measure, pin_to_one_core, table

BIN = Path(sys.executable).parent
COMMANDS = (
    ("python -c pass", (sys.executable, "-c", "pass")),
    ("python -c 'import click'", (sys.executable, "-c", "import click")),
    ("caseway --version", (str(BIN / "caseway"), "--version")),
    ("caseway --help", (str(BIN / "caseway"), "--help")),
    ("caseway-runner --help", (str(BIN / "caseway-runner"), "--help")),
    ("check-jsonschema --version", (str(BIN / "check-jsonschema"), "--version")),
    ("check-jsonschema --help", (str(BIN / "check-jsonschema"), "--help")),
    ("lint-imports --help", (str(BIN / "lint-imports"), "--help")),
    ("alembic --help", (str(BIN / "alembic"), "--help")),
    ("pip --version", (sys.executable, "-m", "pip", "--version")),
    ("mypy --version", (str(BIN / "mypy"), "--version")),
    ("pytest --version", (str(BIN / "pytest"), "--version")),
    ("git --version", ("git", "--version")),
    ("ruff --version", (str(BIN / "ruff"), "--version")),
)


def main() -> None:
    """Measure and print the table."""
    pin_to_one_core()
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        measured = [
            measure(Command(name, words, Path(folder)), times=times)
            for name, words in COMMANDS
            if shutil.which(words[0]) and (words[1] != "-m" or find_spec(words[2]))
        ]
    bare = measured[0].cpu
    print(f"{machine()}; median of {times}\n")
    print(
        table(
            ("command", "wall time", "processor time", "beyond bare Python", "peak memory"),
            [_row(item, bare) for item in measured],
        )
    )


def _row(item: Measurement, bare: float) -> tuple[str, ...]:
    beyond = (item.cpu - bare) * 1000
    return (
        f"`{item.name}`",
        in_words(item.wall),
        in_words(item.cpu),
        f"{beyond:+.0f} ms",
        f"{item.peak:.0f} MB",
    )


if __name__ == "__main__":
    main()
