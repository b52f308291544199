"""The forges that are known, and the choice between them by a pipeline's variables."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from caseway.github.forge import Forge
from caseway.github.forges.gitea import Gitea
from caseway.github.forges.github import GitHub
from caseway.github.forges.gitlab import GitLab
from caseway.github.rest import Pace, Rest

__all__ = ["GitHub", "GitLab", "Gitea", "forge_of"]


def forge_of(
    environment: Mapping[str, str],
    token: str,
    *,
    pace: Pace | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Forge | None:
    """The forge whose pipeline we are in, spoken to with `token`; None when it cannot be spoken to."""
    if not token:
        return None
    if environment.get("GITLAB_CI") == "true":
        base, project = environment.get("CI_API_V4_URL", ""), environment.get("CI_PROJECT_ID", "")
        headers = {"PRIVATE-TOKEN": token}
        made: type[GitHub] | type[Gitea] | type[GitLab] = GitLab
    else:
        base, project = environment.get("GITHUB_API_URL", ""), environment.get("GITHUB_REPOSITORY", "")
        is_gitea = environment.get("GITEA_ACTIONS") == "true"
        made = Gitea if is_gitea else GitHub
        headers = {"Authorization": f"token {token}" if is_gitea else f"Bearer {token}"}
        if not is_gitea:
            headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if not base or not project:
        return None
    return made(Rest(base, headers, pace=pace, transport=transport), project)
