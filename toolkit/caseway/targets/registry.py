"""The targets there are. Adding one is adding a module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from caseway.platform.database import Database
from caseway.platform.target import Target
from caseway.targets.builtin import Builtin

TARGETS: Mapping[str, Callable[[Database, Callable[[], datetime]], Target]] = {"builtin": Builtin}
