"""What people look at, in one place to import from."""

from __future__ import annotations

from caseway.platform.deployment_views import DeploymentView, StepView, list_deployments
from caseway.platform.instance_views import InstanceView, WorkflowView, get_instance, list_instances
from caseway.platform.process_views import (
    ProcessView,
    TemplateView,
    get_process,
    get_template,
    list_processes,
)

__all__ = [
    "DeploymentView",
    "InstanceView",
    "ProcessView",
    "StepView",
    "TemplateView",
    "WorkflowView",
    "get_instance",
    "get_process",
    "get_template",
    "list_deployments",
    "list_instances",
    "list_processes",
]
