"""Where the process starts: `caseway` and `python -m caseway`."""

from __future__ import annotations

from caseway.cli.main import main

if __name__ == "__main__":
    main()
