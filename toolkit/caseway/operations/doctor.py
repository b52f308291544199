"""What is wrong on the platform, and what is left to do before production."""

from __future__ import annotations

from dataclasses import dataclass

from caseway.model.access import Permission
from caseway.operations.fields import Name
from caseway.operations.operation import PREFIX, Operating, Operation
from caseway.platform.doctor.calling import calling
from caseway.platform.doctor.checklist import checklist
from caseway.platform.doctor.deploying import deploying
from caseway.platform.doctor.failing import failing
from caseway.platform.doctor.finding import Finding, known
from caseway.platform.doctor.reaching import reaching
from caseway.platform.doctor.slow import slow
from caseway.platform.instance_views import get_instance, list_instances
from caseway.platform.process_views import list_processes


@dataclass(frozen=True, slots=True)
class Examine:
    """Everything of the organization."""


@dataclass(frozen=True, slots=True)
class OneInstance:
    """Which instance."""

    name: Name


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    findings: tuple[Finding, ...]


def examine(operating: Operating, _: Examine) -> Examination:
    """The four questions: why it does not deploy, is not called, fails at once, is slow. First whether this
    is the organization that is meant."""
    platform, organization = operating.platform, operating.organization
    views = list_instances(platform, organization)
    return Examination(
        (
            *known(organization, len(views), len(list_processes(platform, organization))),
            *deploying(platform, organization, views),
            *calling(platform, organization, views),
            *reaching(platform.base_url if views else ""),
            *failing(platform, organization),
            *slow(platform, organization),
        )
    )


def production(operating: Operating, asked: OneInstance) -> Examination:
    """The checklist of one instance."""
    view = get_instance(operating.platform, operating.organization, asked.name)
    return Examination(tuple(checklist(operating.platform, operating.organization, view)))


OPERATIONS = (
    Operation(
        name="doctor.examine",
        method="GET",
        path=PREFIX + "/doctor",
        permission=Permission.ADMINISTER,
        summary="Find out what does not deploy, is not called, fails at once or is slow",
        request=Examine,
        response=Examination,
        run=examine,
    ),
    Operation(
        name="doctor.checklist",
        method="GET",
        path=PREFIX + "/instances/{name}/checklist",
        permission=Permission.VIEW,
        summary="Show the production checklist of an instance, from what is so now",
        request=OneInstance,
        response=Examination,
        run=production,
        about="instance",
    ),
)
