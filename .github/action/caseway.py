"""Runs the `caseway` of this very checkout on the dependencies of the interpreter that runs it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "toolkit"), str(ROOT / "runner")]
sys.argv[0] = "caseway"

from caseway.cli.main import main  # noqa: E402 - it is found only now

main()
