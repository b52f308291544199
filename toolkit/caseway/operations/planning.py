"""The plan of a platform, as it is now."""

from __future__ import annotations

from caseway.model.desired import Desired
from caseway.model.engine_facts import AskEngine, nobody_asked
from caseway.model.plan import Plan
from caseway.model.snapshot import Snapshot
from caseway.operations.client import PlanOptions
from caseway.platform.bundle import Platform
from caseway.platform.snapshot import read_snapshot
from caseway.reconcile.plan import plan
from caseway.reconcile.resources import images_needed


def planned(
    platform: Platform | None, desired: Desired, options: PlanOptions, ask_engine: AskEngine = nobody_asked
) -> Plan:
    """What would have to be done; everything when there is no platform yet. Good while it is open: templates
    are read when somebody looks into them. The engine is asked when something runs in containers."""
    if platform is None:
        actual = Snapshot(revision=0)
    else:
        actual = read_snapshot(platform, desired.organization, use_cases=options.use_cases)
        ask_engine = platform.ask_engine
    images = images_needed(desired, actual)
    return plan(
        desired,
        actual,
        stage=options.stage,
        prune=options.prune,
        allow_mass_delete=options.allow_mass_delete,
        engine=None if images is None else ask_engine(images),
    )
