"""What an event asks for: one decision, for every event, project and kind of caller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.github.event import Event, PullRequest
from caseway.github.job import CHOICES, Do, Job, Means, Shape, Wish, what_to_do
from caseway.model.desired import Follows, Stage
from caseway.model.errors import CasewayError

STAGES = (
    Stage("dev", branches=("main", "release/*")),
    Stage("prod", follows=Follows.PUBLISHED, tags=("v*",)),
)
SHAPE = Shape(STAGES)
MAIN = "refs/heads/main"


def a_push(ref: str = MAIN, **changes: object) -> Event:
    return Event("push", ref=ref, default_branch="main", **changes)  # type: ignore[arg-type]


def a_request(action: str, *, fork: bool = False, base: str = "main") -> Event:
    request = PullRequest(7, base_ref=base, is_fork=fork)
    return Event("pull_request", action, default_branch="main", pull_request=request)


def decided(event: Event, wish: Wish | None = None, **means: bool) -> Job:
    return what_to_do(event, Means(**means), SHAPE, wish)


@pytest.mark.parametrize(
    ("ref", "do", "stages"),
    [
        (MAIN, Do.APPLY, ("dev",)),
        ("refs/heads/release/1", Do.APPLY, ("dev",)),
        ("refs/heads/release/1/x", Do.VALIDATE, ()),
        ("refs/heads/other", Do.VALIDATE, ()),
        ("refs/tags/v1.2.0", Do.PROMOTE, ("prod",)),
        ("refs/tags/nightly", Do.VALIDATE, ()),
    ],
)
def test_a_push_goes_where_its_ref_is_mapped(ref: str, do: Do, stages: tuple[str, ...]) -> None:
    job = decided(a_push(ref))
    assert (job.do, job.stages) == (do, stages)


def test_a_branch_may_deploy_to_several_stages_in_the_projects_order() -> None:
    shape = Shape((Stage("dev", branches=("main",)), Stage("staging", branches=("**",))))
    assert what_to_do(a_push(), Means(), shape).stages == ("dev", "staging")


def test_without_any_mapping_the_default_branch_deploys_to_the_first_stage() -> None:
    shape = Shape((Stage("dev"), Stage("prod")))
    assert what_to_do(a_push(), Means(), shape).stages == ("dev",)
    assert what_to_do(a_push("refs/heads/x"), Means(), shape).do is Do.VALIDATE


def test_a_deleted_branch_changes_nothing() -> None:
    assert decided(a_push(is_deleted=True)).do is Do.NOTHING


@pytest.mark.parametrize(
    ("action", "do"), [("published", Do.PROMOTE), ("created", Do.NOTHING), ("", Do.NOTHING)]
)
def test_a_release_promotes_when_it_is_published(action: str, do: Do) -> None:
    assert decided(Event("release", action, ref="refs/tags/v1")).do is do


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "synchronized", "ready_for_review"])
def test_new_content_of_a_request_is_planned_and_previewed(action: str) -> None:
    job = decided(a_request(action))
    assert (job.do, job.stages, job.preview) == (Do.PREVIEW_UP, ("dev",), "pr-7")


@pytest.mark.parametrize("action", ["labeled", "assigned", "edited", "review_requested", "locked", ""])
def test_a_request_without_new_content_asks_for_nothing(action: str) -> None:
    assert decided(a_request(action)).do is Do.NOTHING


def test_a_request_to_a_branch_of_no_stage_is_planned_against_all() -> None:
    assert decided(a_request("opened", base="topic")).stages == ("",)


@pytest.mark.parametrize("means", [{"has_platform": False}, {"allows_previews": False}])
def test_no_preview_where_there_is_no_platform_or_none_is_allowed(means: dict[str, bool]) -> None:
    job = decided(a_request("opened"), **means)
    assert (job.do, job.preview) == (Do.PLAN, "")


def test_no_preview_for_a_project_that_wants_none() -> None:
    assert what_to_do(a_request("opened"), Means(), Shape(STAGES, wants_previews=False)).do is Do.PLAN


def test_a_closed_request_loses_its_preview() -> None:
    job = decided(a_request("closed"))
    assert (job.do, job.preview) == (Do.PREVIEW_DOWN, "pr-7")


def test_a_schedule_looks_for_drift() -> None:
    assert decided(Event("schedule")).do is Do.DRIFT


def test_a_dispatch_says_itself_and_plans_otherwise() -> None:
    event = Event("workflow_dispatch", inputs={"do": "apply", "stage": "prod"}, ref="refs/heads/x")
    assert (decided(event).do, decided(event).stages) == (Do.APPLY, ("prod",))
    assert decided(Event("workflow_dispatch", ref=MAIN)).do is Do.PLAN


def test_a_flag_wins_over_an_input() -> None:
    event = Event("workflow_dispatch", inputs={"do": "apply"}, ref=MAIN)
    assert decided(event, Wish(do="validate")).do is Do.VALIDATE


@pytest.mark.parametrize(
    ("event", "wish"),
    [
        (Event("workflow_dispatch", inputs={"do": "destroy"}), Wish()),
        (a_push("refs/heads/x"), Wish(do="apply")),
        (a_push(), Wish(do="preview-up")),
    ],
)
def test_a_senseless_wish_is_refused(event: Event, wish: Wish) -> None:
    with pytest.raises(CasewayError) as caught:
        decided(event, wish)
    assert caught.value.code == "ci-input"


def test_pull_request_target_is_refused_whatever_is_wished() -> None:
    job = decided(Event("pull_request_target", "opened"), Wish(do="apply", stage="prod"))
    assert (job.do, job.is_trusted) == (Do.REFUSE, False)


names = st.sampled_from(
    ["push", "pull_request", "release", "create", "schedule", "workflow_dispatch", "merge_group", "star", ""]
)
words = st.sampled_from(["opened", "closed", "synchronize", "published", "", "x"])
refs = st.sampled_from([MAIN, "refs/tags/v1", "refs/pull/7/merge", "refs/heads/x", "", "main"])
wishes = st.builds(
    Wish, do=st.sampled_from(["", *CHOICES]), stage=st.sampled_from(["", "dev"]), preview=st.just("pr-9")
)
events = st.builds(
    Event,
    name=names,
    action=words,
    ref=refs,
    default_branch=st.just("main"),
    is_deleted=st.booleans(),
    pull_request=st.none()
    | st.builds(PullRequest, st.just(7), is_fork=st.booleans(), base_ref=st.just("main")),
    inputs=st.dictionaries(
        st.sampled_from(["do", "stage"]), st.sampled_from(["", "plan", "dev"]), max_size=2
    ),
)


def _job(event: Event, wish: Wish, means: Means) -> Job | None:
    try:
        return what_to_do(event, means, SHAPE, wish)
    except CasewayError as error:
        assert error.code == "ci-input"
        return None


@given(events, wishes, st.builds(Means, st.booleans(), st.booleans()))
def test_content_of_a_fork_never_gets_what_is_not_for_it(event: Event, wish: Wish, means: Means) -> None:
    job = _job(event, wish, means)
    if job is not None and event.pull_request is not None and event.pull_request.is_fork:
        assert not job.is_trusted
        assert job.do in {Do.NOTHING, Do.REFUSE, Do.VALIDATE, Do.PLAN}
        assert job.preview == "" or job.do is Do.NOTHING


@given(events, wishes, st.builds(Means, st.booleans(), st.booleans()))
def test_every_decision_says_why_and_where(event: Event, wish: Wish, means: Means) -> None:
    job = _job(event, wish, means)
    if job is not None:
        assert job.reason
        assert job.stages or job.do in {Do.VALIDATE, Do.NOTHING}
        assert job.preview or job.do not in {Do.PREVIEW_UP, Do.PREVIEW_DOWN}
